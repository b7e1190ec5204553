"""A radiograph as small as a page with hundreds of them needs it, in its true proportions."""

from __future__ import annotations

import cv2
import numpy as np

LONGER_SIDE = 640
_JPEG_QUALITY = 80  # some 40 kB: 500 of them make a file of 25 MB


def picture_size(width: int, height: int, pixel_aspect: float | None) -> tuple[int, int]:
    """(width, height) of the picture of a film of ``width`` x ``height`` pixels; no film is enlarged beyond its longer
    side, but one of pixels that are not square is stretched.

    Args:
        pixel_aspect: width of a pixel over its height; None: square.
    """
    across = width * (pixel_aspect or 1.0)
    scale = min(1.0, LONGER_SIDE / max(across, height))
    return max(1, round(across * scale)), max(1, round(height * scale))


def encode_picture(film: np.ndarray, size: tuple[int, int]) -> bytes:
    """A film (H, W) uint8 as a JPEG file of ``size`` (width, height)."""
    shrinks = size[0] <= film.shape[1] and size[1] <= film.shape[0]
    small = cv2.resize(film, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    _, jpeg = cv2.imencode('.jpg', small, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return jpeg.tobytes()
