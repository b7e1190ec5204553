"""Attenuation along the rays of a radiograph, built up shape by shape.

Shapes are given in patient frame mm. Vertebral bodies, whose corners are the truth, are evaluated at every sub-pixel
and lie where they should to a twentieth of a pixel; other shapes are OpenCV polygons, good to a quarter. Attenuation
is dimensionless (the exponent of the Beer-Lambert law).
"""

from __future__ import annotations

import cv2
import numpy as np

from ..anatomy import OUTLINE
from .view import View

_SUPERSAMPLING = 2
_LARGE_SHAPE = 40_000  # px^2 of bounding box from which on a shape is drawn at the image's own resolution, for speed
_SHIFT = 4  # OpenCV's fractional bits of a vertex
_CANONICAL = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]], np.float32)  # TL, TR, BL, BR of a vertebral body


class Canvas:
    """A float32 image of attenuation.

    Attributes:
        attenuation: ``(height, width)``.
        view: The image drawn on.
    """

    def __init__(self, view: View):
        self.view = view
        self.attenuation = np.zeros((view.height, view.width), np.float32)
        self._mm_per_pixel = float(np.sqrt(np.prod(view.spacing)))

    def add_shape(
        self,
        outline: np.ndarray,
        solid: float,
        rim: float = 0.0,
        rim_mm: float = 1.0,
        round_mm: float = 0.0,
        blur_mm: float = 0.0,
    ) -> None:
        """Add a polygon ``(M, 2)`` mm: ``solid`` inside, ``rim`` more at its edge, fading inwards over ``rim_mm``.

        ``round_mm`` lets ``solid`` rise over that depth from the edge, as in a body that is round across the film;
        ``blur_mm`` softens the whole shape.
        """
        pixels = self.view.to_pixels(outline)
        area = self._region(pixels, margin=2 + 3 * blur_mm / self._mm_per_pixel)
        if area is None:
            return
        left, top, right, bottom = area
        fine = _SUPERSAMPLING if (right - left) * (bottom - top) < _LARGE_SHAPE else 1
        mask = np.zeros(((bottom - top) * fine, (right - left) * fine), np.uint8)
        vertices = (pixels - [left, top] + 0.5) * fine - 0.5
        cv2.fillPoly(mask, [np.round(vertices * 2**_SHIFT).astype(np.int32)], 1, shift=_SHIFT)
        shape = mask.astype(np.float32) * np.float32(solid)
        if rim or round_mm:
            depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3) * (self._mm_per_pixel / fine)
            if round_mm:
                shape *= np.sqrt(np.clip(depth / round_mm, 0, 1))
            if rim:
                shape += mask * (np.float32(rim) * np.exp(-depth / rim_mm))
        if fine > 1:
            shape = cv2.resize(shape, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
        if blur_mm:
            sigma_x, sigma_y = (blur_mm / mm for mm in self.view.spacing)
            shape = cv2.GaussianBlur(shape, (0, 0), sigmaX=sigma_x, sigmaY=sigma_y)
        self.attenuation[top:bottom, left:right] += shape

    def add_band(
        self, points: np.ndarray, width_mm: float, solid: float, rim: float = 0.0, blur_mm: float = 0.3
    ) -> None:
        """Add a curve ``(M, 2)`` mm of the given width: a cortex seen edge on, or with a ``rim`` a rib."""
        along = np.gradient(points, axis=0)
        across = np.column_stack([-along[:, 1], along[:, 0]]) / np.maximum(np.linalg.norm(along, axis=1), 1e-9)[:, None]
        half = 0.5 * width_mm * across
        self.add_shape(np.concatenate([points + half, (points - half)[::-1]]), solid, rim=rim, blur_mm=blur_mm)

    def add_body(
        self,
        corners: np.ndarray,
        bone: float,
        endplate: float,
        wall: float,
        waist_mm: tuple[float, float],
        lower_edge: float = 1.0,
    ) -> None:
        """Add a vertebral body whose endplates meet its walls exactly at ``corners`` ``(4, 2)`` mm, TL TR BL BR.

        ``bone`` is its attenuation, ``endplate`` and ``wall`` that of its cortical rims, ``waist_mm`` how far walls and
        endplates are hollowed between the corners, ``lower_edge`` scales the rim at its lower end.
        """
        pixels = self.view.to_pixels(corners)
        area = self._region(pixels, margin=3)
        if area is None:
            return
        left, top, right, bottom = area
        fine = _SUPERSAMPLING
        edges_mm = np.array([np.linalg.norm(corners[end] - corners[start]) for start, end in OUTLINE])
        half_depth, half_height = (edges_mm[0] + edges_mm[2]) / 4, (edges_mm[1] + edges_mm[3]) / 4

        # u and v run from -1 to 1 between the corners, at every sub-pixel of the region
        to_unit = cv2.getPerspectiveTransform((pixels - [left, top]).astype(np.float32), _CANONICAL).astype(np.float32)
        x = ((np.arange((right - left) * fine, dtype=np.float32) + 0.5) / fine - 0.5)[None]
        y = ((np.arange((bottom - top) * fine, dtype=np.float32) + 0.5) / fine - 0.5)[:, None]
        scale = 1 / (to_unit[2, 0] * x + to_unit[2, 1] * y + to_unit[2, 2])
        u = (to_unit[0, 0] * x + to_unit[0, 1] * y + to_unit[0, 2]) * scale
        v = (to_unit[1, 0] * x + to_unit[1, 1] * y + to_unit[1, 2]) * scale

        inside_wall = half_depth * (1 - np.abs(u)) - waist_mm[0] * (1 - v * v)
        inside_plate = half_height * (1 - np.abs(v)) - waist_mm[1] * (1 - u * u)
        depth = np.minimum(inside_wall, inside_plate)
        edge_mm = 0.5 * self._mm_per_pixel
        # Round across the film: less bone near the walls. The rims are cortical shells seen edge on, 1 mm wide.
        body = bone * (0.7 + 0.3 * np.sqrt(np.clip(inside_wall / half_depth, 0, 1)))
        body += wall * np.exp(-np.square(inside_wall - 0.4))
        body += endplate * np.where(v > 0, lower_edge, 1) * np.exp(-np.square((inside_plate - 0.4) / 0.8))
        body *= np.clip(depth / edge_mm + 0.5, 0, 1)
        self.attenuation[top:bottom, left:right] += cv2.resize(
            body.astype(np.float32), (right - left, bottom - top), interpolation=cv2.INTER_AREA
        )

    def _region(self, pixels: np.ndarray, margin: float) -> tuple[int, int, int, int] | None:
        """Left, top, right, bottom of the bounding box that is inside the image, or None."""
        low = np.maximum(np.floor(pixels.min(axis=0) - margin).astype(int), 0)
        high = np.minimum(np.ceil(pixels.max(axis=0) + margin).astype(int) + 1, [self.view.width, self.view.height])
        return None if (high <= low).any() else (*low.tolist(), *high.tolist())
