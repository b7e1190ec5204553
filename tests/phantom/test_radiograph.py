"""What is on an image, before it is drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spondylo_mm.anatomy import CORNERS
from spondylo_mm.phantom.plan import plan
from spondylo_mm.phantom.radiograph import make_case


@pytest.fixture(scope='module')
def specs():
    return plan({'train': 240, 'val': 0, 'test': 60}, 3, 'mixed')


@pytest.fixture(scope='module')
def truths(specs):
    return [make_case(spec, 3, 640).truth for spec in specs]


def corners_of(vertebra, key):
    return np.array([vertebra[key][name] for name in CORNERS])


def test_as_many_close_ups_as_in_the_real_dataset_and_none_among_the_blind_images(truths):
    films = {split: [t['film'] for t in truths if t['split'] == split] for split in ('train', 'test')}
    assert np.mean(np.array(films['train']) == 'close-up') == pytest.approx(197 / 698, abs=0.08)
    assert set(films['test']) == {'full'}


def test_all_visible_vertebrae_are_in_the_truth_and_the_labels_start_below_the_top(truths):
    unlabelled = []
    for truth in truths:
        labelled = [vertebra['labelled'] for vertebra in truth['vertebrae']]
        if truth['split'] == 'test':
            assert not any(labelled)
        else:
            assert labelled == sorted(labelled, reverse=True) and sum(labelled) >= 3
            unlabelled.append(labelled.count(False))
    assert 0.3 < np.mean(np.array(unlabelled) > 0) < 0.7


def test_marked_corners_are_given_for_labelled_vertebrae_only_and_lie_near_the_true_ones(truths):
    error = []
    for truth in truths:
        for vertebra in truth['vertebrae'][1:]:
            assert ('marked' in vertebra) == vertebra['labelled']
            if vertebra['labelled']:
                error.append((corners_of(vertebra, 'marked') - corners_of(vertebra, 'corners')) * truth['spacing'])
    assert np.std(error) == pytest.approx(0.63, abs=0.1) and abs(np.mean(error)) < 0.05  # mm


def test_the_truth_names_transitions_and_fractures(truths):
    found = {truth['transition'] for truth in truths}
    assert found == {None, 'L6', 'sacralised L5'}
    for truth in truths:
        levels = [vertebra['level'] for vertebra in truth['vertebrae']]
        assert ('L6' in levels) == (truth['transition'] == 'L6')
        assert ('S1' in levels) == (truth['transition'] != 'sacralised L5')
    broken = [vertebra['fracture'] for truth in truths for vertebra in truth['vertebrae'] if 'fracture' in vertebra]
    assert broken and set(broken) <= {'wedge', 'biconcave', 'crush'}


def test_where_a_label_is_damaged_nothing_else_is_unusual(specs):
    for spec in specs[:240]:
        truth = make_case(replace(spec, quirk='reversed'), 3, 640).truth
        assert truth['transition'] is None and truth['film'] == 'full'
        assert sum(vertebra['labelled'] for vertebra in truth['vertebrae']) >= 7
