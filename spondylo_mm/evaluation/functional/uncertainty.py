"""Whether a model knows where it is wrong: predicted standard deviations against radial errors.

Two questions. Does the larger deviation go with the larger error (Spearman's rank correlation)? Is it of the right size
(reliability: among corners of like deviation, the root mean square error should equal it; Levi et al. 2022, doi
10.3390/s22155540)? ``N`` images, ``S`` slots; all lengths in px@512.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from ...anatomy import LEVELS
from .bootstrap import ratio_intervals, statistic_interval

NUM_BINS = 10
MIN_PER_BIN = 10  # corners: with fewer, one outlier is the whole root mean square
MIN_CORNERS = 40  # to correlate: with fewer, chance alone gives |rho| > 0.3 one time in twenty (1.96 / sqrt(n - 1))


def uncertainty(
    errors: np.ndarray,
    sd: np.ndarray,
    sd_between: np.ndarray,
    num_bootstrap: int = 1000,
    seed: int = 0,
    names: Sequence[str] = LEVELS,
) -> dict:
    """How well standard deviations tell errors.

    Args:
        errors: (N, S, 4) radial errors, px@512; NaN where the true corner is not labelled.
        sd: (N, S, 4) predicted standard deviations, px@512; NaN where there is none. A corner needs both.
        sd_between: (N, S, 4) their part between passes with dropout.
        num_bootstrap, seed: of the 95 % intervals, over images.
        names: what to call each slot.

    Returns:
        ``corners``; ``spearman`` and its ``interval`` [low, high]; ``spearman_between_passes`` and
        ``spearman_within_passes``, what each part of the deviation would give alone; ``per_level`` rows;
        ``reliability`` rows from the smallest to the largest deviation, in bins of equal numbers of corners.
        Correlations are NaN where there are fewer than ``MIN_CORNERS`` corners or all have one value.
    """
    known = np.isfinite(errors) & np.isfinite(sd)
    errors, sd = np.where(known, errors, np.nan), np.where(known, sd, np.nan)
    within = np.sqrt(np.maximum(sd**2 - sd_between**2, 0))
    return dict(
        **_correlation(sd, errors, num_bootstrap, seed),
        spearman_between_passes=rank_correlation(sd_between[known], errors[known]),
        spearman_within_passes=rank_correlation(within[known], errors[known]),
        per_level=[
            dict(level=level, **_correlation(sd[:, slot], errors[:, slot], num_bootstrap, seed))
            for slot, level in enumerate(names)
        ],
        reliability=_reliability(sd, errors, num_bootstrap, seed),
    )


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rho of two arrays (n,): Pearson's of their ranks, equal values sharing their mean rank.

    NaN for fewer than ``MIN_CORNERS`` pairs, or where all values of one are equal: they have no order.
    """
    if len(a) < MIN_CORNERS or np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def _correlation(sd: np.ndarray, errors: np.ndarray, num_bootstrap: int, seed: int) -> dict:
    """Number of corners, rho and its interval of arrays (N, ...), NaN left out."""

    def spearman(images: np.ndarray) -> float:
        known = np.isfinite(sd[images])
        return rank_correlation(sd[images][known], errors[images][known])

    rho = spearman(np.arange(len(sd)))
    interval = [math.nan] * 2
    if not math.isnan(rho):
        interval = statistic_interval(spearman, len(sd), num_bootstrap, seed)
    return dict(corners=int(np.isfinite(sd).sum()), spearman=rho, interval=interval)


def _reliability(sd: np.ndarray, errors: np.ndarray, num_bootstrap: int, seed: int) -> list[dict]:
    """A row per bin: range and root mean square of the deviations; root mean square error, its interval, and MRE."""
    image, known_sd, known_error = np.nonzero(np.isfinite(sd))[0], sd[np.isfinite(sd)], errors[np.isfinite(sd)]
    if not image.size:
        return []
    bins = np.array_split(np.argsort(known_sd, kind='stable'), max(1, min(NUM_BINS, image.size // MIN_PER_BIN)))
    squares, numbers = np.zeros((len(sd), len(bins))), np.zeros((len(sd), len(bins)))
    for column, members in enumerate(bins):
        np.add.at(squares[:, column], image[members], known_error[members] ** 2)
        np.add.at(numbers[:, column], image[members], 1)
    intervals = np.sqrt(ratio_intervals(squares, numbers, num_bootstrap, seed))
    return [
        dict(
            corners=len(members),
            sd_from=float(known_sd[members[0]]),
            sd_to=float(known_sd[members[-1]]),
            sd=_root_mean_square(known_sd[members]),
            RMSE=_root_mean_square(known_error[members]),
            RMSE_low=float(low),
            RMSE_high=float(high),
            MRE=float(known_error[members].mean()),
        )
        for members, (low, high) in zip(bins, intervals, strict=True)
    ]


def _root_mean_square(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))
