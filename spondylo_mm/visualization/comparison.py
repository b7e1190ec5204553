"""Where a prediction is wrong: the overlay, an error line from every true corner, and a title."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..anatomy import SLOT_COLORS
from .overlay import SUBPIXEL_BITS, draw_overlay, fixed_point, overlay_corners, overlay_scale, vertebra_name

# Shares of the picture's height.
_TITLE_HEIGHT = 0.02  # of a capital
_LINE_SPACING = 2.0  # capital heights
_NAME_HEIGHT = 0.016
_RING = 1 / 250  # around a true corner
_WHITE, _BLACK, _BACKGROUND = (255, 255, 255), (0, 0, 0), (40, 40, 40)
_FONT = cv2.FONT_HERSHEY_DUPLEX


def draw_comparison(
    image: np.ndarray, vertebrae: Sequence[dict], truth: Sequence[dict], title: Sequence[str]
) -> np.ndarray:
    """Draw predicted and true vertebrae, a line from every true corner to where its slot predicts it, the true levels'
    names inside the true vertebrae, and a title.

    The lines are what the strict error measures: where vertebrae are numbered wrongly they lead one body up or down.

    Args:
        image: (H, W) uint8.
        vertebrae, truth: as in ``overlay.draw_overlay``.
        title: lines of text.

    Returns:
        (H', W', 3) uint8, BGR.
    """
    picture = draw_overlay(image, vertebrae, truth)
    scale = overlay_scale(*image.shape)
    predicted = {vertebra['slot']: overlay_corners(vertebra, scale) for vertebra in vertebrae}
    for vertebra in truth:
        slot, corners = vertebra['slot'], overlay_corners(vertebra, scale)
        labelled = np.isfinite(corners).all(axis=1)
        if slot in predicted:
            both = labelled & np.isfinite(predicted[slot]).all(axis=1)
            _draw_errors(picture, corners[both], predicted[slot][both], SLOT_COLORS[slot][::-1])
        if labelled.any():
            _draw_name(picture, corners[labelled].mean(axis=0), vertebra_name(vertebra))
    return with_title(picture, title)


def with_title(picture: np.ndarray, lines: Sequence[str]) -> np.ndarray:
    """A picture (H, W, 3) under lines of text, which are made smaller where one is too long for its width."""
    height, width = picture.shape[:2]
    texts = [line.encode('ascii', 'replace').decode() for line in lines]  # the font has no other letters
    capital = max(8, round(_TITLE_HEIGHT * height))
    scale = cv2.getFontScaleFromHeight(_FONT, capital)
    longest = max([cv2.getTextSize(text, _FONT, scale, 1)[0][0] for text in texts], default=0)
    shrink = min(1.0, max(1, width - capital) / max(1, longest))
    spacing = round(_LINE_SPACING * capital * shrink)
    strip = np.full((spacing * len(texts) + capital // 2, width, 3), _BACKGROUND, dtype=np.uint8)
    for number, text in enumerate(texts):
        origin = (capital // 2, round(spacing * (number + 0.8)))
        cv2.putText(strip, text, origin, _FONT, scale * shrink, _WHITE, 1, cv2.LINE_AA)
    return np.concatenate([strip, picture])


def _draw_errors(picture: np.ndarray, true: np.ndarray, predicted: np.ndarray, color: tuple[int, ...]) -> None:
    """A line from each true corner, ringed, to the predicted one; both (n, 2) in pixels of the picture."""
    radius = max(2, round(_RING * picture.shape[0])) << SUBPIXEL_BITS
    for start, end in zip(map(fixed_point, true), map(fixed_point, predicted), strict=True):
        cv2.line(picture, start, end, color, 1, cv2.LINE_AA, SUBPIXEL_BITS)
        cv2.circle(picture, start, radius, _WHITE, 1, cv2.LINE_AA, SUBPIXEL_BITS)


def _draw_name(picture: np.ndarray, center: np.ndarray, name: str) -> None:
    scale = cv2.getFontScaleFromHeight(_FONT, max(6, round(_NAME_HEIGHT * picture.shape[0])))
    (width, height), _ = cv2.getTextSize(name, _FONT, scale, 1)
    origin = (round(center[0] - width / 2), round(center[1] + height / 2))
    cv2.putText(picture, name, origin, _FONT, scale, _BLACK, 3, cv2.LINE_AA)
    cv2.putText(picture, name, origin, _FONT, scale, _WHITE, 1, cv2.LINE_AA)
