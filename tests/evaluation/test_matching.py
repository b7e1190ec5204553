from __future__ import annotations

import numpy as np
import pytest

from spondylo_mm.anatomy import NUM_SLOTS
from spondylo_mm.evaluation.functional.matching import detect, match_by_corners
from spondylo_mm.evaluation.functional.radial_errors import radial_errors

SLOTS = np.arange(NUM_SLOTS)


def distances(predicted, true):
    return radial_errors(predicted[:, None], true[None], (640, 640))


def only(column, slots):
    """The column with all but these slots unlabelled."""
    return np.where(np.isin(SLOTS, list(slots))[:, None, None], column, np.nan)


def presence(number, above=-1):
    """``number`` labelled slots from the bottom, the others unknown (-1) or known to be empty (0)."""
    return np.where(SLOTS < number, 1, above)


def judged(slots):
    return np.isin(SLOTS, list(slots))


def test_corner_matching_undoes_a_permutation_of_the_slots(column):
    order = np.random.default_rng(3).permutation(NUM_SLOTS)
    predicted = np.empty_like(column)
    predicted[order] = column  # the quad of slot s is found in channel order[s]
    assert match_by_corners(distances(predicted, column)).tolist() == order.tolist()


def test_corner_matching_leaves_unlabelled_slots_alone(column):
    matched = match_by_corners(distances(column, only(column, range(4))))
    assert matched.tolist() == [0, 1, 2, 3] + [-1] * 6
    assert (match_by_corners(distances(column, only(column, ()))) == -1).all()


def test_corner_matching_minimises_the_sum_not_each_distance_in_turn(column):
    # The quad of slot 1 is nearest to both vertebrae 0 and 1, by hand: sums 10 + 130 against 70 + 50.
    true = only(column, (0, 1))
    predicted = np.full_like(column, 5000.0)
    predicted[1] = column[0] - [0, 10]  # 10 from vertebra 0, 50 from vertebra 1
    predicted[0] = column[0] + [0, 70]  # 70 from vertebra 0, 130 from vertebra 1
    assert match_by_corners(distances(predicted, true))[:2].tolist() == [0, 1]


def test_matched_never_exceeds_strict(column):
    rng = np.random.default_rng(1)
    for _ in range(50):
        predicted = column + rng.normal(0, 60, column.shape)
        true = only(column, range(rng.integers(1, 10)))
        d = distances(predicted, true)
        assert np.nansum(d[match_by_corners(d), SLOTS]) <= np.nansum(d[SLOTS, SLOTS]) + 1e-9


def test_a_perfect_image(column):
    found = detect(column, judged(range(6)), only(column, range(6)), presence(6))
    assert found.found.sum() == found.identified.sum() == found.true.sum() == 6
    assert found.false_positives == 0 and found.count_known and found.count_correct


def test_off_by_one_level_is_found_but_not_identified(column):
    predicted = np.roll(column, 1, axis=0)  # slot s + 1 holds vertebra s
    found = detect(predicted, judged(range(1, 7)), only(column, range(6)), presence(6))
    assert found.found.sum() == 6 and found.identified.sum() == 0 and found.false_positives == 0
    assert not found.count_correct  # in the six known slots there are five


def test_off_by_one_the_other_way_ends_on_an_unlabelled_vertebra_in_a_known_slot(column):
    predicted = np.roll(column, -1, axis=0)  # slot s holds vertebra s + 1; slot 5 an unlabelled one
    found = detect(predicted, judged(range(6)), only(column, range(6)), presence(6))
    assert found.found.sum() == 5 and not found.found[0] and found.identified.sum() == 0
    assert found.false_positives == 1  # slot 5 is known, and its vertebra is not there
    assert found.count_correct


@pytest.mark.parametrize(('shift', 'is_found'), [(23.9, True), (24.1, False)])
def test_half_a_vertebras_height_is_the_reach(column, shift, is_found):
    found = detect(column + [0, shift], judged([2]), only(column, [2]), presence(0))  # vertebrae are 48 px high
    assert found.found[2] == is_found


def test_the_reach_is_measured_along_the_walls_of_a_tilted_vertebra(column):
    c, s = np.cos(np.radians(50)), np.sin(np.radians(50))
    tilted = column @ np.array([[c, s], [-s, c]])
    assert detect(tilted + [23.9, 0], judged([2]), only(tilted, [2]), presence(0)).found[2]
    assert not detect(tilted + [24.1, 0], judged([2]), only(tilted, [2]), presence(0)).found[2]


def test_a_vertebra_in_an_unknown_slot_is_neither_right_nor_wrong(column):
    found = detect(column, judged(range(8)), only(column, range(6)), presence(6))
    assert found.false_positives == 0 and found.found.sum() == 6 and found.count_correct


def test_a_vertebra_in_a_slot_known_to_be_empty_is_a_false_positive(column):
    found = detect(column, judged(range(8)), only(column, range(6)), presence(6, above=0))
    assert found.false_positives == 2 and not found.count_correct


def test_a_double_is_a_false_positive_even_in_an_unknown_slot(column):
    predicted = column.copy()
    predicted[9] = column[3] + [5, 5]
    found = detect(predicted, judged([*range(6), 9]), only(column, range(6)), presence(6))
    assert found.false_positives == 1 and found.identified.sum() == 6 and found.count_correct


def test_of_two_on_one_vertebra_the_one_in_its_own_slot_is_paired(column):
    predicted = column.copy()
    predicted[9], predicted[3] = column[3], column[3] + [0, 10]  # the stranger is nearer
    found = detect(predicted, judged([3, 9]), only(column, [3]), presence(0))
    assert found.identified[3]


def test_as_many_pairs_as_possible_come_first(column):
    # Vertebrae of 48 px, 30 apart: one prediction reaches both, the other only the lower. Two pairs are possible.
    true = only(column, (0, 1))
    true[1] = true[0] - [0, 30]
    predicted = np.full_like(column, 5000.0)
    predicted[0], predicted[5] = true[0] - [0, 12], true[0] + [0, 20]
    assert detect(predicted, judged([0, 5]), true, presence(2)).found.sum() == 2


def test_a_vertebra_judged_absent_is_missed_however_good_its_corners(column):
    found = detect(column, judged(range(1, 6)), only(column, range(6)), presence(6))
    assert not found.found[0] and found.found.sum() == 5 and not found.count_correct


def test_a_prediction_that_is_not_finite_finds_nothing(column):
    predicted = column.copy()
    predicted[2, 1, 0] = np.nan
    found = detect(predicted, judged(range(6)), only(column, range(6)), presence(6))
    assert found.found.sum() == 5 and not found.found[2] and found.false_positives == 1


def test_nothing_predicted_and_nothing_known(column):
    found = detect(column, judged([]), only(column, range(6)), presence(6))
    assert found.found.sum() == 0 and found.true.sum() == 6 and not found.count_correct
    blind = detect(column, judged(range(6)), only(column, []), presence(0))
    assert blind.true.sum() == 0 and blind.false_positives == 0 and not blind.count_known


def test_a_true_vertebra_without_height_raises_nothing(column):
    flat = only(column, [0])
    flat[0] = flat[0, 0]
    assert not detect(flat, judged([0]), flat, presence(1)).found[0]
