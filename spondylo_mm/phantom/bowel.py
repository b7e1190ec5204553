"""Gas and stool: dark bubbles with walls, in clusters and chains, the stomach's bubble, foam, the rectum."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .attenuation import MUSCLE
from .canvas import Canvas
from .noise import clouds
from .parameters import chance, draw, log_uniform, uniform


@dataclass(frozen=True)
class Bowel:
    """What fills the gut."""

    clusters: float = uniform(1, 8.99, 'groups of bubbles, from a prepared bowel to a loaded one')
    depth: float = log_uniform(0.25, 1.0, 'share of a bubble that is gas and not wall or stool')
    spread_mm: float = uniform(10, 30, 'extent of a cluster')
    over_spine: float = uniform(
        0.0, 0.35, 'share of clusters that project on the vertebrae: a rotated or stout patient'
    )
    loops: float = log_uniform(10, 110, 'faint outlines of bowel, kidneys, liver and fat between them')
    loop_contrast: float = log_uniform(0.012, 0.09, 'attenuation of such an outline')
    residue: float = uniform(0.0, 0.5, 'unevenness of gas by stool and mucosal folds')
    has_foam: bool = chance(0.75, 'stool mixed with gas is seen in most unprepared patients')
    foam: float = log_uniform(0.03, 0.2, 'attenuation that foam takes away at its darkest')
    has_stomach: bool = chance(0.4, 'gas under the left dome when standing')
    has_rectum: bool = chance(0.7, 'gas before the sacrum')
    has_stone: bool = chance(0.04, 'a tablet, phlebolith, kidney or gall stone')


def draw_bowel(canvas: Canvas, rng: np.random.Generator) -> None:
    """Take gas out of what is drawn so far; never more than half of it on any ray."""
    bowel = draw(Bowel, rng)
    layer = Canvas(canvas.view)
    for _ in range(int(bowel.loops)):
        place, radii = rng.uniform([-150, -260], [70, 120]), 4 + 22 * rng.random(2) ** 2
        peak = bowel.loop_contrast * rng.normal(-0.2, 1)
        layer.add_ellipsoid(place, radii, rng.uniform(0, np.pi), peak, rng.uniform(0.3, 1.0))
    for _ in range(int(bowel.clusters)):
        before = rng.uniform([-150, -200], [-32, 50])
        cluster = before if rng.random() > bowel.over_spine else rng.uniform([-30, -190], [20, 20])
        heading = rng.uniform(0, 2 * np.pi)
        place = cluster
        for _ in range(rng.integers(2, 12)):
            # the next haustrum lies beside the last: chains as well as heaps
            heading += rng.normal(0, 0.9)
            step = rng.uniform(0.3, 1.0) * bowel.spread_mm
            place = place + step * np.array([np.cos(heading), np.sin(heading)])
            _bubble(layer, place, rng.uniform(3, 14, 2), bowel.depth * rng.uniform(0.2, 1.0), rng)
    if bowel.has_stomach:
        _bubble(layer, rng.uniform([-120, -270], [-30, -200]), rng.uniform([16, 8], [45, 26]), 0.7 * bowel.depth, rng)
    if bowel.has_rectum:
        for _ in range(rng.integers(1, 4)):
            place, radii = rng.uniform([0, 55], [45, 125]), rng.uniform([8, 10], [24, 30])
            _bubble(layer, place, radii, bowel.depth * rng.uniform(0.4, 1.2), rng)
    width, height = layer.view.width, layer.view.height
    grain = clouds(width // 2, height // 2, ((20, 0.6), (50, 0.6)), rng)
    grain = cv2.resize(grain, (width, height), interpolation=cv2.INTER_LINEAR)
    layer.attenuation *= np.clip(1 + np.float32(bowel.residue) * grain, 0, 2)
    if bowel.has_foam:
        _foam(layer, bowel.foam, rng)
    # at most half of what is there, and nothing where there is no patient
    canvas.attenuation += np.clip(layer.attenuation, -0.5 * canvas.attenuation, 0.1 * canvas.attenuation)
    if bowel.has_stone:
        place = rng.uniform([-90, -170], [40, 110])
        canvas.add_ellipsoid(place, rng.uniform(2, 9, 2), rng.uniform(0, np.pi), rng.uniform(0.1, 0.6), edge=0.7)


def _bubble(canvas: Canvas, place: np.ndarray, radii: np.ndarray, filled: float, rng: np.random.Generator) -> None:
    """One pocket of gas, about as long on the ray as across it, with a lobe or two."""
    peak = -MUSCLE * 2 * float(np.mean(radii)) * filled
    angle = rng.uniform(0, np.pi)
    edge = rng.uniform(0.4, 1.2)
    canvas.add_ellipsoid(place, radii, angle, peak, edge)
    for _ in range(rng.integers(0, 3)):
        offset = rng.normal(0, 0.6, 2) * radii
        canvas.add_ellipsoid(place + offset, radii * rng.uniform(0.4, 0.8), angle, 0.6 * peak, edge)


def _foam(canvas: Canvas, depth: float, rng: np.random.Generator) -> None:
    """Many small bubbles in the course of the colon: speckled, at half the resolution."""
    height, width = canvas.attenuation.shape
    small = (max(width // 2, 2), max(height // 2, 2))
    mm = width * canvas.view.spacing[0]
    grain = clouds(*small, ((max(int(mm / 9), 4), 0.9), (max(int(mm / 5), 8), 0.5)), rng)
    where = np.zeros(small[::-1], np.float32)
    for _ in range(rng.integers(1, 7)):
        center = canvas.view.to_pixels(rng.uniform([-140, -150], [-30, 70])) / 2
        axes = rng.uniform([14, 14], [60, 45]) / canvas.mm_per_pixel / 2
        cv2.ellipse(where, (center.tolist(), (2 * axes).tolist(), rng.uniform(0, 180)), 1.0, -1)
    where = cv2.GaussianBlur(where, (0, 0), sigmaX=4 / canvas.mm_per_pixel)
    foam = -np.float32(depth) * np.clip(grain, 0, 1) * where
    canvas.attenuation += cv2.resize(foam, (width, height), interpolation=cv2.INTER_LINEAR)
