import itertools

import pytest

from spondylo_mm.datasets.leaks import Identity, find_leaks

_numbers = itertools.count()


def of(split, patient='1', source=None, labelled=None, digest=None):
    labelled = split != 'test' if labelled is None else labelled
    unique = f'file {next(_numbers)}'
    return Identity(split, labelled, patient, source or unique, digest or unique)


def dropped(*identities):
    return [(leak.drop, leak.keep, leak.costs_nothing) for leak in find_leaks(identities)]


def test_copies_within_one_split_are_no_leak():
    assert dropped(of('train'), of('train'), of('val', '2'), of('test', '3')) == []


def test_the_blind_copy_goes_and_costs_no_label():
    assert dropped(of('train'), of('test')) == [(1, 0, True)]
    assert dropped(of('test'), of('val')) == [(0, 1, True)]


@pytest.mark.parametrize('earlier, later', [('train', 'val'), ('val', 'test'), ('train', 'test')])
def test_of_two_labelled_ones_the_one_in_the_earlier_split_goes(earlier, later):
    assert dropped(of(earlier, labelled=True), of(later, labelled=True)) == [(0, 1, False)]


def test_all_augmented_copies_of_a_validation_patient_leave_the_training_split():
    assert dropped(of('train'), of('val'), of('train'), of('train', '2')) == [(0, 1, False), (2, 1, False)]


def test_one_patient_in_all_three_splits_stays_where_evaluation_needs_it():
    assert dropped(of('train'), of('val'), of('test')) == [(0, 1, False), (2, 1, True)]


def test_the_same_source_or_the_same_file_is_the_same_patient():
    same_source = find_leaks([of('train', '1', source='a'), of('val', '2', source='a')])
    same_file = find_leaks([of('train', '1', digest='00'), of('test', '2', digest='00')])
    assert [leak.why for leak in same_source] == ['source a']
    assert [leak.why for leak in same_file] == ['the same file']
