"""Vertebral bodies, the sacral endplate and the posterior elements as attenuation, in patient frame mm."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..anatomy import BL, BR, TL, TR
from .attenuation import MUSCLE
from .canvas import Canvas
from .geometry import Spine
from .noise import bands
from .parameters import draw, log_uniform, uniform
from .placing import Placed, behind, ragged, rounded
from .vertebral_shape import VertebralShape, vertebral_shapes

_CANONICAL = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]], np.float32)  # TL, TR, BL, BR of a vertebral body
_TUBE_MM = 1000.0  # from the focal spot to the spine: 115 cm to the film, the patient before it
_VACUUM_FROM, _VACUUM_SHARE = 0.6, 0.3  # degeneration from which on gas is seen in a disc, and in how many of these
_DENSER = {'wedge': 1.15, 'biconcave': 1.1, 'crush': 1.3}  # the bone of a compressed body is pressed together

# One side's posterior elements and the spinous processes: x in mm behind the posterior wall, y in heights of the body
# from its centre. A lumbar spinous process is a broad blade, nearly level, a thoracic one slender and slanting.
_PEDICLE = (
    (-1.5, -0.47),
    (1, -0.42),
    (6, -0.37),
    (13, -0.46),
    (20, -0.5),
    (19, 0.1),
    (12, 0.04),
    (6, -0.02),
    (1, 0.03),
    (-1.5, 0.12),
)
_SUPERIOR_ARTICULAR = ((10, -0.30), (10, -0.66), (13, -0.98), (18, -0.95), (21, -0.5), (20, -0.1), (13, 0.0))
_LAMINA = ((12, -0.48), (18, -0.55), (25, -0.2), (27, 0.42), (20, 0.5), (14, 0.18))
_INFERIOR_ARTICULAR = ((14, 0.0), (22, -0.1), (27, 0.5), (25, 1.0), (19, 1.12), (15, 0.7))
_TRANSVERSE = ((1.5, -0.2), (3, -0.33), (5, -0.38), (7, -0.33), (8.5, -0.2), (7, -0.07), (5, -0.02), (3, -0.07))
_LUMBAR_SPINOUS = (
    (16, -0.05),
    (26, 0.0),
    (40, 0.0),
    (46, 0.12),
    (48, 0.42),
    (45, 0.78),
    (36, 0.85),
    (26, 0.68),
    (18, 0.55),
)
_THORACIC_SPINOUS = ((15, 0.0), (30, 0.45), (42, 1.05), (39, 1.25), (26, 0.95), (15, 0.45))


@dataclass(frozen=True)
class Skeleton:
    """How the vertebrae are seen: the same for the whole spine, each level then varies about it."""

    bone: float = log_uniform(0.07, 0.36, 'spongiosa of a body, 20-60 mm of it: osteoporotic to young')
    endplate: float = log_uniform(0.08, 0.38, 'endplate along the beam: 0.5-1 mm thick, 20-45 mm of it, seldom in line')
    subchondral: float = log_uniform(0.02, 0.25, 'denser bone beneath the endplates, more with degeneration')
    wall: float = log_uniform(0.06, 0.28, 'anterior and posterior cortex, thin and curved away from the ray')
    grain: float = log_uniform(0.06, 0.35, 'relative strength of the trabecular texture')
    posterior: float = log_uniform(0.04, 0.13, 'pedicles, facets and laminae: compact bone, both sides on one ray')
    joint: float = log_uniform(0.04, 0.20, 'cortex of facets and laminae, seen edge on in part')
    spinous: float = log_uniform(0.03, 0.16, 'a thin blade, in the thin tissue of the back')
    patchiness: float = uniform(0.0, 0.5, 'how much the cortex varies along an edge')
    cortex_mm: float = uniform(0.6, 1.6, 'width of a cortical line')
    softness_mm: float = log_uniform(0.15, 0.6, 'blur of the lines: the cortex is curved and the patient breathes')
    beam_y: float = uniform(-190, -30, 'height of the central ray over the sacrum, mm: L1 to L5')
    leaning: float = uniform(
        -0.05, 0.05, 'tangent by which the spine leans against the film: a list, or poor positioning'
    )
    sides_mm: float = uniform(0.5, 6.0, 'between left and right posterior elements: rotation')
    sacral: float = log_uniform(0.15, 0.8, 'spongiosa of S1 against that of L5: it is narrower, and the alae veil it')
    sacral_lower: float = log_uniform(0.05, 0.6, 'visibility of its lower edge, the S1/S2 remnant')


def draw_vertebrae(canvas: Canvas, spine: Spine, rng: np.random.Generator) -> None:
    """Posterior elements, discs and bodies, that of S1 included."""
    skeleton = draw(Skeleton, rng)
    shapes = {
        outline: ragged(outline, [0.9, 0.03], rng)
        for outline in (_PEDICLE, _SUPERIOR_ARTICULAR, _LAMINA, _INFERIOR_ARTICULAR, _TRANSVERSE, _LUMBAR_SPINOUS,
                        _THORACIC_SPINOUS)
    }  # yapf: disable
    for index, vertebra in enumerate(vertebral_shapes(spine)):
        if canvas.view.to_pixels(vertebra.corners)[:, 1].max() < -45 / canvas.mm_per_pixel:
            continue  # so far above the film that no process of it reaches in
        if index:
            _draw_posterior(canvas, vertebra, skeleton, shapes, rng)
            _draw_disc(canvas, vertebra, rng)
        _draw_body(canvas, vertebra, index == 0, skeleton, rng)


def _draw_posterior(
    canvas: Canvas, vertebra: VertebralShape, skeleton: Skeleton, shapes: dict, rng: np.random.Generator
) -> None:
    corners = vertebra.corners
    axes, wall = behind(corners)
    axes = axes * [1.0, np.linalg.norm(corners[BR] - corners[TR])]
    solid, rim = skeleton.posterior * rng.uniform(0.85, 1.15), skeleton.joint * rng.uniform(0.8, 1.2)
    apart = rng.normal(0, 1, 2) * 0.5 * skeleton.sides_mm
    for side in (-1.0, 1.0):  # the two sides of the patient never quite coincide on a lateral view
        place = Placed(rng.uniform(0.93, 1.07, 2) * axes, wall + side * apart)
        for outline, bone, edge in (
            (_PEDICLE, 1.6, 0.9),
            (_SUPERIOR_ARTICULAR, 0.8, 0.9),
            (_LAMINA, 0.9, 0.8),
            (_INFERIOR_ARTICULAR, 0.8, 0.9),
            (_TRANSVERSE, 0.4, 0.3),
        ):
            points = place(rounded(ragged(shapes[outline], [1.2, 0.04], rng)))
            blur = skeleton.softness_mm * rng.uniform(0.8, 1.8)
            canvas.add_shape(points, bone * solid, edge * rim, 1.2, blur_mm=blur, grain=skeleton.grain)
    spinous = _THORACIC_SPINOUS if vertebra.level.startswith('T') else _LUMBAR_SPINOUS
    place = Placed(axes * rng.uniform(0.88, 1.12, 2), wall)
    canvas.add_shape(
        place(rounded(shapes[spinous])), skeleton.spinous, 0.8 * skeleton.spinous, 1.0, 3.0, skeleton.softness_mm
    )


def _draw_disc(canvas: Canvas, vertebra: VertebralShape, rng: np.random.Generator) -> None:
    """Gas in the cleft of a worn disc; a healthy one absorbs as the tissue about it does."""
    if vertebra.degeneration > _VACUUM_FROM and rng.random() < _VACUUM_SHARE:
        half = len(vertebra.disc) // 2
        cleft = 0.5 * (vertebra.disc[:half] + vertebra.disc[: half - 1 : -1])
        first = int(rng.integers(2, half // 2))
        cleft = cleft[first : first + int(rng.integers(4, half // 2 + 2))]
        canvas.add_line(cleft, -MUSCLE * rng.uniform(6, 22), rng.uniform(1.0, 2.5), 0.5)


def _draw_body(
    canvas: Canvas, vertebra: VertebralShape, is_sacral: bool, skeleton: Skeleton, rng: np.random.Generator
) -> None:
    """A body of spongy bone with cortical endplates and walls, and what grew from its rims."""
    found = canvas.filled(vertebra.outline)
    if found is None:
        return
    corners = vertebra.corners
    share = rng.uniform(0.85, 1.15) * _DENSER.get(vertebra.fracture, 1.0)
    spongy = share * (skeleton.sacral if is_sacral else 1.0)
    lower = skeleton.sacral_lower if is_sacral else 1.0
    area, mask = found
    canvas.add(area, spongy * _spongiosa(canvas, corners, area, skeleton, lower) * mask)
    for osteophyte in vertebra.osteophytes:
        solid = share * skeleton.bone * rng.uniform(0.3, 0.8)
        canvas.add_shape(osteophyte, solid, 0.7 * skeleton.wall, 0.8, blur_mm=skeleton.softness_mm)

    # The beam grazes the rim of an endplate in the central ray only. Elsewhere the ring opens into an ellipse whose
    # long axis joins the two corners, between the tube side and the film side of the body.
    tangent = (corners[:, 1].mean() - skeleton.beam_y) / _TUBE_MM + skeleton.leaning
    opening = 0.45 * np.linalg.norm(corners[TR] - corners[TL]) * tangent
    for plate, far, visible in (
        (vertebra.superior, vertebra.far_superior, 1.0),
        (vertebra.inferior, vertebra.far_inferior, lower),
    ):
        strength = share * visible * skeleton.endplate * rng.uniform(0.75, 1.25) * (1 + 0.3 * vertebra.degeneration)
        along = np.linspace(-1, 1, len(plate))[:, None]
        chord = plate[0] + 0.5 * (along + 1) * (plate[-1] - plate[0])
        normal = np.array([-(plate[-1] - plate[0])[1], (plate[-1] - plate[0])[0]])
        arc = opening * np.sqrt(1 - along**2) * normal / np.linalg.norm(normal)
        sides = (chord + arc, chord - arc) if far is None else (plate, far)
        canvas.add_shape(
            np.concatenate([sides[0], sides[1][::-1]]), 0.4 * spongy * visible * skeleton.bone, blur_mm=0.5
        )
        _line(canvas, plate, 0.65 * strength, skeleton, rng)  # its floor, grazed for most of its breadth
        for side in sides:
            _line(canvas, side, 0.4 * strength, skeleton, rng)
    walls = [vertebra.anterior, vertebra.posterior]
    if vertebra.far_posterior is not None:
        walls.append(vertebra.far_posterior)
    for wall in walls:
        strength = share * skeleton.wall * rng.uniform(0.6, 1.2)
        _line(canvas, wall[: len(wall) // 2 + 2] if is_sacral else wall, strength, skeleton, rng)


def _line(canvas: Canvas, points: np.ndarray, peak: float, skeleton: Skeleton, rng: np.random.Generator) -> None:
    shares = bands(4, len(points) - 1, 1 - skeleton.patchiness, rng)
    canvas.add_line(points, peak, skeleton.cortex_mm, skeleton.softness_mm, shares)


def _spongiosa(
    canvas: Canvas, corners: np.ndarray, area: tuple[int, int, int, int], skeleton: Skeleton, lower: float
) -> np.ndarray:
    """Attenuation ``(h, w)`` of the bone between the cortices: a kidney-shaped column, narrower at mid-height."""
    left, top, right, bottom = area
    pixels = canvas.view.to_pixels(corners) - [left, top]
    to_unit = cv2.getPerspectiveTransform(pixels.astype(np.float32), _CANONICAL).astype(np.float32)
    x, y = np.arange(right - left, dtype=np.float32)[None], np.arange(bottom - top, dtype=np.float32)[:, None]
    scale = 1 / (to_unit[2, 0] * x + to_unit[2, 1] * y + to_unit[2, 2])
    u = np.clip((to_unit[0, 0] * x + to_unit[0, 1] * y + to_unit[0, 2]) * scale, -1, 1)
    v = np.clip((to_unit[1, 0] * x + to_unit[1, 1] * y + to_unit[1, 2]) * scale, -1, 1)
    u = np.where(u > 0, 0.8 * u, u)  # the posterior wall is flat: bone to its end
    column = np.sqrt(1 - np.abs(u) ** 2.5) * (0.88 + 0.12 * v * v)
    half_height = 0.5 * np.linalg.norm(corners[BL] + corners[BR] - corners[TL] - corners[TR]) / 2
    depth = half_height * (1 - np.abs(v))
    sheet = skeleton.subchondral * np.exp(-depth / 2.5) * np.where(v > 0, lower, 1)
    bone = (skeleton.bone * np.where(v > 0, 0.4 + 0.6 * lower, 1) + sheet) * column
    if canvas.texture is not None:
        bone *= 1 + skeleton.grain * canvas.texture[top:bottom, left:right]
    return bone
