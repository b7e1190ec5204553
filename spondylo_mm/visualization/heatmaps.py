"""What the model sees of each vertebra: the heatmaps of every slot over the radiograph, on one sheet."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..anatomy import CORNERS, LEVELS, NUM_CORNERS, NUM_SLOTS, SLOT_COLORS
from .comparison import with_title

TILE = 480  # pixels of an image's longer side
MIN_TILE_WIDTH = 370  # room for the line of peak heights
_COLUMNS = 5
_DIMMED = 0.6  # of the radiograph's grey, so that heat stands out
_COLOR_MAP = cv2.COLORMAP_INFERNO  # evenly brighter, also in grey and for the colour-blind
_CROSS = 5  # half the width of a true corner's cross, px
_LABEL = 54  # height of a tile's two lines of text, px
_FONT = cv2.FONT_HERSHEY_DUPLEX
_LARGE, _SMALL = 0.75, 0.55  # font scales
_WHITE, _CYAN = (255, 255, 255), (255, 255, 0)


def draw_heatmaps(
    image: np.ndarray,
    heatmaps: np.ndarray,
    to_image: np.ndarray,
    presence: np.ndarray,
    truth: Sequence[dict] = (),
    title: Sequence[str] = (),
    names: Sequence[str] = LEVELS,
) -> np.ndarray:
    """Draw one tile per slot, from the sacrum up: the largest of its four heatmaps at every pixel, true corners as
    crosses, and in words its presence and the height of each corner's peak.

    Colours are the same in all tiles: clear at 0, yellow at 1, or at the largest peak where that is higher, and change
    with the root of the height between.

    Args:
        image: (H, W) uint8.
        heatmaps: (K, h, w); what is not finite is drawn as 0.
        to_image: (3, 3) map from heatmap pixels to pixels of ``image``.
        presence: (S,) in [0, 1].
        truth: vertebrae as in ``overlay.draw_overlay``.
        title: lines of text above all.
        names: what to call each slot.

    Returns:
        (H', W', 3) uint8, BGR.
    """
    heatmaps = np.nan_to_num(heatmaps.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    peaks = heatmaps.max(axis=(1, 2)).reshape(NUM_SLOTS, NUM_CORNERS)
    slots = heatmaps.reshape(NUM_SLOTS, NUM_CORNERS, *heatmaps.shape[1:]).max(axis=1)
    brightest = max(1.0, float(peaks.max()))

    scale = TILE / max(image.shape)
    size = tuple(max(1, round(side * scale)) for side in image.shape[::-1])
    to_tile = np.array([[scale, 0, scale / 2 - 0.5], [0, scale, scale / 2 - 0.5], [0, 0, 1]]) @ to_image
    film = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    film = cv2.cvtColor((film * _DIMMED).astype(np.uint8), cv2.COLOR_GRAY2BGR)
    true = {vertebra['slot']: vertebra['corners'] for vertebra in truth}

    tiles = []
    for slot in range(NUM_SLOTS):
        heat = cv2.warpAffine(slots[slot], to_tile[:2], size, flags=cv2.INTER_LINEAR)
        tile = _heated(film, (heat / brightest).clip(0, 1))
        for corner in true.get(slot, {}).values():
            _draw_cross(tile, (corner['x'] + 0.5) * scale - 0.5, (corner['y'] + 0.5) * scale - 0.5)
        tiles.append(_labelled(tile, slot, names[slot], presence[slot], peaks[slot], is_true=slot in true))
    rows = [np.concatenate(tiles[start : start + _COLUMNS], axis=1) for start in range(0, NUM_SLOTS, _COLUMNS)]
    crosses = '; +: truth' if truth else ''
    legend = (
        f"heat from 0 to {brightest:.2g}: largest of the four corners; numbers: height of each corner's peak{crosses}"
    )
    return with_title(np.concatenate(rows), [*title, legend])


def _heated(film: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """The film (H, W, 3) with heat (H, W) in [0, 1] in colour over it, the more opaque the hotter."""
    heat = np.sqrt(heat)  # a weak peak, too, must be seen
    color = cv2.applyColorMap((255 * heat).astype(np.uint8), _COLOR_MAP)
    return (film * (1 - heat[..., None]) + color * heat[..., None]).astype(np.uint8)


def _draw_cross(tile: np.ndarray, x: float, y: float) -> None:
    if np.isfinite([x, y]).all():
        center = (round(x), round(y))
        cv2.drawMarker(tile, center, _CYAN, cv2.MARKER_CROSS, 2 * _CROSS + 1, 1, cv2.LINE_AA)


def _labelled(tile: np.ndarray, slot: int, name: str, presence: float, peaks: np.ndarray, is_true: bool) -> np.ndarray:
    """The tile under its text and inside a margin."""
    height, width = tile.shape[:2]
    framed = np.zeros((height + _LABEL + 4, max(width, MIN_TILE_WIDTH) + 4, 3), dtype=np.uint8)
    left = (framed.shape[1] - width) // 2
    framed[_LABEL : _LABEL + height, left : left + width] = tile
    color = SLOT_COLORS[slot][::-1]
    cv2.putText(framed, name, (6, 20), _FONT, _LARGE, color, 1, cv2.LINE_AA)
    state = f'presence {100 * presence:.0f}%' + (', labelled' if is_true else '')
    cv2.putText(framed, state, (90, 20), _FONT, _SMALL, _WHITE, 1, cv2.LINE_AA)
    text = '  '.join(f'{name} {peak:.2f}' for name, peak in zip(CORNERS, peaks, strict=True))
    cv2.putText(framed, text, (6, 44), _FONT, _SMALL, _WHITE, 1, cv2.LINE_AA)
    return framed
