"""What is written on a radiograph: side markers (also mirrored), the posture, patient data, an icon of the posture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .parameters import chance, draw, log_uniform, uniform
from .view import View

_SIDES = ('L', 'R', 'LT', 'RT', 'LT.', 'RT.')
_POSTURES = ('STANDING', 'UPRIGHT', 'ERECT', 'LATERAL', 'FLEXION', 'EXTENSION', 'NEUTRAL', 'LAT')
_FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_PLAIN, cv2.FONT_HERSHEY_TRIPLEX)
_TRIES = 20


@dataclass(frozen=True)
class Annotations:
    """What is written, and how."""

    has_marker: bool = chance(0.93, 'a side marker is compulsory; sometimes it is cropped away')
    size_mm: float = log_uniform(5, 13, 'height of the letters')
    has_plate: bool = chance(0.5, 'black letters on a white plate, or white letters')
    is_dark_plate: bool = chance(0.08, 'white letters on a black plate')
    is_mirrored: bool = chance(0.3, 'films read through the back, or flipped in the archive')
    has_posture: bool = chance(0.3, 'standing, upright')
    is_lead: bool = chance(0.2, 'lead letters on the cassette: part of the exposure, blurred and less than white')
    brightness: float = uniform(0.8, 1.0, 'of the letters')
    has_icon: bool = chance(0.55, 'a small figure at the edge, which the archive of this dataset prints')
    has_text: bool = chance(0.06, 'burnt-in name, date and exposure')
    has_ruler: bool = chance(0.05, 'the scale that viewers print along an edge, kept in screenshots')
    is_sloping: bool = chance(0.25, 'a marker taped on by hand')


def annotate(grey: np.ndarray, view: View, keep: np.ndarray, rng: np.random.Generator) -> None:
    """Write into ``grey`` ``(H, W)`` in [0, 1], outside ``keep`` (left, top, right, bottom px)."""
    annotations = draw(Annotations, rng)
    if annotations.has_marker:
        lines = [_SIDES[rng.integers(len(_SIDES))]]
        if annotations.has_posture:
            lines.append(_POSTURES[rng.integers(len(_POSTURES))])
        _stamp(grey, view, keep, _marker(lines, annotations, view, rng), annotations, rng)
    if annotations.has_icon:
        _icon(grey, keep, rng)
    if annotations.has_ruler:
        _ruler(grey, keep, rng)
    if annotations.has_text:
        _burnt_in(grey, keep, rng)


def _marker(lines: list[str], annotations: Annotations, view: View, rng: np.random.Generator) -> np.ndarray:
    """The marker as an image of two channels: grey and how much of what lies below it hides, both in [0, 1]."""
    font, scale, thickness = _FONTS[rng.integers(len(_FONTS))], 1.5, int(rng.integers(2, 6))
    sizes = [
        cv2.getTextSize(line, font, scale * (1 if row == 0 else 0.7), thickness)[0] for row, line in enumerate(lines)
    ]
    margin = int(rng.integers(6, 16))
    width = max(size[0] for size in sizes) + 2 * margin
    height = sum(size[1] + 2 * margin for size in sizes)
    plate = annotations.has_plate
    letters, back = np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8)
    baseline = 0
    for row, (line, size) in enumerate(zip(lines, sizes, strict=True)):
        top, baseline = baseline + margin // 2, baseline + size[1] + 2 * margin
        at = (width - size[0]) // 2, baseline - margin
        cv2.putText(letters, line, at, font, scale * (1 if row == 0 else 0.7), 255, thickness, cv2.LINE_AA)
        if plate:
            back[top - margin // 2 : baseline - margin // 4, at[0] - margin : at[0] + size[0] + margin] = 255
    if plate:
        grey, cover = (back - np.minimum(letters, back) if not annotations.is_dark_plate else letters), back
    else:
        grey, cover = letters, letters
    patch = np.stack([grey, cover], -1)
    if annotations.is_mirrored:
        patch = np.ascontiguousarray(patch[:, ::-1])
    per_unit = annotations.size_mm / sizes[0][1]
    spacing_x, spacing_y = view.spacing
    shape = (max(round(width * per_unit / spacing_x), 3), max(round(height * per_unit / spacing_y), 3))
    patch = cv2.resize(patch, shape, interpolation=cv2.INTER_AREA)
    if annotations.is_sloping:
        turn = cv2.getRotationMatrix2D((shape[0] / 2, shape[1] / 2), rng.normal(0, 9), 0.95)
        patch = cv2.warpAffine(patch, turn, shape)
    patch = patch.astype(np.float32) / 255
    if annotations.is_lead:
        patch = cv2.GaussianBlur(patch, (0, 0), sigmaX=rng.uniform(0.5, 2.5))
    return patch


def _stamp(
    grey: np.ndarray,
    view: View,
    keep: np.ndarray,
    patch: np.ndarray,
    annotations: Annotations,
    rng: np.random.Generator,
) -> None:
    height, width = patch.shape[:2]
    for _ in range(_TRIES):
        x, y = rng.integers(0, max(view.width - width, 1)), rng.integers(0, max(view.height - height, 1))
        if x + width < keep[0] or x > keep[2] or y + height < keep[1] or y > keep[3]:
            area = grey[y : y + height, x : x + width]
            part = patch[: area.shape[0], : area.shape[1]]
            area[:] = area * (1 - part[..., 1]) + np.float32(annotations.brightness) * part[..., 0]
            return


def _icon(grey: np.ndarray, keep: np.ndarray, rng: np.random.Generator) -> None:
    """A head and a body, a few pixels high, at the upper edge, as the archive of the dataset marks the upper side."""
    height, width = grey.shape
    size = max(round(height * rng.uniform(0.012, 0.028)), 4)
    x = width - size - 1 if rng.random() < 0.6 else 1
    if rng.random() < 0.2:
        x = int(rng.integers(0, width - size))
    if x + size > keep[0] and x < keep[2]:
        return
    patch = np.zeros((2 * size, size), np.uint8)
    cv2.circle(patch, (size // 2, size // 2), max(size // 3, 1), 255, -1, cv2.LINE_AA)
    cv2.rectangle(patch, (size // 5, size), (size - 1 - size // 5, 2 * size - 2), 255, -1)
    patch = cv2.GaussianBlur(patch, (0, 0), sigmaX=rng.uniform(0.3, 1.0))
    patch = cv2.resize(patch, (size, round(1.5 * size)), interpolation=cv2.INTER_AREA)
    area = grey[: patch.shape[0], x : x + size]
    area[:] = np.maximum(area, patch[: area.shape[0], : area.shape[1]].astype(np.float32) / 255)


def _ruler(grey: np.ndarray, keep: np.ndarray, rng: np.random.Generator) -> None:
    """Ticks along the left or right edge, every fifth longer."""
    height, width = grey.shape
    long, step = max(round(0.02 * width), 2), max(round(height * rng.uniform(0.015, 0.03)), 3)
    edge = int(rng.integers(1, long)) if keep[0] > width - keep[2] else width - 2 * long
    if edge + long > keep[0] and edge < keep[2]:
        return
    for number, row in enumerate(range(round(0.2 * height), round(0.8 * height), step)):
        grey[row, edge : edge + (long if number % 5 == 0 else long // 2)] = 0.9


def _burnt_in(grey: np.ndarray, keep: np.ndarray, rng: np.random.Generator) -> None:
    """Lines of small letters in a corner of the image."""
    height, width = grey.shape
    size = rng.uniform(0.3, 0.6) * height / 640
    step = round(26 * size)
    rows, x = int(rng.integers(1, 6)), int(rng.choice([3, round(0.7 * width)]))
    y = int(rng.choice([step, height - (rows + 1) * step]))
    if x < keep[2] and x + 0.3 * width > keep[0] and y < keep[3] and y + rows * step > keep[1]:
        return
    layer = np.zeros((height, width), np.uint8)
    for row in range(rows):
        text = ''.join(chr(letter) for letter in rng.integers(48, 91, rng.integers(4, 14)))
        cv2.putText(layer, text, (x, y + row * step), cv2.FONT_HERSHEY_SIMPLEX, size, 255, 1, cv2.LINE_AA)
    np.maximum(grey, layer.astype(np.float32) * np.float32(0.95 / 255), out=grey)
