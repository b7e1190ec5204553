"""Agreement of slips, grades and angles, computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spondylo_mm.anatomy import NUM_SLOTS
from spondylo_mm.clinical.measure import Measure, absent
from spondylo_mm.evaluation.functional.clinical_score import ClinicalScore, score_clinical
from spondylo_mm.evaluation.functional.clinical_summary import quadratic_kappa, summarise_clinical

NOTHING = absent('no corners')


def score(slips=(), angles=(), facings=('left', 'left'), name='slip'):
    """``slips`` and ``angles``: pairs of true value and prediction, a Measure or a number."""
    true, predicted = {}, {}
    for kind, pairs in ((name, slips), ('lordosis', angles)):
        for number, (truth, found) in enumerate(pairs):
            true[kind, str(number)] = truth
            predicted[kind, str(number)] = found if isinstance(found, Measure) else Measure(found)
    return ClinicalScore(true, predicted, *facings)


def metrics(*scores):
    return summarise_clinical(scores, num_bootstrap=50)['metrics']


def test_slip_errors_and_the_limits_of_agreement():
    values = metrics(score([(10.0, 12.0), (0.0, -1.0)]), score([(30.0, 35.0)]))
    errors = np.array([2.0, -1.0, 5.0])
    assert values['slip_MAE'] == pytest.approx(8 / 3)
    assert values['slip_bias'] == pytest.approx(2.0)
    assert values['slip_LoA_low'] == pytest.approx(2 - 1.96 * errors.std(ddof=1))
    assert values['slip_LoA_high'] == pytest.approx(2 + 1.96 * errors.std(ddof=1))


def test_a_pair_that_was_not_measured_has_no_error_but_is_no_success():
    values = metrics(score([(10.0, 10.0), (40.0, NOTHING), (2.0, NOTHING), (1.0, 3.0)]))
    assert values['slip_MAE'] == pytest.approx(1.0) and values['slip_measured'] == 0.5
    assert values['grade_accuracy'] == 0.5
    assert values['sensitivity@I'] == 0.5 and values['specificity@I'] == 0.5
    assert values['sensitivity@II'] == 0.0 and values['specificity@II'] == pytest.approx(2 / 3)


def test_a_slip_found_in_the_wrong_grade_is_found():
    values = metrics(score([(10.0, 60.0), (-30.0, -9.0)]))
    assert values['grade_accuracy'] == 0 and values['sensitivity@I'] == 1
    assert values['sensitivity@II'] == 0 and values['specificity@II'] == 0
    assert math.isnan(values['specificity@I'])  # every pair has slipped


def test_confusion_counts_true_by_predicted_and_what_was_missed():
    summary = summarise_clinical([score([(10.0, 60.0), (2.0, NOTHING)]), score([(10.0, 11.0)])], num_bootstrap=50)
    counts = np.array(summary['clinical']['confusion']['counts'])
    assert counts[1].tolist() == [0, 1, 0, 1, 0, 0, 0] and counts[0, 6] == 1 and counts.sum() == 3


def test_kappa_of_a_worked_example():
    # Ratings 0 0 1 1 2 2 against 0 1 1 1 2 1: squared distances 0 1 0 0 0 1. By chance: true thirds each, predicted
    # 1/6, 4/6, 1/6 -> mean squared distance sum over true t of (1/6 (t-0)^2 + 4/6 (t-1)^2 + 1/6 (t-2)^2) / 3 = 1.
    confusion = np.zeros((6, 6))
    for true, predicted in zip([0, 0, 1, 1, 2, 2], [0, 1, 1, 1, 2, 1], strict=True):
        confusion[true, predicted] += 1
    assert quadratic_kappa(confusion) == pytest.approx(1 - (2 / 6) / 1)


def test_kappa_of_perfect_opposite_and_no_agreement():
    assert quadratic_kappa(np.eye(6)) == 1.0
    assert quadratic_kappa(np.eye(6)[::-1]) == pytest.approx(-1.0)
    assert quadratic_kappa(np.ones((6, 6))) == pytest.approx(0.0)
    assert math.isnan(quadratic_kappa(np.zeros((6, 6))))
    assert math.isnan(quadratic_kappa(np.diag([9, 0, 0, 0, 0, 0])))  # one grade on both sides: nothing to agree on


def test_intervals_cover_or_do_not_and_borders_ask_for_review():
    sure, border, wrong = (Measure(v, 1.0, i) for v, i in ((12.0, (10, 14)), (24.0, (22, 26)), (40.0, (38, 42))))
    values = metrics(score([(11.0, sure), (25.5, border), (20.0, wrong), (50.0, wrong), (3.0, 3.0)]))
    assert values['slip_coverage'] == 2 / 4  # the true slip is below the last interval but one, and above the last
    assert values['review_share'] == 1 / 4
    assert values['grade_accuracy_without_review'] == pytest.approx(2 / 3)


def test_angles_are_pooled_and_lordosis_also_stands_alone():
    values = metrics(score([(5.0, 9.0)], [(50.0, 52.0)], name='disc_angle'))
    assert values['angle_MAE'] == pytest.approx(3.0) and values['lordosis_MAE'] == pytest.approx(2.0)
    rows = {row['name']: row for row in summarise_clinical([score([(5.0, 9.0)])])['clinical']['per_measurement']}
    assert (rows['slip']['true'], rows['slip']['MAE'], rows['lordosis']['measured']) == (1, 4.0, 0)


def test_a_facing_that_the_labels_do_not_tell_is_not_judged():
    sides = [('left', 'left'), ('right', 'unknown'), ('unknown', 'left')]
    assert metrics(*(score(facings=pair) for pair in sides))['facing_accuracy'] == 0.5


@pytest.mark.parametrize('scores', [(), (score(),)])
def test_no_data_is_nan_and_never_zero(scores):
    summary = summarise_clinical(scores, num_bootstrap=20)
    told = {'facing_accuracy'} if scores else set()
    assert {name for name, value in summary['metrics'].items() if not math.isnan(value)} == told
    assert set(summary['intervals']) == set(summary['metrics'])
    assert np.sum(summary['clinical']['confusion']['counts']) == 0


def test_bootstrap_intervals_of_kappa_and_limits_lie_around_their_values():
    rng = np.random.default_rng(0)
    scores = [score([(t, t + rng.normal(0, 4)) for t in rng.uniform(0, 60, 5)]) for _ in range(30)]
    summary = summarise_clinical(scores, num_bootstrap=200)
    for name in ('grade_kappa', 'slip_LoA_low', 'slip_LoA_high', 'slip_MAE'):
        low, high = summary['intervals'][name]
        assert low < summary['metrics'][name] < high


@pytest.fixture
def lordotic_column(column):
    """The column bent so that the patient faces left; S1 is 80 wide."""
    bend = np.array([60, 25, 10, 15, 30, 45, 55, 60, 62, 62.0])
    return column + np.stack([bend, np.zeros(NUM_SLOTS)], axis=1)[:, None]


def test_both_spines_are_measured_by_the_same_functions(lordotic_column, labelled, present):
    shifted = lordotic_column.copy()
    shifted[2:, :, 0] -= 8.0  # L4 and all above: 10 % of the endplate of L5
    keypoints = [corners.reshape(-1, 2) for corners in (shifted, lordotic_column)]
    found = score_clinical(keypoints[0], present(range(6)), keypoints[1], labelled(6))
    assert found.true_facing == found.predicted_facing == 'left'
    errors = {place: found.predicted[name, place].value - value for (name, place), value in found.true.items()
              if name == 'slip'}  # fmt: skip
    assert errors == pytest.approx({'L5/S1': 0, 'L4/L5': 10, 'L3/L4': 0, 'L2/L3': 0, 'L1/L2': 0})


def test_only_labelled_pairs_count_and_only_present_ones_are_measured(lordotic_column, labelled, present):
    keypoints = lordotic_column.reshape(-1, 2)
    found = score_clinical(keypoints, present([0, 1, 2, 3]), keypoints, labelled(6), facing='left')
    slips = {place: measure for (name, place), measure in found.predicted.items() if name == 'slip'}
    assert set(slips) == {'L5/S1', 'L4/L5', 'L3/L4', 'L2/L3', 'L1/L2'}
    assert {place for place, measure in slips.items() if measure.value is None} == {'L2/L3', 'L1/L2'}
    assert score_clinical(keypoints, present(range(6)), keypoints, labelled(0)).true == {}


def test_a_given_facing_stands_over_what_the_corners_say(lordotic_column, labelled, present):
    keypoints = lordotic_column.reshape(-1, 2)
    found = score_clinical(keypoints, present(range(6)), keypoints, labelled(6), facing='right')
    assert found.true_facing == found.predicted_facing == 'right'
    left = score_clinical(keypoints, present(range(6)), keypoints, labelled(6))
    assert found.true['slip', 'L2/L3'] == pytest.approx(-left.true['slip', 'L2/L3'])  # boxes: all ends alike


def test_the_spacing_and_the_deviations_reach_the_measurements(lordotic_column, labelled, present):
    stretched = (lordotic_column * [2, 1]).reshape(-1, 2)
    plain = lordotic_column.reshape(-1, 2)
    arguments = dict(presence=present(range(6)), labelled=labelled(6))
    expected = score_clinical(plain, true=plain, sd=np.ones(40), **arguments)
    restored = score_clinical(stretched, true=stretched, spacing=np.array([0.5, 1.0]), **arguments)
    assert restored.true == pytest.approx(expected.true)
    assert all(measure.interval for measure in expected.predicted.values())
    assert not any(measure.interval for measure in restored.predicted.values())
