"""Meyerding's grades of a vertebral slip."""

from __future__ import annotations

import math

from .slip import MAX_SLIP_PERCENT

# A slip below these is no finding. The lines differ: healthy bodies stand a little behind those below them, for in
# lordosis the upper one leans back over the endplate it is projected on. "Forward slip >= 5 %": Denard et al., Spine
# 2010;35(10):1072-8 (MrOS study); "posterior subluxation of 8 % or more": Shen et al., Spine J 2007;7(4):406-13.
NO_ANTEROLISTHESIS_PERCENT = 5.0
NO_RETROLISTHESIS_PERCENT = 8.0

# Upper bounds of grades I to IV: quarters of the endplate below (Meyerding, Surg Gynecol Obstet 1932;54:371-7).
GRADE_BOUNDS_PERCENT = (25.0, 50.0, 75.0, 100.0)

GRADES = ('0', 'I', 'II', 'III', 'IV', 'V')  # none; Meyerding's four; spondyloptosis
NUM_GRADES = len(GRADES)

_FORWARD_BORDERS = (NO_ANTEROLISTHESIS_PERCENT, *GRADE_BOUNDS_PERCENT)
_BACKWARD_BORDERS = (-NO_RETROLISTHESIS_PERCENT, *(-bound for bound in GRADE_BOUNDS_PERCENT))
GRADE_BORDERS_PERCENT = tuple(sorted(_FORWARD_BORDERS + _BACKWARD_BORDERS))  # + antero, - retro


def meyerding_grade(percent: float) -> int | None:
    """Grade of a slip, whichever way it goes; only the line under which there is none depends on that.

    Args:
        percent: slip in % of the lower vertebra's superior endplate, + antero, - retro.

    Returns:
        0 (none, between ``-NO_RETROLISTHESIS_PERCENT`` and ``NO_ANTEROLISTHESIS_PERCENT``), 1 to 4 (I to IV, bounds
        included), 5 (spondyloptosis); None for a NaN.
    """
    if math.isnan(percent):
        return None
    if -NO_RETROLISTHESIS_PERCENT < percent < NO_ANTEROLISTHESIS_PERCENT:
        return 0
    return 1 + sum(abs(percent) > bound for bound in GRADE_BOUNDS_PERCENT)


def grade_probabilities(percent: float, sd: float) -> tuple[float, ...]:
    """Probability of each grade 0 to V if the true slip is normal around the measured one, as far as slips go.

    Args:
        percent: the slip, at most ``MAX_SLIP_PERCENT`` either way.
        sd: its standard deviation; 0 gives certainty.
    """
    if sd == 0:
        return tuple(float(grade == meyerding_grade(percent)) for grade in range(NUM_GRADES))
    within = [
        _normal(forward, percent, sd) - _normal(backward, percent, sd)
        for forward, backward in zip(
            (*_FORWARD_BORDERS, MAX_SLIP_PERCENT), (*_BACKWARD_BORDERS, -MAX_SLIP_PERCENT), strict=True
        )
    ]
    edges = [0.0, *(share / within[-1] for share in within)]
    return tuple(max(0.0, outer - inner) for inner, outer in zip(edges[:-1], edges[1:], strict=True))


def spans_border(interval: tuple[float, float]) -> bool:
    """Whether an interval of slips (low, high) holds more than one grade, or slips of both directions: a person must
    look."""
    low, high = interval
    return any(low < border < high for border in GRADE_BORDERS_PERCENT)


def _normal(x: float, mean: float, sd: float) -> float:
    """Cumulative distribution function of the normal distribution."""
    return 0.5 * (1 + math.erf((x - mean) / (sd * math.sqrt(2))))
