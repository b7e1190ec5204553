"""Sacrum below S1, iliac wings and hip joints. The lumbosacral junction is seen through the wings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..anatomy import BL, BR, TL, TR
from .canvas import Canvas
from .geometry import Spine
from .noise import bands
from .parameters import draw, log_uniform, uniform
from .placing import Placed, ragged, rounded, unit

# Outlines in mm from the centre of the sacral endplate, patient facing left, drawn for a sacral slope of 38 degrees.
_WING = ((-84, 34), (-88, 14), (-80, -10), (-60, -32), (-32, -46), (-2, -48), (22, -36), (38, -12), (44, 14), (34, 34),
         (14, 40), (0, 52), (-8, 78), (-30, 92), (-58, 84), (-74, 60))  # yapf: disable
_CREST = ((-84, 34), (-88, 14), (-80, -10), (-60, -32), (-32, -46), (-2, -48), (22, -36), (38, -12), (44, 14), (36, 34))
_NOTCH = ((34, 36), (16, 40), (2, 50), (-6, 66), (-6, 84), (4, 96), (6, 106))  # greater sciatic, down to the spine
_ARCUATE = ((12, 16), (2, 32), (-10, 50), (-24, 64), (-40, 72), (-58, 88), (-74, 110))  # rim of the true pelvis
_FRONT = ((-84, 34), (-76, 50), (-70, 62), (-64, 74))  # between the anterior iliac spines
_ISCHIUM = ((-16, 90), (2, 84), (12, 104), (8, 130), (-4, 158), (-22, 166), (-30, 150), (-16, 122))
_PUBIS = ((-52, 88), (-72, 104), (-88, 118), (-90, 132), (-78, 138), (-58, 122), (-44, 110))
_FEMUR = ((-52, 104), (-58, 130), (-62, 170), (-62, 520), (-34, 520), (-30, 190), (-18, 150), (-10, 120), (-22, 96))
_FEMORAL_HEAD, _HEAD_RADIUS, _SOCKET_RADIUS = np.array([-38.0, 98.0]), 23.0, 26.5
_USUAL_SLOPE = 38.0  # degrees


@dataclass(frozen=True)
class Pelvis:
    """How the pelvis is seen."""

    density: float = log_uniform(0.45, 1.3, 'osteoporotic to young')
    wing: float = log_uniform(0.05, 0.25, 'attenuation of an iliac wing seen flat: 2-6 mm of cortex')
    crest: float = log_uniform(0.08, 0.38, 'cortex of the crest seen edge on')
    arcuate: float = log_uniform(0.05, 0.32, 'the thick bar from the sacroiliac joint to the socket')
    socket: float = log_uniform(0.1, 0.6, 'roof of the acetabulum')
    size: float = uniform(0.9, 1.12, 'adult pelves')
    magnified: float = uniform(0.0, 0.13, 'the side near the tube is larger than that near the film')
    apart_mm: float = uniform(0, 16, 'between the sides: rotation and tilt of the patient')
    follows: float = uniform(0.3, 1.0, 'share of the sacral slope that is the turn of the pelvis')
    folds: float = uniform(2, 16, 'cortices of ala, sacroiliac joint and wing that cross the lumbosacral junction')
    fold: float = log_uniform(0.05, 0.22, 'attenuation of such a cortex')
    thighs_degrees: float = uniform(-15, 75, 'flexion of the hip: standing to lying on the side')


@dataclass(frozen=True)
class Sacrum:
    """How the sacrum is seen."""

    density: float = log_uniform(0.5, 1.2, 'osteoporotic to young')
    front: float = log_uniform(0.12, 0.6, 'its concave anterior cortex, the line one sees first')
    body: float = log_uniform(0.02, 0.08, 'spongiosa of S2 to S5')
    lines: float = log_uniform(0.03, 0.3, 'remains of the sacral discs')
    ala: float = log_uniform(0.03, 0.14, 'lateral mass seen through S1')
    curl: float = uniform(3, 15, 'degrees by which each segment turns forwards')
    length: float = uniform(0.88, 1.12, 'adult sacra')
    crest: float = log_uniform(0.03, 0.18, 'the bony ridge behind the canal')


def draw_sacrum(canvas: Canvas, spine: Spine, rng: np.random.Generator) -> None:
    """S2 to S5 and the coccyx below S1 on a curve, canal and crest behind, lateral masses over it all."""
    sacrum = draw(Sacrum, rng)
    density = sacrum.density
    s1 = spine.corners[0]
    anterior, posterior = [s1[TL], s1[BL]], [s1[TR], s1[BR]]
    axis = 0.5 * (s1[BL] + s1[BR] - s1[TL] - s1[TR])
    heading = np.degrees(np.arctan2(axis[0], axis[1]))
    start, depth = 0.5 * (s1[BL] + s1[BR]), np.linalg.norm(s1[BR] - s1[BL])
    for length in np.array([24.0, 21.0, 18.0, 16.0, 11.0, 9.0]) * sacrum.length:
        heading -= sacrum.curl + rng.normal(0, 2)
        depth *= 0.87
        direction = np.array([np.sin(np.radians(heading)), np.cos(np.radians(heading))])
        across = np.array([direction[1], -direction[0]])
        start = start + length * direction
        anterior.append(start - 0.5 * depth * across)
        posterior.append(start + 0.5 * depth * across)
    front, back = np.array(anterior), np.array(posterior)
    canvas.add_shape(
        rounded(np.concatenate([front[1:], back[:0:-1]])), sacrum.body * density, rim=0.05, blur_mm=2.5, grain=0.15
    )
    lining = rounded(front[1:], closed=False)
    canvas.add_line(lining, sacrum.front * density, 1.6, 0.5, bands(6, len(lining) - 1, 0.5, rng))
    lining = rounded(ragged(back, 0.8, rng), closed=False)
    canvas.add_line(lining, 0.5 * sacrum.front * density, 1.2, 0.6, bands(6, len(lining) - 1, 0.0, rng))
    for upper, lower in zip(front[1:6], back[1:6], strict=True):
        middle = 0.5 * (upper + lower) + rng.normal(0, 0.6, 2)
        canvas.add_line(np.array([upper, middle, lower]), sacrum.lines * rng.uniform(0.3, 1) * density, 1.2, 0.5)
    crest = back[:6] + (np.linspace(24, 8, 6) * rng.uniform(0.8, 1.15))[:, None] * unit(s1[TR] - s1[TL])
    canal = np.concatenate([back[:6], ragged(crest, 1.2, rng)[::-1]])
    canvas.add_shape(rounded(canal), 0.08 * density, rim=sacrum.crest * density, rim_mm=1.3, blur_mm=0.7, grain=0.1)
    # Lateral masses: seen through the whole sacrum, from the ala before S1 to S3.
    ala = np.array(
        [s1[TL] + 0.25 * (s1[TR] - s1[TL]), front[1] + [-8, 5], front[2] + [-3, 2], front[3], back[3], back[1], s1[TR]]
    )
    canvas.add_shape(rounded(ragged(ala, 2, rng)), sacrum.ala, rim=0.5 * sacrum.ala, rim_mm=2, blur_mm=1.5, grain=0.1)


def draw_pelvis(canvas: Canvas, spine: Spine, rng: np.random.Generator) -> None:
    """Iliac wings with their crests, and hip joints, of both sides. The pelvis turns with the sacrum."""
    pelvis = draw(Pelvis, rng)
    s1 = spine.corners[0]
    slope = np.arctan2(s1[TL][1] - s1[TR][1], s1[TR][0] - s1[TL][0])
    turn = pelvis.follows * (slope - np.radians(_USUAL_SLOPE))  # it follows the sacrum only in part
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    shape = {name: ragged(outline, 2.5, rng) for name, outline in (('wing', _WING), ('ischium', _ISCHIUM))}
    offset = rng.normal(0, [4, 5])
    for side in (-0.5, 0.5):
        size = pelvis.size * (1 + side * pelvis.magnified)
        direction = rng.normal(0, 1, 2)
        apart = side * pelvis.apart_mm * unit(direction)
        place = Placed(size * rotation, offset + apart)
        _draw_side(canvas, place, pelvis, shape, rng)
        _draw_folds(canvas, place, pelvis, rng)


def _draw_folds(canvas: Canvas, place: Placed, pelvis: Pelvis, rng: np.random.Generator) -> None:
    """A fan of lines from the sacroiliac joint forwards and down, and up along the wing."""
    for _ in range(int(pelvis.folds / 2 + 0.5)):
        start = rng.uniform([-5, -28], [38, 25])
        heading, turn = rng.uniform(0.15, 1.0) * np.pi, rng.normal(0, 0.25)
        points = [start]
        for step in range(5):
            angle = heading + step * turn
            points.append(points[-1] + rng.uniform(5, 13) * np.array([np.cos(angle), np.sin(angle)]))
        line = rounded(np.array(points), closed=False)
        shares = bands(5, len(line) - 1, 0.0, rng)
        canvas.add_line(place(line), pelvis.fold * rng.uniform(0.5, 1.3), rng.uniform(0.7, 2.0), 0.3, shares)


def _draw_side(
    canvas: Canvas, place: Placed, pelvis: Pelvis, shape: dict[str, np.ndarray], rng: np.random.Generator
) -> None:
    density = pelvis.density
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    head = _FEMORAL_HEAD + _HEAD_RADIUS * circle
    socket = _FEMORAL_HEAD + _SOCKET_RADIUS * circle[22 : 22 + int(rng.integers(14, 24))]
    canvas.add_shape(place(rounded(shape['wing'])), pelvis.wing * density, round_mm=14, blur_mm=1.5, grain=0.06)
    for line, peak, width, low in (
        (_CREST, pelvis.crest, 2.4, 0.1),
        (_NOTCH, 0.8 * pelvis.arcuate, 2.2, 0.4),
        (_ARCUATE, pelvis.arcuate, rng.uniform(1.5, 4.5), 0.2),
        (_FRONT, pelvis.crest, 2.2, 0.3),
        (socket, pelvis.socket, 2.0, 0.5),
    ):
        smooth = line if line is socket else rounded(ragged(line, 1.5, rng), closed=False)
        shares = bands(5, len(smooth) - 1, low, rng)
        canvas.add_line(place(smooth), peak * density, width, rng.uniform(0.3, 0.9), shares)
    canvas.add_shape(place(head), 0.35 * density, rim=0.12 * density, round_mm=14, blur_mm=0.7, grain=0.08)
    hip = np.radians(pelvis.thighs_degrees + rng.normal(0, 4))
    bend = np.array([[np.cos(hip), np.sin(hip)], [-np.sin(hip), np.cos(hip)]])
    femur = (np.asarray(_FEMUR) - _FEMORAL_HEAD) @ bend + _FEMORAL_HEAD
    shaft = place(rounded(ragged(femur, 1.5, rng)))
    canvas.add_shape(shaft, 0.28 * density, rim=0.35 * density, rim_mm=4, round_mm=10, blur_mm=1.2, grain=0.08)
    for bone in (shape['ischium'], _PUBIS):
        canvas.add_shape(place(rounded(bone)), 0.12 * density, rim=0.12 * density, rim_mm=2, blur_mm=1.4, grain=0.1)
