"""Where the film lies over the patient: millimetres of the patient frame to pixels of an image, and back.

A radiograph of the dataset exists in two forms: as it was taken (square pixels, the blind images) and squashed to a
square (train and val). A ``Framing`` is the radiograph, a ``View`` one of its images.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..anatomy import MIRRORED_CORNER
from .geometry import Spine
from .step_statistics import FILM, FULL, LONG_FILM, FilmStatistics

TEST_ASPECT = 1.6  # height of a blind image over the side of the squashed ones
_LEAST_Y, _MOST_Y = 0.45, 0.88  # of S1's centre, in shares of the height
# No step between neighbouring centres is longer than this on the squashed image, in median steps: over 1.7 a missing
# level is suspected, and only a high-grade slip on a much stretched image would get there with none missing.
_MAX_STEP = 1.6
_ANCHOR = 0.8  # of the spine's extent from its front, the point that ``FilmStatistics.anchor_x`` places
_MARGIN = 0.02  # of the image, between a visible vertebra and the sides
_CLEAR = 0.09  # of the distance between two tops: how far the upper edge stays from either
_MAX_DRAWS = 200


@dataclass(frozen=True)
class Framing:
    """The part of the patient that is on the radiograph.

    Attributes:
        origin: ``(2,)`` mm, the upper left corner of the radiograph after the patient was mirrored and leaned.
        extent: ``(2,)`` mm, width and height.
        lean: degrees, of the whole patient.
        facing: ``'left'`` or ``'right'``, where the anterior side is in the image.
    """

    origin: tuple[float, float]
    extent: tuple[float, float]
    lean: float
    facing: str

    def mirrored(self) -> Framing:
        """The same radiograph flipped left to right."""
        left, top = self.origin
        return replace(
            self,
            origin=(-left - self.extent[0], top),
            lean=-self.lean,
            facing='right' if self.facing == 'left' else 'left',
        )

    def squashed(self, size: int) -> View:
        """As in the train and val folders: ``size x size`` pixels."""
        return View(self, size, size)

    def original(self, size: int) -> View:
        """As in the test folder: square pixels, ``TEST_ASPECT * size`` high."""
        height = round(TEST_ASPECT * size)
        return View(self, round(height * self.extent[0] / self.extent[1]), height)


@dataclass(frozen=True)
class View:
    """One image of a radiograph. Pixel coordinates are continuous, pixel centres at integers."""

    framing: Framing
    width: int
    height: int

    @property
    def spacing(self) -> tuple[float, float]:
        """mm per pixel in x and y."""
        return self.framing.extent[0] / self.width, self.framing.extent[1] / self.height

    @property
    def matrix(self) -> np.ndarray:
        """``(2, 3)`` map from patient frame mm to pixels."""
        per_mm = 1 / np.array(self.spacing)
        turn = per_mm[:, None] * _turned(self.framing.lean, self.framing.facing)
        return np.column_stack([turn, -np.array(self.framing.origin) * per_mm - 0.5])

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        """Patient frame mm ``(..., 2)`` to pixels ``(..., 2)``."""
        matrix = self.matrix
        return points @ matrix[:, :2].T + matrix[:, 2]

    def to_mm(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels ``(..., 2)`` to patient frame mm ``(..., 2)``."""
        matrix = self.matrix
        return (pixels - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T

    def corners(self, spine: Spine) -> np.ndarray:
        """Corners of every vertebra in the image, ``(V, 4, 2)`` pixels: TL is left in the image whoever faces where."""
        pixels = self.to_pixels(spine.corners)
        return pixels if self.framing.facing == 'left' else pixels[:, list(MIRRORED_CORNER)]

    def is_visible(self, corners: np.ndarray) -> np.ndarray:
        """Which of the vertebrae ``(V, 4, 2)`` have all corners inside the image, ``(V,)``."""
        return ((corners >= 0) & (corners <= [self.width - 1, self.height - 1])).all(axis=(1, 2))


def sample_framing(
    rng: np.random.Generator, spine: Spine, visible: int, film: FilmStatistics = FILM[FULL]
) -> Framing | None:
    """Draw a radiograph that shows exactly the ``visible`` most caudal vertebrae; None if this spine fits on none."""
    more = visible - film.usual_visible
    for _ in range(_MAX_DRAWS):
        facing = 'left' if rng.random() < film.anterior_left else 'right'
        lean = rng.normal(film.lean, film.lean_sd) * (1 if facing == 'left' else -1)
        corners = spine.corners @ _turned(lean, facing).T
        # Height and S1's place are drawn, and kept if the upper edge then lies between the tops of the last visible
        # vertebra and the next, clear of both by a pixel of the smallest images.
        height = np.exp(rng.normal(np.log(film.height_mm) + film.height_growth * more, film.height_sd))
        s1_y = rng.normal(film.s1_y + film.s1_y_growth * more, film.s1_y_sd)
        above = corners[0, :, 1].mean() - s1_y * height
        top = corners[..., 1].min(axis=1)
        share = (top[visible - 1] - above) / (top[visible - 1] - top[visible])
        if not (_CLEAR < share < 1 - _CLEAR and _LEAST_Y < s1_y < _MOST_Y):
            continue
        low, high = film.long_stretch if visible >= LONG_FILM else film.stretch
        width = height / (low + (high - low) * rng.beta(*film.stretch_beta))
        # A curved spine needs a broad film.
        left, right = corners[:visible, :, 0].min(), corners[:visible, :, 0].max()
        width = min(max(width, (right - left) / (1 - 2 * _MARGIN)), height / low)
        anchor_x = rng.normal(film.anchor_x, film.anchor_x_sd)
        if facing == 'left':
            x = left + _ANCHOR * (right - left) - width * anchor_x
        else:
            x = right - _ANCHOR * (right - left) - width * (1 - anchor_x)
        x = np.clip(x, right - (1 - _MARGIN) * width, left - _MARGIN * width)
        framing = Framing((float(x), float(above)), (float(width), float(height)), float(lean), facing)
        if _shows(framing.squashed(1000), spine, visible):
            return framing
    return None


def _shows(view: View, spine: Spine, visible: int) -> bool:
    """Exactly the ``visible`` lowest vertebrae are inside, and none is so far from the next that one seems missing."""
    corners = view.corners(spine)
    inside = view.is_visible(corners)
    step = np.linalg.norm(np.diff(corners[:visible].mean(axis=1), axis=0), axis=1)
    return bool(inside[:visible].all() and not inside[visible:].any() and step.max() < _MAX_STEP * np.median(step))


def _turned(lean: float, facing: str) -> np.ndarray:
    """``(2, 2)``: mirror the patient frame if the patient faces right, then lean it."""
    angle = np.radians(lean)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return rotation if facing == 'left' else rotation @ np.diag([-1.0, 1.0])
