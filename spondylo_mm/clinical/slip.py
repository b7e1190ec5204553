"""How far a vertebra has slipped over the one below (Taillard's percentage, as Meyerding's grades need it)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..anatomy import BL, BR, OUTLINE, TL, TR

# What no pair of vertebrae shows, whatever the disease. Neighbouring endplates are of like length (the mean body widths
# of neighbours differ by at most 15 % in the dataset), and a body that has left the one below by a whole further
# endplate is no longer beside it. Beyond these the corners are wrong, and a wrong number is worse than none.
MAX_LENGTH_RATIO = 3.0
MAX_SLIP_PERCENT = 200.0


def slip_percent(upper: np.ndarray, lower: np.ndarray, facing: str, spacing: Sequence[float] = (1.0, 1.0)) -> float:
    """Slip of ``upper`` over ``lower`` in % of the lower one's superior endplate; + anterolisthesis, - retrolisthesis.

    The posterior-inferior corner of the upper body is projected on the line of the superior endplate of the lower one;
    its distance from the posterior end of that endplate, over the endplate's length, is the slip (Taillard, Acta Orthop
    Scand 1954;24:115-44). Unchanged by rotation, scale and, with ``facing`` turned round, mirroring.

    Args:
        upper, lower: corners (4, 2) of neighbouring vertebrae, TL TR BL BR, image pixels.
        facing: 'left' or 'right', the side of the image the patient's anterior side is on; 'unknown' gives NaN.
        spacing: mm per pixel in x and y, or any two numbers in their ratio where x is stretched against y.

    Returns:
        The slip, or NaN where the corners do not allow one: not finite, an endplate without length or crossed, a body
        turned inside out (left and right confused), lengths that do not belong to neighbours, a slip beyond
        ``MAX_SLIP_PERCENT``.

    Raises:
        ValueError: ``facing`` is none of the three words.

    Example:
        >>> body = np.array([[0., 0.], [100., 0.], [0., 80.], [100., 80.]])
        >>> round(slip_percent(body - [20, 90], body, facing='left'), 6)
        20.0
    """
    if facing not in ('left', 'right', 'unknown'):
        raise ValueError(f"facing must be 'left', 'right' or 'unknown', not {facing!r}")
    if facing == 'unknown':
        return math.nan
    scale = np.asarray(spacing, dtype=float)
    upper, lower = np.asarray(upper, dtype=float) * scale, np.asarray(lower, dtype=float) * scale
    if not (_is_body(upper) and _is_body(lower)):
        return math.nan
    anterior, posterior = (TL, TR) if facing == 'left' else (TR, TL)
    corner = upper[BR if facing == 'left' else BL]

    endplate = lower[anterior] - lower[posterior]
    length = np.linalg.norm(endplate)
    ratio = np.linalg.norm(upper[BR] - upper[BL]) / length
    if not 1 / MAX_LENGTH_RATIO <= ratio <= MAX_LENGTH_RATIO:
        return math.nan
    percent = 100.0 * float((corner - lower[posterior]) @ endplate) / float(length**2)
    return percent if abs(percent) <= MAX_SLIP_PERCENT else math.nan


def _is_body(corners: np.ndarray) -> bool:
    """Whether four corners bound a body: finite, edges with length that do not cross, left and right not confused."""
    if not np.isfinite(corners).all():
        return False
    edges = np.array([corners[end] - corners[start] for start, end in OUTLINE])
    after = np.roll(edges, -1, axis=0)
    turns = edges[:, 0] * after[:, 1] - edges[:, 1] * after[:, 0]
    # Clockwise in the image (y down) every turn is positive. One may be negative (a dented body); two are a crossing,
    # and an edge without length has two turns of zero.
    return int((turns > 0).sum()) >= 3
