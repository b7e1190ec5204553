"""What patients carry beside their bones: calcified arteries, screws and rods, cement, clips, hip implants, an IUD."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..anatomy import BL, BR, TL, TR
from .attenuation import CALCIFICATION_EXCESS, TITANIUM_EXCESS
from .canvas import Canvas
from .geometry import Spine
from .parameters import chance, draw, uniform
from .placing import behind, unit


@dataclass(frozen=True)
class Additions:
    """What there is; over-represented against any clinic, so that a few hundred images hold it."""

    has_aortic_calcium: bool = chance(0.25, 'abdominal aortic calcification is seen in most patients over 65')
    has_screws: bool = chance(0.04, 'posterior instrumentation')
    has_cage: bool = chance(0.02, 'interbody fusion')
    has_cement: bool = chance(0.01, 'vertebroplasty')
    has_clips: bool = chance(0.04, 'cholecystectomy and other surgical clips')
    has_hip: bool = chance(0.02, 'hip arthroplasty')
    has_ring: bool = chance(0.02, 'an intrauterine device, a button, a clasp')
    calcium: float = uniform(0.5, 3.5, 'mm of calcium on the ray, along the wall of the artery')


def draw_additions(canvas: Canvas, spine: Spine, rng: np.random.Generator) -> None:
    """Add what ``Additions`` says this patient carries."""
    additions = draw(Additions, rng)
    if additions.has_aortic_calcium:
        _aorta(canvas, spine, additions.calcium, rng)
    if additions.has_screws:
        _instrumentation(canvas, spine, rng)
    if additions.has_cage:
        disc = int(rng.integers(0, 3))
        upper, lower = spine.corners[disc + 1], spine.corners[disc]
        middle = 0.25 * (upper[BL] + upper[BR] + lower[TL] + lower[TR])
        half = 0.3 * (lower[TR] - lower[TL])
        canvas.add_band(np.array([middle - half, middle, middle + half]), rng.uniform(5, 9), 0.15 + rng.uniform(0, 0.5))
    if additions.has_cement:
        place = spine.centers[rng.integers(1, 7)]
        for _ in range(4):
            canvas.add_ellipsoid(place + rng.normal(0, 4, 2), rng.uniform(3, 9, 2), rng.uniform(0, 3), 0.6)
    if additions.has_clips:
        at = rng.uniform([-120, -200], [0, -40])
        for _ in range(rng.integers(1, 6)):
            start = at + rng.normal(0, 10, 2)
            canvas.add_line(np.array([start, start + rng.normal(0, 5, 2)]), 1.5, 1.2, 0.2)
    if additions.has_hip:
        _hip(canvas, rng)
    if additions.has_ring:
        angle = np.linspace(0, 2 * np.pi, 20)
        place, radii = rng.uniform([-110, -150], [40, 110]), rng.uniform(3, 10, 2)
        canvas.add_line(place + np.column_stack([np.cos(angle), np.sin(angle)]) * radii, 1.2, 1.2, 0.2)


def _aorta(canvas: Canvas, spine: Spine, calcium_mm: float, rng: np.random.Generator) -> None:
    """Flecks along the two walls of the vessel before the bodies, from T12 to L4, where it divides."""
    levels = slice(2, 8)
    front = 0.5 * (spine.corners[levels, TL] + spine.corners[levels, BL])
    distance, calibre = rng.uniform(2, 14), rng.uniform(14, 26)
    grid = np.linspace(0, 1, 60)
    knots = np.linspace(0, 1, len(front))
    course = np.column_stack([np.interp(grid, knots, front[:, 0]), np.interp(grid, knots, front[:, 1])])
    for wall in (distance, distance + calibre):
        line = course - [wall, 0] + np.cumsum(rng.normal(0, 0.35, course.shape), axis=0)
        shares = np.clip(np.convolve(rng.normal(0, 1.6, 59), np.ones(3) / 3, 'same') - rng.uniform(-0.2, 0.8), 0, 1)
        canvas.add_line(line, 4 * CALCIFICATION_EXCESS * calcium_mm, 1.5, 0.4, shares)


def _instrumentation(canvas: Canvas, spine: Spine, rng: np.random.Generator) -> None:
    """Pedicle screws in neighbouring vertebrae, and the rods that join them."""
    first, count = int(rng.integers(0, 3)), int(rng.integers(2, 5))
    width, metal = rng.uniform(4.5, 6.5), TITANIUM_EXCESS * rng.uniform(2.5, 6)
    for _ in range(2):
        heads, shift = [], rng.normal(0, 1.8, 2)
        for index in range(first, first + count):
            corners = spine.corners[index]
            axes, wall = behind(corners)
            depth = np.linalg.norm(corners[TR] - corners[TL])
            height = np.linalg.norm(corners[BR] - corners[TR])
            entry = wall + shift + axes @ np.array([24.0, -0.3 * height])
            tip = (
                wall + shift + axes @ np.array([-rng.uniform(0.5, 0.8) * depth, (-0.2 + rng.normal(0, 0.08)) * height])
            )
            shaft = np.linspace(0, 1, 24)[:, None] * (tip - entry) + entry
            thread = np.tile([1.0, 0.75], 12)[:23]
            canvas.add_line(shaft, metal, width, 0.2, thread)
            canvas.add_line(np.array([entry - 4 * unit(tip - entry), entry]), 1.3 * metal, 1.9 * width, 0.2)
            heads.append(entry - 3 * unit(tip - entry))
        rod = np.array(heads)
        reach = 8 * unit(rod[0] - rod[-1])
        canvas.add_line(np.concatenate([[rod[0] + reach], rod, [rod[-1] - reach]]), metal, 5.5, 0.2)


def _hip(canvas: Canvas, rng: np.random.Generator) -> None:
    center = np.array([-38.0, 98.0]) + rng.normal(0, 8, 2)
    canvas.add_ellipsoid(center, np.full(2, rng.uniform(14, 24)), 0.0, 4.0, edge=0.5)
    stem = center + np.array([[0, 10], [-8, 60], [-10, 170]])
    canvas.add_band(stem, rng.uniform(10, 15), 3.0)
