"""A radiograph with its vertebrae drawn on it, to be read on a phone."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..anatomy import CORNERS, OUTLINE, SLOT_COLORS, TL, TR

MIN_HEIGHT = 900  # a smaller radiograph is enlarged to this before drawing
MAX_SCALE = 16.0  # but no further: a strip of 3000 x 2 px would become a billion pixels
MAX_ENLARGED = 30_000  # px, longer side: nor beyond this, which with MIN_HEIGHT is 27 million pixels

# Sizes as shares of the picture's height. A phone shows a portrait picture some 14 cm high: 2.2 % of that are 3 mm.
_NAME_HEIGHT = 0.026
_PRESENCE_HEIGHT = 0.022
_LINE = 1 / 600
_STROKE = 1 / 900  # of a letter
_HALO = 1 / 200  # dark rim of a letter, both sides together
_DOT = 1 / 260
_GAP = 0.012  # between a vertebra and its label, and between labels
_RINGS = ((0, 4), (4, 12))  # how far away, in gaps, a label is tried on one side and then on the other

_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
_FONT = cv2.FONT_HERSHEY_DUPLEX
SUBPIXEL_BITS = 4  # of OpenCV's fixed-point coordinates
_FARTHEST = float(MAX_ENLARGED)  # corners further out are drawn here: OpenCV's coordinates are integers


def draw_overlay(image: np.ndarray, vertebrae: Sequence[dict], truth: Sequence[dict] | None = None) -> np.ndarray:
    """Draw vertebrae as quadrilaterals in their slot's colour, with level and presence beside them.

    The superior endplate is drawn thicker, corners are dots. The true vertebrae, if given, are thin, white and dashed.

    Args:
        image: (H, W) uint8.
        vertebrae: as in ``predictions.json``: ``slot``, ``level``, ``presence`` (may be absent) and ``corners``
            {corner: {x, y, ...}} in pixels of ``image``. A corner that is missing or not finite is not drawn, and
            neither are its edges: of S1 often only the superior endplate is known.
        truth: the same form.

    Returns:
        (H', W', 3) uint8 in OpenCV's channel order BGR, as ``cv2.imwrite`` takes it; H' is at least ``MIN_HEIGHT`` and
        H'/H = W'/W = ``overlay_scale(H, W)``.
    """
    scale = overlay_scale(*image.shape)
    height, width = round(image.shape[0] * scale), round(image.shape[1] * scale)
    canvas = cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA)
    canvas = cv2.cvtColor(canvas, cv2.COLOR_GRAY2BGR)

    drawn = [(vertebra, overlay_corners(vertebra, scale)) for vertebra in vertebrae]
    drawn = [(vertebra, corners) for vertebra, corners in drawn if np.isfinite(corners).any()]
    true = [corners for vertebra in truth or () if np.isfinite(corners := overlay_corners(vertebra, scale)).any()]
    for vertebra, corners in drawn:
        _draw_vertebra(canvas, corners, _color(vertebra))
    for corners in true:
        _draw_dashed(canvas, corners)

    taken = np.zeros((height, width), dtype=np.uint8)  # where no label may lie
    for corners in [corners for _, corners in drawn] + true:
        _draw_lines(taken, corners, labelled_edges(corners), 255, _pixels(4 * _DOT, height))
        outline = corners[[start for start, _ in OUTLINE]]
        cv2.fillPoly(taken, [np.round(outline[np.isfinite(outline).all(axis=1)]).astype(np.int32)], 255)
    to_left = _room_on_the_left([corners for _, corners in drawn], width)
    for vertebra, corners in drawn:
        _draw_label(canvas, taken, corners[np.isfinite(corners).all(axis=1)], vertebra, to_left)
    return canvas


def overlay_scale(height: int, width: int) -> float:
    """Factor from image pixels to pixels of the overlay; x of an image lies at (x + 0.5) * factor - 0.5."""
    return max(1.0, min(MIN_HEIGHT / height, MAX_SCALE, MAX_ENLARGED / max(height, width)))


def overlay_corners(vertebra: dict, scale: float) -> np.ndarray:
    """Corners (4, 2) in pixels of the overlay, NaN where one is missing or not finite."""
    missing = dict(x=np.nan, y=np.nan)
    corners = np.array(
        [[vertebra['corners'].get(name, missing)[axis] for axis in 'xy'] for name in CORNERS], dtype=float
    )
    corners[~np.isfinite(corners).all(axis=1)] = np.nan
    return np.clip((corners + 0.5) * scale - 0.5, -_FARTHEST, _FARTHEST)


def labelled_edges(corners: np.ndarray) -> list[tuple[int, int]]:
    """The edges of which both corners (4, 2) are finite."""
    return [edge for edge in OUTLINE if np.isfinite(corners[list(edge)]).all()]


def vertebra_name(vertebra: dict) -> str:
    """Its level, or its slot where slots are no levels (see ``datasets.anchors``)."""
    return f'slot {vertebra["slot"]}' if vertebra['level'] is None else vertebra['level']


def _color(vertebra: dict) -> tuple[int, ...]:
    """BGR; vertebrae above the last slot begin again with the first one's."""
    return SLOT_COLORS[vertebra['slot'] % len(SLOT_COLORS)][::-1]


def _draw_vertebra(canvas: np.ndarray, corners: np.ndarray, color: tuple[int, ...]) -> None:
    height = canvas.shape[0]
    line = _pixels(_LINE, height)
    edges = labelled_edges(corners)
    _draw_lines(canvas, corners, edges, _BLACK, line + 2)
    _draw_lines(canvas, corners, edges, color, line)
    _draw_lines(canvas, corners, [edge for edge in edges if edge == (TL, TR)], color, 2 * line)
    for corner in corners[np.isfinite(corners).all(axis=1)]:
        center, radius = fixed_point(corner), _pixels(_DOT, height) << SUBPIXEL_BITS
        cv2.circle(canvas, center, radius + (1 << SUBPIXEL_BITS), _BLACK, cv2.FILLED, cv2.LINE_AA, SUBPIXEL_BITS)
        cv2.circle(canvas, center, radius, color, cv2.FILLED, cv2.LINE_AA, SUBPIXEL_BITS)


def _draw_lines(
    canvas: np.ndarray, corners: np.ndarray, edges: Sequence[tuple[int, int]], color: object, thickness: int
) -> None:
    for start, end in edges:
        cv2.line(
            canvas, fixed_point(corners[start]), fixed_point(corners[end]), color, thickness, cv2.LINE_AA, SUBPIXEL_BITS
        )


def _draw_dashed(canvas: np.ndarray, corners: np.ndarray) -> None:
    dash = canvas.shape[0] / 110
    for start, end in labelled_edges(corners):
        vector = corners[end] - corners[start]
        count = max(1, round(np.linalg.norm(vector) / (2 * dash)))
        for i in range(count):
            ends = [corners[start] + vector * (i + part) / count for part in (0.0, 0.5)]
            cv2.line(canvas, fixed_point(ends[0]), fixed_point(ends[1]), _WHITE, 1, cv2.LINE_AA, SUBPIXEL_BITS)


def _room_on_the_left(spine: list[np.ndarray], width: int) -> bool:
    """Whether labels have more room to the left of the spine than to its right."""
    return bool(spine) and float(np.nanmean(spine, axis=(0, 1))[0]) > width / 2


def _draw_label(canvas: np.ndarray, taken: np.ndarray, corners: np.ndarray, vertebra: dict, to_left: bool) -> None:
    """Write level and presence where they cover no vertebra and no other label, as near as can be."""
    height = canvas.shape[0]
    texts = [(vertebra_name(vertebra), _color(vertebra), _font_scale(_NAME_HEIGHT, height))]
    if vertebra.get('presence') is not None:
        texts.append((f'{100 * vertebra["presence"]:.0f}%', _WHITE, _font_scale(_PRESENCE_HEIGHT, height)))
    stroke = _pixels(_STROKE, height)
    sizes = [cv2.getTextSize(text, _FONT, scale, stroke)[0] for text, _, scale in texts]
    space = _pixels(_GAP, height) // 2
    box = (sum(size[0] for size in sizes) + space * (len(sizes) - 1), max(size[1] for size in sizes))
    x, y = _free_place(taken, corners, box, to_left)
    margin = _pixels(_GAP, height) // 2
    cv2.rectangle(taken, (x - margin, y - margin), (x + box[0] + margin, y + box[1] + margin), 255, cv2.FILLED)
    for (text, color, scale), size in zip(texts, sizes, strict=True):
        origin = (x, y + box[1])
        cv2.putText(canvas, text, origin, _FONT, scale, _BLACK, stroke + _pixels(_HALO, height), cv2.LINE_AA)
        cv2.putText(canvas, text, origin, _FONT, scale, color, stroke, cv2.LINE_AA)
        x += size[0] + space


def _free_place(taken: np.ndarray, corners: np.ndarray, box: tuple[int, int], to_left: bool) -> tuple[int, int]:
    """Top left pixel for a label of ``box`` (width, height) beside a vertebra, inside the picture.

    Tried in this order: the preferred side, level with the body's centre, then a little further out, up or down; the
    same on the other side; then ever further away. If nothing is free, the place that covers least.
    """
    height, width = taken.shape
    gap = _pixels(_GAP, height)
    middle = corners[:, 1].mean() - box[1] / 2
    left, right = corners[:, 0].min() - gap - box[0], corners[:, 0].max() + gap
    sides = ((left, -1), (right, 1)) if to_left else ((right, 1), (left, -1))
    best, least = (0, 0), None
    for x, outwards, distance in [(*side, d) for near, far in _RINGS for side in sides for d in range(near, far)]:
        for shift in sorted(range(-distance, distance + 1), key=abs):
            out = outwards * (distance - abs(shift)) * gap
            place = (
                int(np.clip(x + out, gap, max(gap, width - box[0] - gap))),
                int(np.clip(middle + shift * gap, gap, max(gap, height - box[1] - gap))),
            )
            covered = np.count_nonzero(taken[place[1] : place[1] + box[1], place[0] : place[0] + box[0]])
            if covered == 0:
                return place
            if least is None or covered < least:
                best, least = place, covered
    return best


def _font_scale(share: float, height: int) -> float:
    """Font scale that makes capitals this share of the picture's height."""
    return cv2.getFontScaleFromHeight(_FONT, max(1, round(share * height)))


def _pixels(share: float, height: int) -> int:
    return max(1, round(share * height))


def fixed_point(point: np.ndarray) -> tuple[int, int]:
    """A point in OpenCV's fixed-point coordinates of ``SUBPIXEL_BITS``."""
    return tuple(int(v) for v in np.round(point * (1 << SUBPIXEL_BITS)))
