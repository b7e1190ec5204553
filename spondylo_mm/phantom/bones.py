"""Vertebrae, sacrum, pelvis and ribs as attenuation, placed from the spine's corners, in patient frame mm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..anatomy import BL, BR, LEVELS, TL, TR
from .canvas import Canvas
from .geometry import Spine

_LUMBAR = LEVELS.index('L1')  # the most cranial lumbar level; ribs start above it

# One side's posterior elements and the spinous processes: x in mm behind the posterior wall, y in heights of the body
# from its centre. A lumbar spinous process is a broad blade, nearly level, a thoracic one slender and slanting.
_PEDICLE = ((-2, -0.40), (5, -0.38), (10, -0.42), (11, -0.05), (6, -0.02), (-2, -0.05))
_PILLAR = ((8, -0.50), (9, -0.72), (13, -0.70), (15, -0.30), (16, 0.05), (20, 0.45), (19, 0.78), (15, 0.80), (12, 0.45),
           (9, 0.10), (7, -0.20))  # yapf: disable
_TRANSVERSE = ((1.5, -0.2), (3, -0.33), (5, -0.38), (7, -0.33), (8.5, -0.2), (7, -0.07), (5, -0.02), (3, -0.07))
_LUMBAR_SPINOUS = ((15, -0.05), (26, 0.05), (44, 0.08), (47, 0.35), (44, 0.75), (30, 0.72), (18, 0.55))
_THORACIC_SPINOUS = ((15, 0.0), (30, 0.45), (42, 1.05), (39, 1.25), (26, 0.95), (15, 0.45))

# The pelvis, mm from the centre of the sacral endplate, patient facing left.
_WING = ((-78, 28), (-84, 8), (-76, -18), (-52, -40), (-22, -50), (8, -44), (30, -24), (40, 0), (42, 22), (26, 34),
         (8, 40), (-4, 60), (-12, 84), (-36, 92), (-58, 80), (-66, 56))  # yapf: disable
_ISCHIUM = ((-14, 92), (4, 84), (12, 110), (2, 150), (-14, 165), (-24, 150), (-12, 120))
_FEMUR = ((-56, 104), (-66, 150), (-70, 260), (-34, 260), (-30, 160), (-18, 110))
_FEMORAL_HEAD, _FEMORAL_HEAD_RADIUS, _SOCKET_RADIUS = (-38, 96), 23.0, 26.5
_USUAL_SLOPE = 38.0  # degrees, of the sacrum the pelvis is drawn for


@dataclass(frozen=True)
class _Placed:
    """Takes points of a drawing ``(M, 2)`` into the patient frame: turned, scaled and shifted."""

    matrix: np.ndarray
    offset: np.ndarray

    def __call__(self, points: Sequence[tuple[float, float]] | np.ndarray) -> np.ndarray:
        return np.asarray(points, float) @ self.matrix.T + self.offset


def draw_vertebrae(canvas: Canvas, spine: Spine, rng: np.random.Generator) -> None:
    """Bodies above S1 with their pedicles, articular and spinous processes."""
    density = rng.uniform(0.75, 1.2)
    for index in range(1, len(spine.corners)):
        corners, bone = spine.corners[index], density * rng.uniform(0.92, 1.08)
        canvas.add_body(
            corners,
            bone=0.38 * bone,
            endplate=rng.uniform(0.4, 0.9) * bone,
            wall=rng.uniform(0.15, 0.4) * bone,
            waist_mm=(rng.uniform(0.6, 1.6), rng.uniform(0.3, 1.0)),
        )
        axes, wall = _behind(corners)
        axes = axes * [1.0, np.linalg.norm(corners[BR] - corners[TR])]
        for side in (-1.0, 1.0):  # the two sides of the patient never quite coincide on a lateral view
            place = _Placed(rng.uniform(0.93, 1.07) * axes, wall + side * rng.uniform(0.2, 1.5, 2))
            canvas.add_shape(place(_PEDICLE), 0.22 * bone, rim=0.16 * bone, blur_mm=0.4)
            canvas.add_shape(place(_PILLAR), 0.22 * bone, rim=0.2 * bone, blur_mm=0.5)
            canvas.add_shape(place(_TRANSVERSE), 0.12 * bone, rim=0.12 * bone, blur_mm=0.5)
        spinous = _LUMBAR_SPINOUS if index <= _LUMBAR else _THORACIC_SPINOUS
        place = _Placed(axes * [rng.uniform(0.9, 1.1), 1.0], wall)
        canvas.add_shape(place(spinous), 0.13 * bone, rim=0.16 * bone, rim_mm=1.2, blur_mm=0.6)


def draw_ribs(canvas: Canvas, spine: Spine, rng: np.random.Generator) -> None:
    """Ribs of both sides: back from the joint, round, and forwards and down across the bodies."""
    density, steepness = rng.uniform(0.5, 1.0), rng.uniform(0.35, 0.8)
    for index in range(_LUMBAR + 1, len(spine.corners)):
        axes, wall = _behind(spine.corners[index])
        reach = (20.0, 90.0, 150.0)[min(index - _LUMBAR - 1, 2)]  # T12 and T11 end early
        for side in (-1.0, 1.0):
            place = _Placed(axes, wall + side * rng.uniform(1, 5, 2))
            behind, along = rng.uniform(30, 42), np.linspace(0, 1, 14)
            forwards = np.column_stack([0.6 * behind - reach * along**1.1, 14 + reach * steepness * along])
            bend = [(4, -4), (0.7 * behind, -2), (behind, 5), (0.92 * behind, 11)]
            curve = place(np.concatenate([bend, forwards]))
            canvas.add_band(curve, 9.0, 0.05 * density, rim=0.16 * density, blur_mm=0.5)


def draw_sacrum(canvas: Canvas, spine: Spine, rng: np.random.Generator) -> None:
    """S1 at its corners, S2 to S5 and the coccyx below it on a curve, the crest behind."""
    density = rng.uniform(0.8, 1.15)
    s1 = spine.corners[0]
    canvas.add_body(
        s1,
        bone=0.5 * density,
        endplate=rng.uniform(0.5, 0.8) * density,
        wall=rng.uniform(0.25, 0.45) * density,
        waist_mm=(rng.uniform(0.5, 1.5), rng.uniform(0.2, 0.8)),
        lower_edge=rng.uniform(0.4, 0.8),
    )
    anterior, posterior = [s1[TL], s1[BL]], [s1[TR], s1[BR]]
    axis = 0.5 * (s1[BL] + s1[BR] - s1[TL] - s1[TR])
    heading = np.degrees(np.arctan2(axis[0], axis[1]))
    start, depth = 0.5 * (s1[BL] + s1[BR]), np.linalg.norm(s1[BR] - s1[BL])
    curl = rng.uniform(4, 14)  # degrees by which each segment turns forwards again
    for length in np.array([24.0, 21.0, 18.0, 16.0, 11.0, 9.0]) * rng.uniform(0.9, 1.1):
        heading -= curl
        depth *= 0.87
        direction = np.array([np.sin(np.radians(heading)), np.cos(np.radians(heading))])
        across = np.array([direction[1], -direction[0]])
        upper_front, upper_back = anterior[-1], posterior[-1]
        gap = 1.2 * direction
        start = start + length * direction
        lower_front, lower_back = start - 0.5 * depth * across, start + 0.5 * depth * across
        canvas.add_body(
            np.array([upper_front + gap, upper_back + gap, lower_front, lower_back]),
            bone=0.38 * density,
            endplate=0.14 * density,
            wall=0.4 * density,
            waist_mm=(0.6, 0.3),
        )
        anterior.append(lower_front)
        posterior.append(lower_back)
    crest = np.array(posterior[:5]) + np.linspace(22, 9, 5)[:, None] * _unit(s1[TR] - s1[TL])
    canal = np.concatenate([posterior[:5], crest[::-1]])
    canvas.add_shape(canal, 0.16 * density, rim=0.5 * density, rim_mm=1.6, blur_mm=0.6)
    # Lateral masses: seen through the whole sacrum, from the ala in front of S1 to S3.
    ala = np.array(
        [
            s1[TL] + 0.3 * (s1[TR] - s1[TL]),
            anterior[1] + [-9, 4],
            anterior[2] + [-3, 2],
            anterior[3],
            posterior[3],
            posterior[1],
            s1[TR],
        ]
    )
    canvas.add_shape(ala, 0.22 * density, rim=0.12 * density, rim_mm=2.0, blur_mm=1.5)


def draw_pelvis(canvas: Canvas, spine: Spine, rng: np.random.Generator) -> None:
    """Iliac wings with their crests, and hip joints, of both sides. The pelvis turns with the sacrum."""
    s1 = spine.corners[0]
    slope = np.arctan2(s1[TL][1] - s1[TR][1], s1[TR][0] - s1[TL][0])
    turn = 0.6 * (slope - np.radians(_USUAL_SLOPE))  # it follows the sacrum only in part
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    density, size = rng.uniform(0.7, 1.1), rng.uniform(0.93, 1.1)
    for side in (-1.0, 1.0):
        _draw_hemipelvis(canvas, _Placed(size * rotation, side * rng.uniform([1, 1], [7, 5])), density)


def _draw_hemipelvis(canvas: Canvas, place: _Placed, density: float) -> None:
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    head, socket = _FEMORAL_HEAD + _FEMORAL_HEAD_RADIUS * circle, _FEMORAL_HEAD + _SOCKET_RADIUS * circle[20:36]
    canvas.add_shape(place(_smooth(_WING)), 0.3 * density, rim=0.5 * density, rim_mm=2.2, round_mm=12, blur_mm=0.7)
    canvas.add_shape(place(head), 0.5 * density, rim=0.15 * density, round_mm=12, blur_mm=0.8)
    canvas.add_band(place(socket), 2.5, 0.4 * density)
    canvas.add_shape(place(_FEMUR), 0.5 * density, rim=0.35 * density, rim_mm=4, round_mm=12, blur_mm=1.0)
    canvas.add_shape(place(_smooth(_ISCHIUM)), 0.25 * density, rim=0.25 * density, rim_mm=2.5, blur_mm=1.0)


def _smooth(outline: Sequence[tuple[float, float]]) -> np.ndarray:
    """A closed outline with its corners cut twice (Chaikin)."""
    outline = np.asarray(outline, float)
    for _ in range(2):
        following = np.roll(outline, -1, axis=0)
        outline = np.stack([0.75 * outline + 0.25 * following, 0.25 * outline + 0.75 * following], 1).reshape(-1, 2)
    return outline


def _behind(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Axes of a vertebra, backwards and down as columns ``(2, 2)``, and the middle of its posterior wall."""
    back = _unit(corners[TR] + corners[BR] - corners[TL] - corners[BL])
    return np.column_stack([back, [-back[1], back[0]]]), 0.5 * (corners[TR] + corners[BR])


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
