"""Percentile intervals by resampling images (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

INTERVAL_PERCENT = (2.5, 97.5)  # a 95 % interval
_WEIGHTS_AT_ONCE = 20_000_000  # resampling weights held at a time: 160 MB


def ratio(numerators: np.ndarray, denominators: np.ndarray) -> np.ndarray:
    """Elementwise ratio, NaN (not 0, not infinity) where the denominator is 0."""
    denominators = np.asarray(denominators, dtype=float)
    return np.divide(numerators, denominators, out=np.full(denominators.shape, np.nan), where=denominators != 0)


def ratio_intervals(numerators: np.ndarray, denominators: np.ndarray, num_samples: int, seed: int) -> np.ndarray:
    """95 % intervals of metrics that are a sum over images divided by a sum over images.

    Images, not corners, are drawn with replacement: the errors within one radiograph go together. All metrics see the
    same draws. A draw in which a metric has no data is left out of that metric's interval.

    Args:
        numerators, denominators: (N, M) one row per image, one column per metric.
        num_samples: number of resampled data sets.
        seed: makes the result reproducible.

    Returns:
        (M, 2) lower and upper bounds; NaN for a metric without data, and for all where there are fewer than two images,
        which say nothing about each other.
    """
    numerators, denominators = np.asarray(numerators, dtype=float), np.asarray(denominators, dtype=float)
    num_images, num_metrics = numerators.shape
    bounds = np.full((num_metrics, 2), np.nan)
    if num_images < 2 or num_samples < 1:
        return bounds
    rng = np.random.default_rng(seed)
    chances = np.full(num_images, 1.0 / num_images)
    rows = max(1, _WEIGHTS_AT_ONCE // num_images)
    samples = []
    for start in range(0, num_samples, rows):
        weights = rng.multinomial(num_images, chances, size=min(rows, num_samples - start)).astype(float)
        samples.append(ratio(weights @ numerators, weights @ denominators))
    values = np.concatenate(samples)
    some = np.isfinite(values).any(axis=0)
    if some.any():
        bounds[some] = np.nanpercentile(values[:, some], INTERVAL_PERCENT, axis=0).T
    return bounds


def statistic_interval(
    statistic: Callable[[np.ndarray], float], num_images: int, num_samples: int, seed: int
) -> list[float]:
    """95 % interval of a metric that is no ratio of sums.

    Args:
        statistic: from the indices (``num_images``,) of the images drawn to the metric; NaN where they have no data:
            such draws are left out.
        num_images, num_samples, seed: as in :func:`ratio_intervals`.

    Returns:
        ``[low, high]``; NaN where no draw has data, or there are fewer than two images.
    """
    if num_images < 2:
        return [np.nan, np.nan]
    rng = np.random.default_rng(seed)
    values = np.array([statistic(rng.integers(num_images, size=num_images)) for _ in range(num_samples)])
    values = values[np.isfinite(values)]
    return np.percentile(values, INTERVAL_PERCENT).tolist() if values.size else [np.nan, np.nan]
