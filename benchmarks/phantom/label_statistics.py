"""Statistics of labelled spines, from what the real statistics file and phantoms both have: boxes and mean corners.

A *label set* is a list of ``Label``; everything is measured on 640 x 640 px squashed images, vertebrae bottom up, as in
the step table of the dataset's description. Shapes: ``N`` images.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MAX_VERTEBRAE, MAX_STEPS = 9, 8  # rows of the table
LEAST_IMAGES = 35  # a row with fewer is not compared
_FIRST_LOOSE_ID = 3700
_DAMAGED_GAP, _DAMAGED_DOUBLE = 1.7, 0.5  # median spacings: a missing level or a stray, a doubled vertebra
_TOUCHES = 10  # px from the upper edge
_ENERGY_VERTEBRAE = 6


@dataclass(frozen=True)
class Label:
    """One label file: ``boxes`` ``(V, 4)`` x1 y1 x2 y2 px, bottom up, and which group of annotators made it."""

    boxes: np.ndarray
    is_loose: bool

    @property
    def centers(self) -> np.ndarray:
        return 0.5 * (self.boxes[:, :2] + self.boxes[:, 2:])


def bottom_up(boxes: np.ndarray, is_loose: bool) -> Label:
    """A label from boxes ``(V, 4)`` in any order."""
    return Label(boxes[np.argsort(-(boxes[:, 1] + boxes[:, 3]))], is_loose)


def read_statistics(path: Path) -> tuple[list[Label], list[Label]]:
    """The real labels: those of the BUU part, and the others."""
    boxes, number = defaultdict(list), {}
    with path.open(newline='') as file:
        for row in csv.DictReader(file):
            boxes[row['filename']].append([float(row[key]) for key in ('box_x1', 'box_y1', 'box_x2', 'box_y2')])
    full, others = [], []
    for name, rows in boxes.items():
        number = re.match(r'(\d{3,5})-[FM]-\d+Y', name)
        label = bottom_up(np.array(rows), bool(number) and int(number[1]) >= _FIRST_LOOSE_ID)
        (full if number else others).append(label)
    return full, others


def is_sound(label: Label) -> bool:
    """No gap of a missing level or stray, no doubled vertebra: the images of the table."""
    spacing = np.linalg.norm(np.diff(label.centers, axis=0), axis=1)
    return bool(
        len(spacing) > 1
        and spacing.max() <= _DAMAGED_GAP * np.median(spacing)
        and spacing.min() >= _DAMAGED_DOUBLE * np.median(spacing)
    )


def measure(labels: list[Label]) -> dict[str, np.ndarray]:
    """Every statistic of every image, each ``(N,)``; NaN where an image has no such vertebra.

    The side the patient faces is read as for the table: S1 lies behind L5.
    """
    rows: dict[str, list[float]] = defaultdict(list)
    for label in labels:
        size, center = label.boxes[:, 2:] - label.boxes[:, :2], label.centers
        step = center[:-1] - center[1:]
        is_left = step[0, 0] >= 0
        step[:, 0] *= 1 if is_left else -1
        dx = step[:, 0] / np.median(size[:, 0])
        angle = np.degrees(np.arctan2(step[:, 0], step[:, 1]))
        for index in range(MAX_VERTEBRAE):
            there = index < len(center)
            rows[f'width {index}'].append(size[index, 0] if there else np.nan)
            rows[f'height {index}'].append(size[index, 1] if there else np.nan)
            rows[f'centre y {index}'].append(center[index, 1] if there else np.nan)
        for index in range(MAX_STEPS):
            there = index < len(step)
            rows[f'spacing {index + 1}→{index}'].append(np.hypot(*step[index]) if there else np.nan)
            rows[f'dx/width {index + 1}→{index}'].append(dx[index] if there else np.nan)
            rows[f'angle {index + 1}→{index}'].append(angle[index] if there else np.nan)
        rows['labelled vertebrae'].append(len(center))
        for name, value in zip(
            ('left', 'top', 'right', 'bottom'), (*label.boxes[:, :2].min(0), *label.boxes[:, 2:].max(0)), strict=True
        ):
            rows[f'extent {name}'].append(value)
        rows['most anterior'].append(np.argmin(center[:, 0] if is_left else -center[:, 0]))
        rows['top touches the edge'].append(label.boxes[:, 1].min() <= _TOUCHES)
    return {name: np.array(values, float) for name, values in rows.items()}


def correlations(measured: dict[str, np.ndarray]) -> dict[str, float]:
    """Of the angles of neighbouring steps, and of step 1 with step 5 (counted from 1)."""
    angle = [measured[f'angle {index + 1}→{index}'] for index in range(MAX_STEPS)]
    pairs = [(index, index + 1) for index in range(MAX_STEPS - 1)] + [(0, 4)]
    found = {}
    for one, other in pairs:
        both = np.isfinite(angle[one]) & np.isfinite(angle[other])
        if both.sum() >= LEAST_IMAGES:
            found[f'steps {one + 1}, {other + 1}'] = float(np.corrcoef(angle[one][both], angle[other][both])[0, 1])
    return found


def vectors(labels: list[Label], is_loose: bool | None = None) -> np.ndarray:
    """``(N, F)`` of the images with at least ``_ENERGY_VERTEBRAE`` labels: their lowest boxes, facing left."""
    rows = []
    for label in labels:
        if len(label.boxes) < _ENERGY_VERTEBRAE or is_loose not in (None, label.is_loose):
            continue
        boxes, center = label.boxes[:_ENERGY_VERTEBRAE], label.centers[:_ENERGY_VERTEBRAE].copy()
        if center[0, 0] < center[1, 0]:
            center[:, 0] = 640 - center[:, 0]
        size = boxes[:, 2:] - boxes[:, :2]
        step = center[:-1] - center[1:]
        angle, spacing = np.degrees(np.arctan2(step[:, 0], step[:, 1])), np.hypot(*step.T)
        rows.append([*angle, *np.log(spacing), *np.log(size).T.ravel(), *center[0], len(label.boxes)])
    return np.array(rows)


def energy_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Szekely & Rizzo's between two samples ``(N, F)`` and ``(M, F)``: 2 E|X-Y| - E|X-X'| - E|Y-Y'|, unbiased."""

    def mean_distance(a: np.ndarray, b: np.ndarray, same: bool) -> float:
        square = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
        total = np.sqrt(np.maximum(square, 0))
        if same:
            np.fill_diagonal(total, 0)
        return float(total.sum() / (len(a) * (len(b) - same)))

    return 2 * mean_distance(one, other, False) - mean_distance(one, one, True) - mean_distance(other, other, True)
