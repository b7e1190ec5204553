"""From clinical scores to slip errors, agreement of grades, and errors of every other measurement.

The unit is a pair of neighbouring levels whose slip the labels give. A pair that was not measured has no error, but is
no success either: it counts as wrong in the accuracy of grades, as missed in the sensitivity and as not cleared in the
specificity; only the errors of slip and the agreement of grades rest on the measured pairs, whose share is
``slip_measured``. ``N`` images, ``G`` grades.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...clinical.measure import Z95
from ...clinical.measurements import ANGLES, LORDOSIS, SLIP, UNITS
from ...clinical.meyerding import GRADES, NUM_GRADES, meyerding_grade, spans_border
from .bootstrap import ratio, ratio_intervals, statistic_interval
from .clinical_score import ClinicalScore

NOT_MEASURED = 'not measured'
SCREENED_GRADES = (1, 2)  # a slip of at least grade I, at least grade II: found or not

DEFINITIONS = {
    'slip': "Taillard's percentage per pair of neighbouring levels; truth by the same functions from the labels. "
    'Without a spacing, pixels are taken to be square',
    'slip_MAE, slip_bias, slip_LoA': 'mean absolute error, mean error (predicted - true) and Bland-Altman 95 % limits '
    'of agreement (bias +- 1.96 sd) over measured pairs, points of %',
    'slip_measured': 'share of true slips that were measured at all',
    'grade_accuracy': 'share of true slips with the right Meyerding grade; not measured is wrong',
    'grade_kappa': "Cohen's kappa with quadratic weights over measured pairs",
    'sensitivity@, specificity@': 'for a slip of at least this grade, either way; not measured is wrong in both',
    'angle_MAE, lordosis_MAE': 'mean absolute error of all angles, and of lordosis L1/S1 and L4/S1 alone, degrees',
    'facing_accuracy': 'share of images whose side was told rightly, of those whose labels tell it',
    'slip_coverage': 'share of measured slips with a 95 % interval whose interval holds the true slip',
    'review_share': 'share of the same whose interval spans a border of grades',
    'grade_accuracy_without_review': 'share of right grades among the others of the same',
}


def summarise_clinical(scores: Sequence[ClinicalScore], num_bootstrap: int = 1000, seed: int = 0) -> dict:
    """All that is reported about clinical scores; values are NaN where there is no data.

    Returns:
        ``metrics`` {name: value} and ``intervals`` {name: [low, high]}, 95 %, over images; ``clinical`` with the
        confusion matrix of grades and a row per kind of measurement; ``definitions``.
    """
    fractions = _fractions(scores)
    numerators = np.array([top for top, _ in fractions.values()]).T
    denominators = np.array([bottom for _, bottom in fractions.values()]).T
    values = ratio(numerators.sum(axis=0), denominators.sum(axis=0))
    bounds = ratio_intervals(numerators, denominators, num_bootstrap, seed)
    metrics = {name: float(value) for name, value in zip(fractions, values, strict=True)}
    intervals = dict(zip(fractions, bounds.tolist(), strict=True))

    confusions = np.array([_confusion(score) for score in scores]).reshape(-1, NUM_GRADES, NUM_GRADES + 1)
    moments = np.array([_moments(score) for score in scores]).reshape(-1, 3)
    statistics = {
        'grade_kappa': lambda images: quadratic_kappa(confusions[images, :, :NUM_GRADES].sum(axis=0)),
        'slip_LoA_low': lambda images: _limits(moments[images])[0],
        'slip_LoA_high': lambda images: _limits(moments[images])[1],
    }
    for name, statistic in statistics.items():
        metrics[name] = statistic(np.arange(len(scores)))
        intervals[name] = statistic_interval(statistic, len(scores), num_bootstrap, seed)
    return dict(
        metrics=metrics,
        intervals=intervals,
        clinical=dict(
            confusion=dict(
                true=list(GRADES), predicted=[*GRADES, NOT_MEASURED], counts=confusions.sum(axis=0).astype(int).tolist()
            ),
            per_measurement=[_measurement_row(name, scores) for name in UNITS],
        ),
        definitions=DEFINITIONS,
    )


def quadratic_kappa(confusion: np.ndarray) -> float:
    """Cohen's kappa with quadratic weights (Psychol Bull 1968;70:213-20) of counts (G, G), true by predicted.

    1 is perfect agreement, 0 that of chance; NaN without data or where all are of one grade on both sides.
    """
    confusion = np.asarray(confusion, dtype=float)
    total = confusion.sum()
    grades = np.arange(len(confusion))
    weights = np.square(grades[:, None] - grades)
    chance = np.outer(confusion.sum(axis=1), confusion.sum(axis=0)) / total if total else np.zeros_like(confusion)
    expected = (weights * chance).sum()
    return float(1 - (weights * confusion).sum() / expected) if expected else math.nan


def _fractions(scores: Sequence[ClinicalScore]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Numerator and denominator of every metric that is a ratio, image by image: (N,) and (N,)."""
    rows = [_image_fractions(score) for score in scores]
    names = _image_fractions(ClinicalScore({}, {}, 'unknown', 'unknown'))
    return {
        name: (np.array([row[name][0] for row in rows], dtype=float), np.array([row[name][1] for row in rows], float))
        for name in names
    }


def _image_fractions(score: ClinicalScore) -> dict[str, tuple[float, int]]:
    errors, grades = _errors(score, [SLIP]), _grades(score)
    fractions = {
        'slip_MAE': (np.abs(errors).sum(), errors.size),
        'slip_bias': (errors.sum(), errors.size),
        'slip_measured': (errors.size, len(grades)),
        'grade_accuracy': _share([predicted == true for true, predicted in grades]),
    }
    for least in SCREENED_GRADES:
        slipped = [predicted is not None and predicted >= least for true, predicted in grades if true >= least]
        cleared = [predicted is not None and predicted < least for true, predicted in grades if true < least]
        fractions[f'sensitivity@{GRADES[least]}'] = _share(slipped)
        fractions[f'specificity@{GRADES[least]}'] = _share(cleared)
    for metric, names in (('angle_MAE', ANGLES), ('lordosis_MAE', [LORDOSIS])):
        angle_errors = _errors(score, names)
        fractions[metric] = (np.abs(angle_errors).sum(), angle_errors.size)
    told = [score.predicted_facing == score.true_facing] if score.true_facing != 'unknown' else []
    return fractions | {'facing_accuracy': _share(told)} | _interval_fractions(score)


def _interval_fractions(score: ClinicalScore) -> dict[str, tuple[int, int]]:
    """What the slips with a known uncertainty say about it."""
    sure, covered, reviewed = [], [], []
    for key, true in score.true.items():
        predicted = score.predicted[key]
        if key[0] == SLIP and predicted.interval:
            low, high = predicted.interval
            covered.append(low <= true <= high)
            reviewed.append(spans_border(predicted.interval))
            if not reviewed[-1]:
                sure.append(meyerding_grade(predicted.value) == meyerding_grade(true))
    return {
        'slip_coverage': _share(covered),
        'review_share': _share(reviewed),
        'grade_accuracy_without_review': _share(sure),
    }


def _share(hits: list[bool]) -> tuple[int, int]:
    return sum(hits), len(hits)


def _errors(score: ClinicalScore, names: Sequence[str]) -> np.ndarray:
    """Predicted - true of the measured quantities of these names."""
    pairs = [(score.predicted[key].value, true) for key, true in score.true.items() if key[0] in names]
    return np.array([predicted - true for predicted, true in pairs if predicted is not None], dtype=float)


def _grades(score: ClinicalScore) -> list[tuple[int, int | None]]:
    """True and predicted grade of each pair; None for what was not measured."""
    slips = [(true, score.predicted[key].value) for key, true in score.true.items() if key[0] == SLIP]
    return [(meyerding_grade(true), None if found is None else meyerding_grade(found)) for true, found in slips]


def _confusion(score: ClinicalScore) -> np.ndarray:
    """Counts (G, G + 1), true by predicted grade; the last column is what was not measured."""
    counts = np.zeros((NUM_GRADES, NUM_GRADES + 1))
    for true, predicted in _grades(score):
        counts[true, NUM_GRADES if predicted is None else predicted] += 1
    return counts


def _moments(score: ClinicalScore) -> tuple[float, float, float]:
    """Number, sum and sum of squares of the slip errors."""
    errors = _errors(score, [SLIP])
    return errors.size, errors.sum(), np.square(errors).sum()


def _limits(moments: np.ndarray) -> tuple[float, float]:
    """Limits of agreement from the moments (N, 3) of images; NaN for fewer than two errors."""
    number, total, squares = moments.sum(axis=0)
    if number < 2:
        return math.nan, math.nan
    bias = total / number
    half = Z95 * math.sqrt(max(0.0, squares - number * bias**2) / (number - 1))
    return bias - half, bias + half


def _measurement_row(name: str, scores: Sequence[ClinicalScore]) -> dict:
    errors = np.concatenate([np.zeros(0), *(_errors(score, [name]) for score in scores)])
    return dict(
        name=name,
        unit=UNITS[name],
        true=sum(key[0] == name for score in scores for key in score.true),
        measured=errors.size,
        MAE=float(np.abs(errors).mean()) if errors.size else math.nan,
        bias=float(errors.mean()) if errors.size else math.nan,
        sd=float(errors.std(ddof=1)) if errors.size > 1 else math.nan,
    )
