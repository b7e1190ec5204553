"""What is not bone: trunk with fat and skin, folds, lungs above the diaphragm, breast and arm."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..anatomy import TL, TR
from .attenuation import FAT, LUNG, MUSCLE
from .canvas import Canvas
from .geometry import Spine
from .noise import clouds, streaks
from .parameters import chance, draw, log_uniform, uniform

_COARSE = 2  # nothing here has fine detail: half the resolution is enough
_LUNG_BASE = 'T12'  # the lungs reach down to about its top behind

# Outline of the trunk by height over the sacral endplate (y, mm): how far the skin of the back lies behind the spine,
# how far that of the belly before it, how broad the trunk is along the ray.
_TRUNK_Y = np.array([-420.0, -300.0, -200.0, -120.0, -50.0, 20.0, 90.0, 170.0, 300.0])
_TRUNK_BACK = np.array([82.0, 80.0, 82.0, 86.0, 88.0, 90.0, 104.0, 116.0, 105.0])
_TRUNK_FRONT = np.array([135.0, 150.0, 145.0, 140.0, 150.0, 155.0, 140.0, 120.0, 100.0])
_TRUNK_BREADTH = np.array([290.0, 290.0, 280.0, 270.0, 278.0, 300.0, 315.0, 310.0, 290.0])


@dataclass(frozen=True)
class Habitus:
    """The patient's build."""

    girth: float = uniform(0.75, 1.45, 'depth of the belly against an average adult: lean to obese')
    breadth: float = uniform(0.85, 1.15, 'breadth of the trunk, 5th to 95th percentile of adult hip breadth')
    waist: float = uniform(0.0, 0.10, 'narrowing of the trunk above the iliac crests: women more than men')
    back: float = uniform(0.9, 1.35, 'muscle and fat behind the spine')
    fat_mm: float = log_uniform(6, 45, 'subcutaneous fat of the loin')
    section_front: float = log_uniform(
        1.0, 3.2, 'exponent of the outline of the cross-section before the spine: a pointed belly to a box'
    )
    section_back: float = uniform(2.2, 5.0, 'and behind it: the back is flat')
    gluteal_mm: float = uniform(0, 38, 'what buttock and iliac muscle add along the ray below the crest')
    gluteal_edge_mm: float = log_uniform(5, 60, 'depth over which that sets in: crests in line, or rotated and oblique')
    gluteal_bow: float = uniform(0.001, 0.006, 'its arch, as of the crest itself, per mm')
    gluteal_slope: float = uniform(-0.35, 0.25, 'its slant against the film')
    mottle: float = log_uniform(0.007, 0.026, 'relative unevenness of bowel, liver and muscle along the ray')
    streak: float = log_uniform(0.0015, 0.009, 'fat planes between muscles and along ribs')
    streak_degrees: float = uniform(-65, 65, 'direction of these planes')
    folds: float = uniform(0, 3.6, 'skin folds at the waist; elderly and obese patients have several')
    fold_depth: float = log_uniform(0.04, 0.5, 'attenuation across a fold: air in the crease, a double layer of skin')
    has_breast: bool = chance(0.3, 'half the patients are women, and the film reaches up far enough in half')
    has_arm: bool = chance(0.15, 'arms are held forward, sometimes not far enough')


@dataclass(frozen=True)
class Lungs:
    """Air above the diaphragm."""

    share: float = uniform(0.14, 0.33, 'of the trunk that each lung takes up along the ray: expiration to inspiration')
    base_mm: float = uniform(-50, 28, 'place of the costophrenic angle against the top of T12')
    slope: float = uniform(0.2, 1.0, 'of the diaphragm, falling towards the back')
    bow: float = uniform(0.0012, 0.0045, 'its doming, per mm')
    apart_mm: float = uniform(0, 22, 'the right dome lies higher, and the beam parts them')
    edge_mm: float = log_uniform(0.8, 4, 'sharpness of the edge: breath held or not')
    vessels: float = uniform(0.03, 0.22, 'contrast of lung vessels')
    has_spared_mediastinum: bool = chance(0.5, 'heart and aorta before the spine let less air into the ray')


def draw_soft_tissue(canvas: Canvas, spine: Spine, rng: np.random.Generator) -> None:
    """Add the trunk to ``canvas``, with the lungs in it, breast and arm."""
    habitus, lungs = draw(Habitus, rng), draw(Lungs, rng)
    view = canvas.view
    width, height = -(-view.width // _COARSE), -(-view.height // _COARSE)
    x, y = np.meshgrid(np.arange(width) * _COARSE, np.arange(height) * _COARSE)
    mm = view.to_mm(np.stack([x, y], -1).astype(float)).astype(np.float32)
    per_pixel = _COARSE * canvas.mm_per_pixel
    trunk, lean = _trunk(mm, spine, habitus, rng)
    air = _air(mm, spine, lungs, per_pixel, rng)
    uneven = 1 + habitus.mottle * clouds(width, height, ((4, 0.6), (9, 0.6), (22, 0.45), (50, 0.28), (110, 0.15)), rng)
    for length, breadth, turn in ((50, 4, 0), (35, 2.5, rng.normal(0, 25))):
        degrees = habitus.streak_degrees + turn
        where = np.maximum(clouds(width, height, ((4, 0.7),), rng), 0)  # in some places, and not the same for both
        uneven += habitus.streak * where * streaks(width, height, length / per_pixel, breadth / per_pixel, degrees, rng)
    tissue = FAT * (trunk - lean) + lean * (MUSCLE * uneven - (MUSCLE - LUNG) * air)
    tissue += _folds(mm, trunk, habitus, rng)
    # Coarse pixel i stands for pixel _COARSE * i: no half pixel shift, so no cv2.resize.
    shift = np.array([[_COARSE, 0, 0], [0, _COARSE, 0]], np.float32)
    canvas.attenuation += cv2.warpAffine(
        tissue.astype(np.float32),
        shift,
        (view.width, view.height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    _breast_and_arm(canvas, habitus, rng)


def _trunk(mm: np.ndarray, spine: Spine, habitus: Habitus, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Path in mm ``(h, w)`` through a trunk that follows the spine, and through what of it is not subcutaneous fat."""
    grid = np.arange(-480.0, 340.0, 5.0)
    centers = spine.centers[np.argsort(spine.centers[:, 1])]
    # A slipped column does not carry the skin with it as far: smooth over 110 mm.
    middle = _smoothed(np.interp(grid, centers[:, 1], centers[:, 0]), 22)
    wobble = rng.normal(0, 5, len(_TRUNK_Y))
    waist = 1 - habitus.waist * np.exp(-np.square((grid + 80) / 70))
    back = middle + _smoothed(np.interp(grid, _TRUNK_Y, _TRUNK_BACK * habitus.back + wobble), 6)
    front = middle - habitus.girth * _smoothed(np.interp(grid, _TRUNK_Y, _TRUNK_FRONT + 2 * wobble), 6)
    thick = habitus.breadth * waist * _smoothed(np.interp(grid, _TRUNK_Y, _TRUNK_BREADTH), 6)
    row = np.clip((mm[..., 1] - grid[0]) / 5.0, 0, len(grid) - 2)
    index = row.astype(np.int32)
    part = row - index

    def at(values: np.ndarray) -> np.ndarray:
        values = values.astype(np.float32)
        return values[index] * (1 - part) + values[index + 1] * part

    def path(margin: float) -> np.ndarray:
        first, last = at(front + margin), at(back - margin)
        across = np.clip((mm[..., 0] - first) / (last - first) * 2 - 1, -1, 1)
        exponent = np.where(across < 0, np.float32(habitus.section_front), np.float32(habitus.section_back))
        return at(thick - 2 * margin) * np.sqrt(1 - np.abs(across) ** exponent)

    whole, lean = path(0.0), path(habitus.fat_mm)
    x, y = mm[..., 0], mm[..., 1]
    arch = habitus.gluteal_bow * np.square(np.clip(x + 20, -120, 60))
    below = y + rng.uniform(15, 55) - habitus.gluteal_slope * x - arch
    gluteal = habitus.gluteal_mm / (1 + np.exp(np.clip(-4 * below / habitus.gluteal_edge_mm, -30, 30)))
    gluteal *= np.minimum(lean / 120, 1)
    return whole + gluteal, lean + gluteal


def _smoothed(values: np.ndarray, steps: int) -> np.ndarray:
    kernel = np.hanning(2 * steps + 3)
    padded = np.pad(values, steps + 1, mode='edge')
    return np.convolve(padded, kernel / kernel.sum(), mode='valid')


def _folds(mm: np.ndarray, trunk: np.ndarray, habitus: Habitus, rng: np.random.Generator) -> np.ndarray:
    """Attenuation ``(h, w)`` of creases that run in from the skin: a dark line beside a bright one."""
    relief = np.zeros(mm.shape[:2], np.float32)
    inside = trunk > 0
    for _ in range(int(habitus.folds)):
        at, slope, bend = rng.uniform([-110, -0.2, -0.0012], [10, 0.2, 0.0012])
        width, reach = rng.uniform(1.2, 4.0), rng.uniform(25, 90)
        x, y = mm[..., 0], mm[..., 1]
        off = (y - at - slope * x - bend * np.square(x)) / width
        fading = 1 / (1 + np.exp(np.clip((reach - 30 - x) / 18, -20, 20)))
        crease = np.exp(-np.square(off)) - 0.7 * np.exp(-np.square((off - 2.2) / 1.6))
        relief -= habitus.fold_depth * rng.uniform(0.4, 1.0) * fading * crease
    return relief * inside


def _air(mm: np.ndarray, spine: Spine, lungs: Lungs, mm_per_pixel: float, rng: np.random.Generator) -> np.ndarray:
    """Share ``(h, w)`` of the trunk along the ray that is air: above two diaphragms that fall towards the back."""
    height, width = mm.shape[:2]
    air = np.zeros((height, width), np.float32)
    base = spine.corners[spine.levels.index(_LUNG_BASE), [TL, TR]].mean(axis=0) + [0, lungs.base_mm]
    dx = mm[..., 0] - base[0]
    for side in (-0.5, 0.5):
        dome = base[1] + side * lungs.apart_mm + rng.normal(0, 3)
        dome = dome + lungs.slope * dx + lungs.bow * rng.uniform(0.8, 1.25) * np.square(np.minimum(dx + 20, 0))
        air += lungs.share / (1 + np.exp(np.clip((mm[..., 1] - dome) / lungs.edge_mm, -30, 30)))
    if lungs.has_spared_mediastinum:
        air *= 1 - rng.uniform(0.3, 0.8) * np.exp(-np.square((dx + rng.uniform(0, 70)) / rng.uniform(15, 45)))
    if air.max() > 0.01:
        degrees = rng.uniform(20, 80)
        branches = sum(
            weight * streaks(width, height, 9 * size / mm_per_pixel, size / mm_per_pixel, degrees + turn, rng)
            for size, turn, weight in ((4.0, 0, 0.6), (2.6, 50, 0.4), (2.2, -40, 0.4))
        )
        air *= 1 - lungs.vessels * np.clip(branches - 0.4, -0.2, 1.0)
    return np.clip(air, 0, 0.7)


def _breast_and_arm(canvas: Canvas, habitus: Habitus, rng: np.random.Generator) -> None:
    if habitus.has_breast:
        for _ in range(2):
            place = rng.uniform([-175, -330], [-95, -225])
            canvas.add_ellipsoid(
                place, rng.uniform([35, 28], [70, 55]), rng.uniform(-0.6, 0.6), FAT * rng.uniform(15, 50), edge=1.8
            )
    if habitus.has_arm:
        start = rng.uniform([-190, -480], [-60, -400])
        end = start + rng.uniform([-90, 120], [10, 240])
        line = start + np.linspace(0, 1, 8)[:, None] * (end - start)
        canvas.add_line(line, MUSCLE * rng.uniform(20, 60), rng.uniform(65, 95), blur_mm=3)
        width, cortex = rng.uniform(20, 25), rng.uniform(0.15, 0.5)
        canvas.add_line(line, cortex, width, blur_mm=0.7)
        canvas.add_line(line, -0.6 * cortex, 0.6 * width, blur_mm=0.9)  # the marrow
