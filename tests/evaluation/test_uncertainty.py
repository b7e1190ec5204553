from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import spearmanr

from spondylo_mm.anatomy import LEVELS
from spondylo_mm.evaluation.functional.bootstrap import statistic_interval
from spondylo_mm.evaluation.functional.image_score import score_image
from spondylo_mm.evaluation.functional.summary import as_json, summarise
from spondylo_mm.evaluation.functional.table import format_table
from spondylo_mm.evaluation.functional.uncertainty import MIN_CORNERS, rank_correlation, uncertainty

SHAPE = (30, 10, 4)


@pytest.fixture
def honest():
    """Deviations (30, 10, 4) and errors drawn from normal distributions of these deviations; T9 is never labelled."""
    rng = np.random.default_rng(0)
    sd = np.exp(rng.normal(1, 0.8, SHAPE))
    vectors = rng.normal(size=(*SHAPE, 2)) * sd[..., None] / np.sqrt(2)  # sd is of both axes together
    errors = np.linalg.norm(vectors, axis=-1)
    errors[:, LEVELS.index('T9')] = np.nan
    return errors, sd


def report(errors, sd, between=None):
    return uncertainty(errors, sd, np.zeros_like(sd) if between is None else between, num_bootstrap=50)


def test_it_is_spearmans_rho_over_all_labelled_corners(honest):
    errors, sd = honest
    known = np.isfinite(errors)
    result = report(errors, sd)
    assert result['spearman'] == pytest.approx(spearmanr(sd[known], errors[known]).statistic)
    low, high = result['interval']
    assert low < result['spearman'] < high < low + 0.2
    assert result['corners'] == 30 * 9 * 4


def test_equal_values_share_their_rank():
    a, b = np.repeat([1.0, 2, 3], 20), np.tile([3.0, 1, 2, 2], 15)
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic)


def test_only_the_order_matters(honest):
    errors, sd = honest
    assert report(errors, sd**3)['spearman'] == pytest.approx(report(errors, sd)['spearman'])
    assert report(errors, -errors + 1000)['spearman'] == pytest.approx(-1)


def test_honest_deviations_lie_on_the_diagonal(honest):
    rows = report(*honest)['reliability']
    assert len(rows) == 10 and {row['corners'] for row in rows} == {108}
    for row in rows:
        assert row['RMSE'] == pytest.approx(row['sd'], rel=0.2)
        assert row['RMSE_low'] < row['RMSE'] < row['RMSE_high']


def test_bins_go_from_the_smallest_to_the_largest_deviation(honest):
    errors, sd = honest
    rows = report(errors, sd)['reliability']
    known = np.sort(sd[np.isfinite(errors)])
    assert (rows[0]['sd_from'], rows[-1]['sd_to']) == pytest.approx((known[0], known[-1]))
    assert all(before['sd_to'] <= after['sd_from'] for before, after in zip(rows, rows[1:], strict=False))
    largest = np.isfinite(errors) & (sd >= rows[-1]['sd_from'])
    assert rows[-1]['RMSE'] == pytest.approx(np.sqrt(np.mean(errors[largest] ** 2)))
    assert rows[-1]['sd'] == pytest.approx(np.sqrt(np.mean(sd[largest] ** 2)))
    assert rows[-1]['MRE'] == pytest.approx(errors[largest].mean())


def test_each_part_of_the_deviation_is_judged_alone(honest):
    errors, sd = honest
    between = np.random.default_rng(1).random(SHAPE) * 0.1
    result = report(errors, np.hypot(sd, between), between)
    known = np.isfinite(errors)
    assert result['spearman_within_passes'] == pytest.approx(spearmanr(sd[known], errors[known]).statistic)
    assert result['spearman_between_passes'] == pytest.approx(spearmanr(between[known], errors[known]).statistic)


def test_levels_are_judged_by_their_own_corners(honest):
    errors, sd = honest
    rows = {row['level']: row for row in report(errors, sd)['per_level']}
    l4 = LEVELS.index('L4')
    assert rows['L4']['spearman'] == pytest.approx(spearmanr(sd[:, l4].ravel(), errors[:, l4].ravel()).statistic)
    assert rows['L4']['corners'] == 120
    assert rows['T9']['corners'] == 0 and np.isnan(rows['T9']['spearman'])


def test_few_corners_have_no_correlation_and_few_bins(honest):
    errors, sd = (values[:1] for values in honest)  # one image of 36 corners
    assert MIN_CORNERS > 36
    result = report(errors, sd)
    assert np.isnan([result['spearman'], *result['interval']]).all()
    assert [row['corners'] for row in result['reliability']] == [12, 12, 12]
    assert np.isnan(result['reliability'][0]['RMSE_low'])  # one image says nothing about others


@pytest.mark.filterwarnings('error')
def test_equal_deviations_or_errors_have_no_order(honest):
    errors, sd = honest
    assert np.isnan(report(errors, np.full_like(sd, 3.0))['spearman'])
    assert np.isnan(report(np.full_like(errors, 3.0), sd)['spearman'])


def test_nothing_labelled_is_no_data_and_not_zero(honest):
    errors, sd = honest
    result = report(np.full_like(errors, np.nan), sd)
    assert result['corners'] == 0 and np.isnan(result['spearman']) and result['reliability'] == []
    assert np.isnan([result['spearman_between_passes'], result['spearman_within_passes']]).all()
    assert report(errors[:0], sd[:0])['reliability'] == []


def test_the_interval_is_over_images_not_corners():
    """In every image all corners have one deviation and one error: as uncertain as 30 pairs, not 1200."""
    rng = np.random.default_rng(3)
    sd = np.ones(SHAPE) * rng.random(30)[:, None, None]
    errors = np.ones(SHAPE) * rng.random(30)[:, None, None]
    low, high = uncertainty(errors, sd, 0 * sd, num_bootstrap=300)['interval']
    assert high - low == pytest.approx(2 * 1.96 / np.sqrt(29), rel=0.2)


def test_a_draw_without_data_is_left_out_of_an_interval():
    only_first = statistic_interval(lambda drawn: 4.0 if 0 in drawn else np.nan, 3, 100, seed=0)
    assert only_first == [4, 4]
    assert np.isnan(statistic_interval(lambda drawn: np.nan, 3, 100, seed=0)).all()
    assert np.isnan(statistic_interval(lambda drawn: 1.0, 1, 100, seed=0)).all()


@pytest.fixture
def scores(column, labelled, present):
    """Twelve images of 1024 x 1024 with six vertebrae off by 2 to 24 px; deviations of half the error, and its tenth
    between passes."""

    def one(shift, with_sd=True):
        sd = np.full(40, shift / 2)
        return score_image(
            (column + [shift, 0]).reshape(-1, 2), present(range(6)), column.reshape(-1, 2), labelled(6), (1024, 1024),
            sd=sd if with_sd else None, sd_between=sd / 10 if with_sd else None,
        )  # fmt: skip

    return lambda **kwargs: [one(2.0 * (index + 1), **kwargs) for index in range(12)]


def test_the_summary_has_the_section_in_px512_where_deviations_were_predicted(scores):
    summary = summarise(scores(), num_bootstrap=20)
    assert summary['uncertainty']['spearman'] == pytest.approx(1)
    assert summary['uncertainty']['reliability'][0]['sd_from'] == pytest.approx(0.5)  # 1 px of 1024
    assert summary['uncertainty']['reliability'][-1]['RMSE'] == pytest.approx(12, rel=0.1)
    assert 'sd' in summary['definitions']
    json.dumps(as_json(summary), allow_nan=False)
    without = summarise(scores(with_sd=False), num_bootstrap=20)
    assert 'uncertainty' not in without and 'sd' not in without['definitions']


def test_the_table_says_how_well_deviations_rank_errors(scores):
    summary = summarise(scores(), num_bootstrap=20)
    expected = 'Spearman rho of sd and radial error over 288 corners: 1.00 [1.00, 1.00] (between passes alone 1.00)'
    assert expected in format_table(summary)
    assert expected in format_table(as_json(summary))
    assert 'over 24 corners: no data' in format_table(as_json(summarise(scores()[:1], num_bootstrap=20)))
    assert 'rho' not in format_table(summarise(scores(with_sd=False), num_bootstrap=20))
