"""By how much predicted standard deviations are too large or too small: one factor for all, from labelled images.

Scaling the deviations of a network by one factor, fitted on images it was not trained on, is enough to calibrate them
(Laves et al. 2020, "Well-calibrated regression uncertainty in medical imaging with deep learning"; Levi et al. 2022,
doi 10.3390/s22155540). There the factor is the root of the mean of error^2 / deviation^2, which a single corner that
jumped to another vertebra can make anything. Here it is a quantile of error / deviation: of a normal distribution in
the plane the share 1 - 1/e lies within its standard deviation, so that share of errors shall.

A spine that is counted one level off is no error of its corners, nor is it in any deviation: corners are compared with
the true vertebra they lie on. ``K`` keypoints, ``S`` slots.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...anatomy import NUM_CORNERS, NUM_SLOTS
from ...codecs.presence import PRESENCE_THRESHOLD
from .matching import match_by_corners
from .radial_errors import radial_errors
from .uncertainty import MIN_CORNERS

WITHIN_ONE_SD = 1 - 1 / math.e  # of a normal distribution in the plane, radially


def matched_errors(
    predicted: np.ndarray,
    presence: np.ndarray,
    sd: np.ndarray,
    true: np.ndarray,
    labelled: np.ndarray,
    size: Sequence[float],
) -> tuple[np.ndarray, np.ndarray]:
    """Radial errors (C,) of the corners of one image that are shown and labelled, and their deviations (C,), px.

    Args:
        predicted, true: (K, 2) image pixels.
        presence: (S,) probability that there is a vertebra in the slot; only what is reported as present takes part.
        sd: (K,) deviation of each predicted corner, image pixels.
        labelled: (K,) truthy where the true corner is labelled.
        size: (width, height) of the image.
    """
    shape = (NUM_SLOTS, NUM_CORNERS)
    true = np.where(np.reshape(labelled, shape)[..., None] > 0, np.reshape(true, (*shape, 2)), np.nan)
    distances = radial_errors(np.reshape(predicted, (*shape, 2))[:, None], true[None], size)
    matched = match_by_corners(distances)
    slots = np.flatnonzero(matched >= 0)
    slots = slots[np.asarray(presence)[matched[slots]] >= PRESENCE_THRESHOLD]
    errors, doubt = distances[matched[slots], slots], np.reshape(sd, shape)[matched[slots]]
    known = np.isfinite(errors) & np.isfinite(doubt)
    return errors[known], doubt[known]


def sd_scale(errors: np.ndarray, sd: np.ndarray) -> float:
    """The factor that calibrates deviations (C,) to radial errors (C,) in the same unit; NaN for fewer than
    ``MIN_CORNERS`` corners, and where it would be nothing or infinite."""
    if len(errors) < MIN_CORNERS:
        return math.nan
    ratios = np.divide(errors, sd, out=np.full(len(errors), np.inf), where=np.asarray(sd) > 0)
    factor = float(np.quantile(ratios, WITHIN_ONE_SD, method='lower'))
    return factor if 0 < factor < math.inf else math.nan
