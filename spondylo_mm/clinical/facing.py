"""Which way the patient faces on a lateral lumbar radiograph, read from the shape of the spine.

Two facts decide it. Lordosis: going down, the lumbar vertebrae step forwards to about L3 and backwards below it, most
of all from L5 to S1. And the sacrum: S1's superior endplate slopes down towards the front. Each is a normal variable
whose mean changes sign with the facing; the evidence of a value x is log p(x | left) / p(x | right) = 2 x mean / sd^2.
"""

from __future__ import annotations

import math

import numpy as np

from ..anatomy import TL, TR

# Step from the centre of slot s+1 down to that of slot s, towards posterior, in median body widths: (mean, sd) for
# s = 0 (L5 -> S1) upwards. Measured on the 501 BUU radiographs of the dataset.
_STEPS = (
    (0.43, 0.17),
    (0.11, 0.15),
    (-0.06, 0.14),
    (-0.16, 0.12),
    (-0.19, 0.12),
    (-0.16, 0.12),
    (-0.12, 0.11),
    (-0.07, 0.10),
)

# Fall of S1's superior endplate towards anterior, |dy/dx|. A sacral slope of 41 +- 8 deg (Vialle et al., J Bone Joint
# Surg Am 2005;87:260-7) on images stretched 1.2 to 2.2 times in x gives 0.55; lying patients have less. A wide sd, as
# neither stretch nor posture is known.
_SACRAL_FALL = (0.45, 0.25)

# Neighbouring steps go together (correlations .7 to .9), so their summed evidence is too sure of itself. A true log
# likelihood ratio between normals has variance = 2 mean; on the 501 BUU radiographs the sum of the steps has that when
# multiplied by this.
_EVIDENCE_WEIGHT = 0.45

MIN_VERTEBRAE = 3  # two vertebrae are one step, and one mislabelled vertebra would then decide
MIN_PROBABILITY = 0.95  # of the likelier side, both being equally likely beforehand; under it: unknown


def facing(corners: np.ndarray, slots: np.ndarray) -> str:
    """Side of the image the patient's anterior side is on: 'left', 'right', or 'unknown' where the evidence is thin.

    Args:
        corners: (V, 4, 2) corners TL TR BL BR of the vertebrae found, image pixels. Vertebrae with a corner that is not
            finite are left out, but the upper endplate of S1 counts without its lower one.
        slots: (V,) their slots, in any order; a missing slot costs the steps to its neighbours.
    """
    return facing_with_confidence(corners, slots)[0]


def facing_with_confidence(corners: np.ndarray, slots: np.ndarray) -> tuple[str, float]:
    """The side, and the probability in [0.5, 1] of the likelier one: under ``MIN_PROBABILITY`` the side is unknown."""
    left = probability_left(corners, slots)
    confidence = max(left, 1 - left)
    if confidence < MIN_PROBABILITY:
        return 'unknown', confidence
    return ('left' if left > 0.5 else 'right'), confidence


def probability_left(corners: np.ndarray, slots: np.ndarray) -> float:
    """Probability that anterior is on the left of the image, 0.5 where nothing tells. Arguments as in ``facing``.

    A mirrored image gives the complement.
    """
    corners = np.asarray(corners, dtype=float).reshape(-1, 4, 2)
    by_slot = {int(slot): quad for slot, quad in zip(slots, corners, strict=True) if np.isfinite(quad).all()}
    if len(by_slot) < MIN_VERTEBRAE:
        return 0.5
    width = float(np.median([np.ptp(quad[:, 0]) for quad in by_slot.values()]))
    if width <= 0:
        return 0.5
    evidence = 0.0
    for slot, (mean, sd) in enumerate(_STEPS):
        if slot in by_slot and slot + 1 in by_slot:
            step = float(by_slot[slot][:, 0].mean() - by_slot[slot + 1][:, 0].mean()) / width
            evidence += _log_ratio(step, mean, sd)
    for sacrum in corners[np.asarray(slots) == 0][:, [TL, TR]]:
        endplate = sacrum[1] - sacrum[0]
        # Over the larger of the two lengths, so that an upright sacrum counts as 45 degrees and not as infinite.
        longest = float(np.abs(endplate).max())
        if 0 < longest < math.inf:  # nor is NaN
            evidence += _log_ratio(-float(endplate[1]) / longest, *_SACRAL_FALL)
    return 1.0 / (1.0 + math.exp(-_EVIDENCE_WEIGHT * evidence))


def _log_ratio(value: float, mean: float, sd: float) -> float:
    """log p(value | anterior left) / p(value | anterior right), the latter being the mirror image of the former.

    Values beyond two sd of the mean count as two: an outlier (a slip, a wrong corner) must not decide alone.
    """
    limit = abs(mean) + 2 * sd
    return 2 * max(-limit, min(limit, value)) * mean / sd**2
