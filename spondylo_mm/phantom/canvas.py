"""Attenuation along the rays of a radiograph, built up shape by shape.

Shapes are given in patient frame mm and drawn by OpenCV on a finer grid of their bounding box, where edges lie right to
an eighth of a pixel. Attenuation is dimensionless, the exponent of the Beer-Lambert law. Shapes add up, as absorbers on
one ray do; negative ones are gas in the place of tissue.
"""

from __future__ import annotations

import cv2
import numpy as np

from .view import View

_SUPERSAMPLING = 4
_LARGE_SHAPE = 60_000  # px^2 of bounding box from which on a shape is drawn at half that fineness, for speed
_SHIFT = 4  # OpenCV's fractional bits of a vertex


class Canvas:
    """A float32 image of attenuation.

    Attributes:
        attenuation: ``(height, width)``.
        view: The image drawn on.
        mm_per_pixel: Geometric mean of its spacing.
        texture: ``(height, width)`` of unit variance or None: the trabecular pattern that bone is modulated with.
    """

    def __init__(self, view: View, texture: np.ndarray | None = None):
        self.view = view
        self.attenuation = np.zeros((view.height, view.width), np.float32)
        self.mm_per_pixel = float(np.sqrt(np.prod(view.spacing)))
        self.texture = texture

    def add_shape(
        self,
        outline: np.ndarray,
        solid: float,
        rim: float = 0.0,
        rim_mm: float = 1.0,
        round_mm: float = 0.0,
        blur_mm: float = 0.0,
        grain: float = 0.0,
    ) -> None:
        """Add a polygon ``(M, 2)`` mm: ``solid`` inside, ``rim`` more at its edge, fading inwards over ``rim_mm``.

        ``round_mm`` lets ``solid`` rise over that depth from the edge, as in a body that is round across the film;
        ``blur_mm`` softens the whole shape; ``grain`` is the relative strength of the trabecular texture in it.
        """
        pixels = self.view.to_pixels(outline)
        area = self._region(pixels, margin=2 + 3 * blur_mm / self.mm_per_pixel)
        if area is None:
            return
        left, top, right, bottom = area
        mask = self._filled(pixels, area)
        shape = mask * np.float32(solid)
        if rim or round_mm:
            depth = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 3) * self.mm_per_pixel
            depth = np.maximum(depth - 0.5 * self.mm_per_pixel, 0)
            if round_mm:
                shape *= np.sqrt(np.minimum(depth / round_mm, 1))
            if rim:
                shape += mask * (np.float32(rim) * np.exp(-depth / rim_mm))
        if grain and self.texture is not None:
            shape *= 1 + grain * self.texture[top:bottom, left:right]
        self._add(area, self._blurred(shape, blur_mm))

    def add_band(
        self, points: np.ndarray, width_mm: float, solid: float, rim: float = 0.0, blur_mm: float = 0.3
    ) -> None:
        """Add a curve ``(M, 2)`` mm of the given width: a cortex seen edge on, or with a ``rim`` a rib."""
        along = np.gradient(points, axis=0)
        across = np.column_stack([-along[:, 1], along[:, 0]]) / np.maximum(np.linalg.norm(along, axis=1), 1e-9)[:, None]
        half = 0.5 * width_mm * across
        self.add_shape(
            np.concatenate([points + half, (points - half)[::-1]]), solid, rim=rim, rim_mm=0.8, blur_mm=blur_mm
        )

    def add_line(
        self, points: np.ndarray, peak: float, width_mm: float, blur_mm: float = 0.3, fading: np.ndarray | None = None
    ) -> None:
        """Add a thin cortex along ``points`` ``(M, 2)`` mm; ``fading`` ``(M - 1,)`` in [0, 1] scales each piece."""
        pixels = self.view.to_pixels(points)
        area = self._region(pixels, margin=2 + (width_mm + 3 * blur_mm) / self.mm_per_pixel)
        if area is None:
            return
        vertices, fine, layer = self._fine(pixels, area)
        thickness = max(round(width_mm / self.mm_per_pixel * fine), 1)
        if fading is None:
            cv2.polylines(layer, [vertices], False, 255, thickness, cv2.LINE_8, _SHIFT)
        else:
            for start, end, share in zip(vertices, vertices[1:], fading, strict=False):
                ends = tuple(map(int, start)), tuple(map(int, end))
                cv2.line(layer, *ends, int(255 * share), thickness, cv2.LINE_8, _SHIFT)
        line = self._coarse(layer, area)
        self._add(area, self._blurred(line * np.float32(peak), blur_mm))

    def add_ellipsoid(self, center: np.ndarray, radii: np.ndarray, angle: float, peak: float, edge: float = 1.0):
        """Add a round body: radii ``(2,)`` mm, turned by ``angle`` radians, ``peak`` at its centre.

        ``edge`` below 1 makes it a flatter thing with a harder edge, as a gut filled with gas.
        """
        reach = np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1]]) * np.max(radii)
        area = self._region(self.view.to_pixels(center + reach), margin=1)
        if area is None:
            return
        left, top, right, bottom = area
        matrix = self.view.matrix
        inverse = np.linalg.inv(matrix[:, :2])
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / np.reshape(radii, (2, 1))
        to_unit = (turn @ inverse).astype(np.float32)
        offset = (turn @ (-inverse @ matrix[:, 2] - center)).astype(np.float32)
        x, y = np.arange(left, right, dtype=np.float32)[None], np.arange(top, bottom, dtype=np.float32)[:, None]
        u = to_unit[0, 0] * x + to_unit[0, 1] * y + offset[0]
        v = to_unit[1, 0] * x + to_unit[1, 1] * y + offset[1]
        inside = np.maximum(1 - u * u - v * v, 0)
        self._add(area, np.float32(peak) * inside ** np.float32(0.5 * edge))

    def filled(self, outline: np.ndarray) -> tuple[tuple[int, int, int, int], np.ndarray] | None:
        """Bounding box (left, top, right, bottom) of a polygon ``(M, 2)`` mm and how much of each pixel is inside."""
        pixels = self.view.to_pixels(outline)
        area = self._region(pixels, margin=2)
        return None if area is None else (area, self._filled(pixels, area))

    def add(self, area: tuple[int, int, int, int], values: np.ndarray) -> None:
        """Add ``values`` to the part of the image that ``filled`` named."""
        self._add(area, values)

    def _add(self, area: tuple[int, int, int, int], values: np.ndarray) -> None:
        left, top, right, bottom = area
        self.attenuation[top:bottom, left:right] += values

    def _filled(self, pixels: np.ndarray, area: tuple[int, int, int, int]) -> np.ndarray:
        vertices, _, layer = self._fine(pixels, area)
        cv2.fillPoly(layer, [vertices], 255, shift=_SHIFT)
        return self._coarse(layer, area)

    @staticmethod
    def _fine(pixels: np.ndarray, area: tuple[int, int, int, int]) -> tuple[np.ndarray, int, np.ndarray]:
        """Vertices on the finer grid of ``area`` as OpenCV wants them, how much finer, and an empty layer of it."""
        left, top, right, bottom = area
        fine = _SUPERSAMPLING if (right - left) * (bottom - top) < _LARGE_SHAPE else _SUPERSAMPLING // 2
        vertices = (pixels - [left, top] + 0.5) * fine - 0.5
        layer = np.zeros(((bottom - top) * fine, (right - left) * fine), np.uint8)
        return np.round(vertices * 2**_SHIFT).astype(np.int32), fine, layer

    @staticmethod
    def _coarse(layer: np.ndarray, area: tuple[int, int, int, int]) -> np.ndarray:
        left, top, right, bottom = area
        coarse = cv2.resize(layer, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
        return coarse.astype(np.float32) * np.float32(1 / 255)

    def _blurred(self, shape: np.ndarray, blur_mm: float) -> np.ndarray:
        sigma_x, sigma_y = (blur_mm / mm for mm in self.view.spacing)
        if max(sigma_x, sigma_y) < 0.2:
            return shape
        return cv2.GaussianBlur(shape, (0, 0), sigmaX=sigma_x, sigmaY=sigma_y)

    def _region(self, pixels: np.ndarray, margin: float) -> tuple[int, int, int, int] | None:
        """Left, top, right, bottom of the bounding box that is inside the image, or None."""
        low = np.maximum(np.floor(pixels.min(axis=0) - margin).astype(int), 0)
        high = np.minimum(np.ceil(pixels.max(axis=0) + margin).astype(int) + 1, [self.view.width, self.view.height])
        return None if (high <= low).any() else (*low.tolist(), *high.tolist())
