"""Meyerding's grades of a vertebral slip."""

from __future__ import annotations

import math

# A slip below this is a measurement's noise, not a finding. Epidemiology draws the line here: "forward slip >= 5 %",
# Denard et al., Spine 2010;35(10):1072-8 (MrOS study).
NO_SLIP_PERCENT = 5.0

# Upper bounds of grades I to IV: quarters of the endplate below (Meyerding, Surg Gynecol Obstet 1932;54:371-7).
GRADE_BOUNDS_PERCENT = (25.0, 50.0, 75.0, 100.0)


def meyerding_grade(percent: float) -> int | None:
    """Grade of a slip, whichever way it goes.

    Args:
        percent: slip in % of the lower vertebra's superior endplate, + antero, - retro.

    Returns:
        0 (none, under ``NO_SLIP_PERCENT``), 1 to 4 (I to IV, bounds included), 5 (spondyloptosis); None for a NaN.
    """
    size = abs(percent)
    if math.isnan(size):
        return None
    if size < NO_SLIP_PERCENT:
        return 0
    return 1 + sum(size > bound for bound in GRADE_BOUNDS_PERCENT)
