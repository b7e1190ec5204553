from __future__ import annotations

import json
import math

import numpy as np
import pytest

from spondylo_mm.anatomy import CORNERS, LEVELS, NUM_SLOTS, keypoint_index
from spondylo_mm.evaluation.functional.image_score import score_image
from spondylo_mm.evaluation.functional.summary import as_json, summarise, without_data
from spondylo_mm.evaluation.functional.table import format_table

PITCH = 60.0  # of the column fixture
CONTRACTED = {
    'MRE',
    'MSE',
    'SDR@6px',
    'SDR@12px',
    'SDR@18px',
    'SDR@24px',
    'matched_MRE',
    'matched_SDR@6px',
    'matched_SDR@12px',
    'matched_SDR@18px',
    'matched_SDR@24px',
    'vertebra_precision',
    'vertebra_recall',
    'vertebra_F1',
    'identification',
    'count_accuracy',
}
CONTRACTED_MM = {'MRE_mm', 'SDR@2mm', 'SDR@2.5mm', 'SDR@3mm', 'SDR@4mm'}


@pytest.fixture
def score(column, labelled, present):
    """Score of one 512 x 512 image (so that px@512 are pixels) with ``n`` labelled vertebrae."""

    def _score(predicted, n=6, slots=None, **kwargs):
        defaults = dict(presence=present(range(n) if slots is None else slots), size=(512, 512), name='image.png')
        return score_image(
            predicted=predicted.reshape(-1, 2), true=column.reshape(-1, 2), labelled=labelled(n), **(defaults | kwargs)
        )

    return _score


def metrics(*scores):
    return summarise(scores, num_bootstrap=50)['metrics']


def test_the_contracted_keys_and_no_others(score, column):
    assert set(metrics(score(column))) == CONTRACTED
    assert set(metrics(score(column, spacing=(0.3, 0.3)))) == CONTRACTED | CONTRACTED_MM


def test_a_perfect_prediction(score, column):
    values = metrics(score(column), score(column, n=8))
    errors = {'MRE', 'MSE', 'matched_MRE'}
    assert all(values[name] == (0.0 if name in errors else 1.0) for name in CONTRACTED)


def test_known_errors_give_known_metrics(score, column):
    predicted = column.copy()
    for corner, distance in enumerate((6.0, 6.5, 18.0, 40.0)):  # each in all six vertebrae
        predicted[:, corner, 0] -= distance
    values = metrics(score(predicted))
    assert values['MRE'] == pytest.approx((6 + 6.5 + 18 + 40) / 4)
    assert values['MSE'] == pytest.approx((36 + 42.25 + 324 + 1600) / 4)
    assert [values[f'SDR@{r}px'] for r in (6, 12, 18, 24)] == [0.25, 0.5, 0.75, 0.75]  # a radius is part of its disc


def test_errors_are_brought_to_512_pixels_by_the_longer_side(score, column):
    assert metrics(score(column + [10, 0], size=(1024, 2048)))['MRE'] == pytest.approx(10 * 512 / 2048)


def test_every_corner_counts_the_same_whatever_its_image(score, column):
    few, many = score(column + [0, 10], n=3), score(column, n=9)
    assert metrics(few, many)['MRE'] == pytest.approx(10 * 12 / 48)


@pytest.mark.parametrize('by', [1, 2])
def test_a_whole_level_shift_is_all_labelling_error(score, column, by):
    # The prediction of slot s + by lies exactly on vertebra s.
    values = metrics(score(np.roll(column, by, axis=0), slots=range(by, 6 + by)))
    strict = [PITCH * by] * (6 - by) + [PITCH * (NUM_SLOTS - by)] * by  # the lowest channels hold the topmost vertebrae
    assert values['MRE'] == pytest.approx(np.mean(strict))
    assert values['matched_MRE'] == pytest.approx(0, abs=1e-12)
    assert values['SDR@24px'] == 0 and values['matched_SDR@6px'] == 1
    assert values['vertebra_recall'] == 1 and values['identification'] == 0


def test_detection_metrics_are_ratios_of_sums(score, column):
    # Image 1: six vertebrae, five found, one of them a level off. Image 2: two of two found and one false positive.
    predicted = column.copy()
    predicted[6] = column[5]
    first = score(predicted, n=6, slots=[1, 2, 3, 4, 6])
    second = score(column, n=2, slots=range(3), slot_presence=np.where(np.arange(NUM_SLOTS) < 2, 1, 0))
    values = metrics(first, second)
    assert values['vertebra_recall'] == pytest.approx(7 / 8)
    assert values['vertebra_precision'] == pytest.approx(7 / 8)
    assert values['vertebra_F1'] == pytest.approx(7 / 8)
    assert values['identification'] == pytest.approx(6 / 8)
    assert values['count_accuracy'] == 0


def test_count_accuracy_leaves_out_images_of_which_nothing_is_known(score, column):
    values = metrics(score(column, n=0, slots=range(4)), score(column), score(column, slots=range(5)))
    assert values['count_accuracy'] == 0.5


def test_without_its_superior_endplate_a_vertebra_counts_for_its_corners_and_not_for_detection(
    column, labelled, present
):
    mask = labelled(3)
    mask[keypoint_index(2, 1)] = False
    known = np.where(np.arange(NUM_SLOTS) < 3, 1, 0)
    true = column.reshape(-1, 2)
    result = score_image(true + [0, 2], present(range(3)), true, mask, (512, 512), known)
    summary = summarise([result], 10)
    assert summary['num_corners'] == 11 and summary['num_vertebrae'] == 2
    assert summary['metrics']['MRE'] == pytest.approx(2) and summary['metrics']['vertebra_precision'] == 1
    assert summary['metrics']['count_accuracy'] == 1  # of the two that could be judged


def test_a_sacrum_labelled_by_its_superior_endplate_alone_is_judged_like_any_vertebra(column, labelled, present):
    mask = labelled(6)
    mask[[keypoint_index(0, 2), keypoint_index(0, 3)]] = False
    known = np.where(np.arange(NUM_SLOTS) < 6, 1, -1)
    true = column.reshape(-1, 2)
    predicted = np.where(np.isin(np.arange(40), [2, 3])[:, None], 5.0, true + [0, 2])  # wild where nothing was taught

    def scored(prediction: np.ndarray, slots: range) -> dict:
        return summarise([score_image(prediction, present(slots), true, mask, (512, 512), known)], 10)

    right = scored(predicted, range(6))
    assert right['num_corners'] == 22 and right['num_vertebrae'] == 6
    assert right['metrics']['MRE'] == right['metrics']['matched_MRE'] == pytest.approx(2)
    for share in ('vertebra_precision', 'vertebra_recall', 'identification', 'count_accuracy'):
        assert right['metrics'][share] == 1
    sacrum = right['per_level'][0]
    assert sacrum['vertebrae'] == 1 and sacrum['corners'] == 2 and math.isnan(sacrum['corner_MRE']['BL'])
    assert scored(predicted, range(1, 6))['metrics']['count_accuracy'] == 0  # the sacrum is missed
    shifted = scored(np.roll(true.reshape(-1, 4, 2), 1, axis=0).reshape(-1, 2), range(1, 7))
    assert shifted['metrics']['vertebra_F1'] == 1 and shifted['metrics']['identification'] == 0


def test_the_reach_of_a_sacrum_without_walls_is_half_the_usual_height(column, labelled, present):
    mask = labelled(3)
    mask[[keypoint_index(0, 2), keypoint_index(0, 3)]] = False
    true = column.reshape(-1, 2)
    for shift, found in ((23.9, 1), (24.1, 0)):  # vertebrae are 48 px high
        score = score_image(true + [0, shift], present([0]), true, mask, (512, 512))
        assert score.detection.found.sum() == found
    mask[4:] = False  # nothing tells how high vertebrae are
    assert not score_image(true, present([0]), true, mask, (512, 512)).detection.found.any()


def test_mm_with_an_anisotropic_spacing_only_over_images_that_have_one(score, column):
    shifted = column + [30, 40]
    summary = summarise([score(shifted, spacing=(0.1, 0.05)), score(column)], 10)
    assert summary['metrics']['MRE_mm'] == pytest.approx(math.hypot(3, 2))
    assert summary['metrics']['SDR@3mm'] == 0 and summary['metrics']['SDR@4mm'] == 1
    assert summary['num_images_with_spacing'] == 1 and summary['num_images'] == 2


class TestThePublishedEvaluatorsFault:
    """It sorted predicted channels but not targets, dropped low-score points, and gave 0.0 when nothing matched."""

    def test_nothing_is_sorted_a_slot_answers_for_itself(self, score, column):
        swapped = column.copy()
        swapped[[1, 4]] = column[[4, 1]]  # an evaluator that sorts channels along the spine would see nothing wrong
        assert metrics(score(swapped))['MRE'] == pytest.approx(2 * 3 * PITCH / 6)
        assert metrics(score(swapped))['matched_MRE'] == pytest.approx(0, abs=1e-12)

    def test_nothing_is_sorted_in_the_truth_either(self, column, labelled, present):
        upside_down = column[::-1].reshape(-1, 2)  # slot 0 on top: sorting one side only is wrong by levels
        result = score_image(upside_down, present(range(10)), upside_down, labelled(10), (512, 512))
        assert metrics(result)['MRE'] == 0 and metrics(result)['identification'] == 1

    def test_low_scores_drop_no_corner_from_the_errors(self, score, column):
        predicted = column.copy()
        predicted[3] += [0, 200]
        sure, unsure = score(predicted), score(predicted, slots=[0, 1, 2, 4, 5])
        assert metrics(unsure)['MRE'] == metrics(sure)['MRE'] == pytest.approx(200 / 6)
        assert metrics(unsure)['SDR@24px'] == pytest.approx(5 / 6)
        assert metrics(score(predicted, slots=[]))['MRE'] == pytest.approx(200 / 6)

    def test_nothing_found_is_a_large_error_not_zero(self, score, column):
        values = metrics(score(column + [0, 3000], slots=[]))
        assert values['MRE'] == pytest.approx(3000) and values['matched_MRE'] > 2000
        assert values['vertebra_recall'] == 0 and math.isnan(values['vertebra_precision'])

    def test_no_data_is_nan_never_zero(self, score, column):
        for summary in (summarise([], 50), summarise([score(column, n=0, slots=[])], 50)):
            assert all(math.isnan(value) for value in summary['metrics'].values())
            assert set(without_data(summary)) == CONTRACTED
            assert all(math.isnan(bound) for bounds in summary['intervals'].values() for bound in bounds)
            assert 'no data' in format_table(summary) and '0.0' not in format_table(summary)


@pytest.mark.parametrize('bad', [np.nan, np.inf])
def test_an_invalid_prediction_is_a_miss_is_named_and_never_improves_anything(score, column, bad):
    far_off, invalid = column.copy(), column.copy()
    far_off[2, 1] = [0.0, 0.0]
    invalid[2, 1] = bad
    worse, reference = summarise([score(invalid)], 10), summarise([score(far_off)], 10)
    assert worse['metrics']['MRE'] == pytest.approx(math.hypot(512, 512) / 24)
    for name in ('MRE', 'MSE', 'matched_MRE'):
        assert worse['metrics'][name] > reference['metrics'][name]
    assert worse['metrics']['SDR@24px'] == worse['metrics']['matched_SDR@24px'] == pytest.approx(23 / 24)
    assert worse['invalid_predictions'] == {'image.png': 1} and reference['invalid_predictions'] == {}
    assert '1 corners were predicted as NaN' in format_table(worse)


def test_tables_tell_which_level_and_which_corner_is_wrong(score, column):
    predicted = column.copy()
    predicted[1] += [0, 8]  # L5 as a whole
    predicted[0, 2] += [0, 30]  # and S1's lower left corner
    summary = summarise([score(predicted), score(predicted, n=1)], 10)
    rows = {row['level']: row for row in summary['per_level']}
    assert list(rows) == list(LEVELS)
    assert (rows['S1']['vertebrae'], rows['L5']['vertebrae'], rows['T12']['vertebrae']) == (2, 1, 0)
    assert rows['L5']['MRE'] == pytest.approx(8) and rows['S1']['MRE'] == pytest.approx(7.5)
    assert rows['S1']['corner_MRE'] == pytest.approx({'TL': 0, 'TR': 0, 'BL': 30, 'BR': 0})
    assert rows['L5']['SDR@6px'] == 0 and rows['L5']['SDR@12px'] == 1
    assert rows['L4']['vertebra_recall'] == rows['L4']['identification'] == 1
    assert math.isnan(rows['T12']['MRE']) and math.isnan(rows['T12']['vertebra_recall'])
    corners = {row['corner']: row for row in summary['per_corner']}
    assert list(corners) == list(CORNERS) and corners['BL']['corners'] == 7
    assert corners['BL']['MRE'] == pytest.approx((8 + 2 * 30) / 7)
    assert corners['TL']['MRE'] == pytest.approx(8 / 7)


def test_intervals_hold_the_value_and_are_reproducible(score, column):
    rng = np.random.default_rng(0)
    scores = [score(column + rng.normal(0, s, column.shape), n=int(rng.integers(4, 9))) for s in rng.uniform(1, 9, 40)]
    summary = summarise(scores, num_bootstrap=300, seed=5)
    for name in ('MRE', 'MSE', 'SDR@6px', 'matched_MRE'):
        low, high = summary['intervals'][name]
        assert low < summary['metrics'][name] < high
    assert summarise(scores, num_bootstrap=300, seed=5)['intervals'] == summary['intervals']


def test_json_has_null_for_nan_and_the_table_reads_it_back(score, column):
    for scores in ([score(column + [3, 4]), score(column, spacing=(0.5, 0.5))], [score(column, slots=[])], []):
        summary = summarise(scores, 20)
        text = json.dumps(as_json(summary), allow_nan=False)
        assert format_table(json.loads(text)) == format_table(summary)


def test_the_console_table_shows_percent_px_and_the_levels_there_are(score, column):
    table = format_table(summarise([score(column + [3, 4]), score(column + [3, 4], n=7)], 20))
    lines = table.splitlines()
    assert lines[0].startswith('2 images, 13 vertebrae, 52 corners')
    assert any(line.split() == 'MRE, px@512 5.00 [5.00, 5.00] 5.00 [5.00, 5.00]'.split() for line in lines)
    assert any(line.startswith('identification, %') and '100.0' in line for line in lines)
    level_names = [line.split()[0] for line in lines if line[:3].strip() in LEVELS]
    assert level_names == list(LEVELS[:7])
    assert max(map(len, lines)) <= 120
