"""From the scores of all images to metrics, their intervals, and tables by level and by corner.

Every metric is a sum over images divided by a sum over images, so that its value, its bootstrap interval and "no data"
(a denominator of 0, hence NaN, never 0) are one computation for all. ``N`` images, ``S`` slots.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...anatomy import CORNERS, LEVELS
from ...codecs.presence import PRESENCE_THRESHOLD
from .bootstrap import ratio, ratio_intervals
from .clinical_summary import summarise_clinical
from .image_score import ImageScore
from .matching import MAX_CENTRE_DISTANCE, Detection
from .radial_errors import REFERENCE_SIZE
from .uncertainty import uncertainty

SDR_PX = (6, 12, 18, 24)  # the radii the published baselines report, px@512
SDR_MM = (2, 2.5, 3, 4)  # the radii of the cephalometric challenges (Wang et al., Med Image Anal 2016;31:63-76)

UNCERTAINTY_DEFINITIONS = {
    'sd': f'predicted standard deviation of a corner, both axes together, px@{REFERENCE_SIZE:.0f}: between passes with '
    'dropout and, from the height of the peaks, within them',
    'spearman': 'rank correlation of sd and radial error over labelled corners',
    'reliability': 'corners in bins of like sd: root mean squares of sd and of radial error, equal if sd is right',
}

Fractions = dict[str, tuple[np.ndarray, np.ndarray]]  # metric -> (N,) numerators, (N,) denominators


def summarise(
    scores: Sequence[ImageScore],
    num_bootstrap: int = 1000,
    seed: int = 0,
    names: Sequence[str] = LEVELS,
    with_clinical: bool = False,
) -> dict:
    """All that is reported about a set of scored images; values are NaN where there is no data.

    Args:
        names: what to call each slot in the tables by level.
        with_clinical: also summarise the scores' clinical part, which each must then have.

    Returns:
        ``metrics`` {name: value}; ``intervals`` {name: [low, high]}, 95 %, over images; the counts they rest on;
        ``invalid_predictions`` {image: number of corners predicted as NaN or infinite}; ``per_level`` and
        ``per_corner`` rows; ``uncertainty`` where standard deviations were predicted; ``clinical``, see
        :func:`~.clinical_summary.summarise_clinical`; ``definitions``. Error metrics in px@512 or mm, shares from 0
        to 1.
    """
    strict, matched = (_stack([getattr(score, kind) for score in scores]) for kind in ('strict', 'matched'))
    errors_mm = _stack([score.strict_mm for score in scores])
    fractions = _fractions(strict, matched, errors_mm, [score.detection for score in scores])
    numerators = np.array([top for top, _ in fractions.values()]).T
    denominators = np.array([bottom for _, bottom in fractions.values()]).T
    values = ratio(numerators.sum(axis=0), denominators.sum(axis=0))
    intervals = ratio_intervals(numerators, denominators, num_bootstrap, seed)
    summary = dict(
        metrics={name: float(value) for name, value in zip(fractions, values, strict=True)},
        intervals=dict(zip(fractions, intervals.tolist(), strict=True)),
        num_images=len(scores),
        num_images_with_spacing=int(np.isfinite(errors_mm).any(axis=(1, 2)).sum()),
        num_vertebrae=int(sum(score.detection.true.sum() for score in scores)),
        num_corners=int(np.isfinite(strict).sum()),
        invalid_predictions={score.name: score.invalid for score in scores if score.invalid},
        per_level=_per_level(strict, matched, [score.detection for score in scores], names),
        per_corner=[
            dict(corner=name, **_corner_metrics(strict[:, :, corner], matched[:, :, corner]))
            for corner, name in enumerate(CORNERS)
        ],
        definitions=_definitions(num_bootstrap, seed),
    )
    if scores and all(score.sd is not None for score in scores):
        sd, sd_between = (_stack([getattr(score, kind) for score in scores]) for kind in ('sd', 'sd_between'))
        summary['uncertainty'] = uncertainty(strict, sd, sd_between, num_bootstrap, seed, names)
        summary['definitions'] |= UNCERTAINTY_DEFINITIONS
    if with_clinical:
        clinical = summarise_clinical([score.clinical for score in scores], num_bootstrap, seed)
        summary['clinical'] = clinical['clinical']
        for part in ('metrics', 'intervals', 'definitions'):
            summary[part] |= clinical[part]
    return summary


def without_data(summary: dict) -> list[str]:
    """Names of the metrics that have no value."""
    return [name for name, value in summary['metrics'].items() if math.isnan(value)]


def as_json(content: object) -> object:
    """The same content with null for NaN, which JSON does not have."""
    if isinstance(content, dict):
        return {key: as_json(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [as_json(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def _fractions(
    strict: np.ndarray, matched: np.ndarray, errors_mm: np.ndarray, detections: Sequence[Detection]
) -> Fractions:
    """Numerator and denominator of every contracted metric, image by image; errors (N, S, 4)."""
    fractions = _error_fractions(strict, 'px', SDR_PX)
    fractions['MSE'] = (_sum(strict**2), fractions['MRE'][1])
    fractions.update({f'matched_{name}': value for name, value in _error_fractions(matched, 'px', SDR_PX).items()})

    true = np.array([d.true.sum() for d in detections], dtype=float)
    found = np.array([d.found.sum() for d in detections], dtype=float)
    identified = np.array([d.identified.sum() for d in detections], dtype=float)
    judged = found + np.array([d.false_positives for d in detections], dtype=float)
    counted = np.array([d.count_known for d in detections], dtype=float)
    correct = np.array([d.count_known and d.count_correct for d in detections], dtype=float)
    fractions['vertebra_precision'] = (found, judged)
    fractions['vertebra_recall'] = (found, true)
    fractions['vertebra_F1'] = (2 * found, judged + true)
    fractions['identification'] = (identified, true)
    fractions['count_accuracy'] = (correct, counted)

    if np.isfinite(errors_mm).any():
        in_mm = _error_fractions(errors_mm, 'mm', SDR_MM)
        fractions['MRE_mm'] = in_mm.pop('MRE')
        fractions.update(in_mm)
    return fractions


def _error_fractions(errors: np.ndarray, unit: str, radii: Sequence[float]) -> Fractions:
    """MRE and SDR of errors (N, S, 4), NaN where there is none; an error equal to the radius is a detection."""
    number = _sum(np.isfinite(errors))
    fractions = {'MRE': (_sum(errors), number)}
    fractions.update({f'SDR@{radius}{unit}': (_sum(errors <= radius), number) for radius in radii})
    return fractions


def _per_level(
    strict: np.ndarray, matched: np.ndarray, detections: Sequence[Detection], names: Sequence[str]
) -> list[dict]:
    rows = []
    for slot, level in enumerate(names):
        true, found, identified = (
            sum(int(getattr(d, what)[slot]) for d in detections) for what in ('true', 'found', 'identified')
        )
        corner_errors = {name: strict[:, slot, corner] for corner, name in enumerate(CORNERS)}
        rows.append(
            dict(
                level=level,
                vertebrae=true,
                **_corner_metrics(strict[:, slot], matched[:, slot]),
                vertebra_recall=found / true if true else math.nan,
                identification=identified / true if true else math.nan,
                corner_MRE={name: _mean(errors[np.isfinite(errors)]) for name, errors in corner_errors.items()},
            )
        )
    return rows


def _corner_metrics(strict: np.ndarray, matched: np.ndarray) -> dict:
    """Number of corners, MRE and SDR of a part of the errors, any shape, NaN left out."""
    strict, matched = strict[np.isfinite(strict)], matched[np.isfinite(matched)]
    return dict(
        corners=strict.size,
        MRE=_mean(strict),
        matched_MRE=_mean(matched),
        **{f'SDR@{radius}px': _mean(strict <= radius) for radius in SDR_PX},
    )


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else math.nan


def _stack(errors: list[np.ndarray]) -> np.ndarray:
    """(N, S, 4), also for no image at all."""
    return np.array(errors, dtype=float).reshape(-1, len(LEVELS), len(CORNERS))


def _sum(values: np.ndarray) -> np.ndarray:
    """Sum over the corners of each image, NaN left out."""
    return np.nansum(values, axis=(1, 2), dtype=float)


def _definitions(num_bootstrap: int, seed: int) -> dict[str, str]:
    size = f'px@{REFERENCE_SIZE:.0f}'
    return {
        'unit': f'{size}: image pixels x {REFERENCE_SIZE:.0f} / max(width, height). Shares from 0 to 1. null: no data.',
        'MRE': f"mean radial error over every labelled corner, from its slot's best peak whatever the score, {size}",
        'MSE': f'mean of the squared radial errors, {size} squared',
        'SDR@R': 'share of labelled corners with an error of at most R',
        'matched_': 'the same corners after pairing predicted and true vertebrae by position; strict - matched is the '
        'labelling error',
        'invalid_predictions': "corners predicted as NaN or infinite: each counts as an error of the image's diagonal",
        'vertebra_precision, _recall, _F1': f'vertebrae judged present (presence >= {PRESENCE_THRESHOLD}) '
        f'paired one to one with true ones whose centre is within {MAX_CENTRE_DISTANCE} of their height; unpaired ones '
        'in unknown slots are not judged',
        'identification': 'share of true vertebrae found and in their slot',
        'count_accuracy': 'share of images with as many vertebrae predicted in known slots as there are true ones',
        'intervals': f'95 % percentile bootstrap over images, {num_bootstrap} samples, seed {seed}',
    }
