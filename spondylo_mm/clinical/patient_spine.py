"""A spine as clinical formulas want it: true proportions, the patient facing left, and what may not be measured.

``S`` is the number of slots. Facing and pixel spacing are dealt with here and nowhere else: in a ``PatientSpine`` TL is
the anterior-superior corner of a body, TR the posterior-superior, BL the anterior-inferior, BR the posterior-inferior
one, whichever way the patient faces in the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..anatomy import BL, BR, LEVELS, MIRRORED_CORNER, NUM_CORNERS, NUM_SLOTS, OUTLINE, TL, TR

FACINGS = ('left', 'right', 'unknown')


@dataclass(frozen=True)
class PatientSpine:
    """Corners in the patient's frame: x towards the back, y down, the same scale along both.

    Attributes:
        corners: (S, 4, 2), slot 0 the most caudal; NaN where absent. In mm, or in pixels made square.
        sd: (S, 4, 2) standard deviations along x and y, NaN where not known; None where none is.
        facing_is_known: without it front and back, and so the sign of every angle, are unknown.
    """

    corners: np.ndarray
    sd: np.ndarray | None
    facing_is_known: bool

    def points(self, *which: tuple[int, int]) -> tuple[np.ndarray, np.ndarray | None]:
        """Corners (M, 2) named as (slot, corner), and their standard deviations."""
        slots, corners = np.array(which).T
        return self.corners[slots, corners], None if self.sd is None else self.sd[slots, corners]

    def body_fault(self, slot: int) -> str | None:
        """Why nothing can be measured on a vertebra's body; None where it can."""
        if not self.facing_is_known:
            return 'it is unknown which way the patient faces'
        body = self.corners[slot]
        if np.isnan(body).all():
            return f'{LEVELS[slot]} is absent'
        if not np.isfinite(body).all():
            return f'a corner of {LEVELS[slot]} is missing'
        return None if _is_body(body) else f'the corners of {LEVELS[slot]} do not bound a body'

    def superior_endplate_fault(self, slot: int) -> str | None:
        """The same of its upper endplate alone, all that some labels give of S1; a body that is whole must be sound."""
        body = self.corners[slot]
        is_endplate_only = np.isfinite(body[[TL, TR]]).all() and not np.isfinite(body[[BL, BR]]).all()
        if not (self.facing_is_known and is_endplate_only):
            return self.body_fault(slot)
        return f'the upper endplate of {LEVELS[slot]} has no length' if (body[TL] == body[TR]).all() else None


def patient_spine(
    corners: np.ndarray, facing: str, spacing: Sequence[float] = (1.0, 1.0), sd: np.ndarray | None = None
) -> PatientSpine:
    """Bring corners from the image into the patient's frame.

    Args:
        corners: (S, 4, 2) image pixels, TL TR BL BR as seen in the image; NaN for absent vertebrae and corners.
        facing: ``'left'`` or ``'right'``, the side of the image the patient's anterior side is on, or ``'unknown'``.
        spacing: mm per pixel in x and y, or any two numbers in their ratio. For a file of w x h pixels squashed from
            an original of W x H square ones: (W / w, H / h).
        sd: (S, 4) standard deviation of each corner in image pixels, both axes together as ``codecs.corner_sd`` has it;
            taken to be equally large along x and y of the image.

    Raises:
        ValueError: a facing that is none of the three words, a spacing that is not positive.
    """
    if facing not in FACINGS:
        raise ValueError(f'facing must be one of {", ".join(FACINGS)}, not {facing!r}')
    scale = np.asarray(spacing, dtype=float)
    if scale.shape != (2,) or not (np.isfinite(scale) & (scale > 0)).all():
        raise ValueError(f'spacing must be two positive numbers, not {spacing!r}')
    patient = np.asarray(corners, dtype=float).reshape(NUM_SLOTS, NUM_CORNERS, 2) * scale
    spread = None
    if sd is not None:
        spread = np.asarray(sd, dtype=float).reshape(NUM_SLOTS, NUM_CORNERS, 1) * scale / np.sqrt(2)
    if facing == 'right':
        patient = patient[:, list(MIRRORED_CORNER)] * [-1, 1]
        spread = None if spread is None else spread[:, list(MIRRORED_CORNER)]
    return PatientSpine(patient, spread, facing != 'unknown')


def proportions(spacing: Sequence[float] | None, pixel_aspect: float | None) -> tuple[float, float]:
    """Size of a pixel in x and y, in mm where the spacing (x, y) is known, else in its height; square if nothing is.

    Args:
        pixel_aspect: width of a pixel over its height.
    """
    if spacing is not None:
        return float(spacing[0]), float(spacing[1])
    return (1.0 if pixel_aspect is None else float(pixel_aspect)), 1.0


def _is_body(corners: np.ndarray) -> bool:
    """Whether four finite corners bound a body: edges with length that do not cross, left and right not confused."""
    edges = np.array([corners[end] - corners[start] for start, end in OUTLINE])
    after = np.roll(edges, -1, axis=0)
    turns = edges[:, 0] * after[:, 1] - edges[:, 1] * after[:, 0]
    # Clockwise in the image (y down) every turn is positive. One may be negative (a dented body); two are a crossing,
    # and an edge without length has two turns of zero.
    return int((turns > 0).sum()) >= 3
