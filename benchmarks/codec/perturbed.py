"""Heatmaps as a network might give them, with known peaks, and other ways of decoding them for comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
from mmpose.codecs import MSRAHeatmap

from spondylo_mm.codecs.dark import decode_peaks
from spondylo_mm.codecs.gaussian_targets import draw_gaussians

SIDE = 64  # heatmap pixels
NUM_MAPS = 300  # per scenario
Decoder = Callable[[np.ndarray], np.ndarray]  # heatmaps (K, H, W) -> positions (K, 2)


def scenarios(sigma: float, seed: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield names, true peaks (K, 2) and heatmaps (K, SIDE, SIDE) float32."""
    rng = np.random.default_rng(seed)

    def middle() -> np.ndarray:
        margin = 3 * sigma + 3
        return rng.uniform(margin, SIDE - 1 - margin, (NUM_MAPS, 2))

    def at_border() -> np.ndarray:
        return np.stack([rng.uniform(0, 2, NUM_MAPS), rng.uniform(8, SIDE - 9, NUM_MAPS)], axis=-1)

    def gaussians(peaks: np.ndarray, width: float = 1.0, height: float = 1.0) -> np.ndarray:
        return draw_gaussians(peaks, np.full(NUM_MAPS, height), (SIDE, SIDE), width * sigma)

    def white(size: float) -> np.ndarray:
        return rng.normal(0, size, (NUM_MAPS, SIDE, SIDE)).astype(np.float32)

    def smooth(size: float) -> np.ndarray:
        noise = np.stack([cv2.GaussianBlur(one, (0, 0), 1.0) for one in white(1.0)])
        return noise * (size / noise.std())

    def aside(peaks: np.ndarray, distance: float) -> np.ndarray:
        angle = rng.uniform(0, 2 * np.pi, NUM_MAPS)
        return peaks + distance * sigma * np.stack([np.cos(angle), np.sin(angle)], axis=-1)

    peaks = middle()
    yield 'as drawn', peaks, gaussians(peaks)
    yield 'white noise 0.02', peaks, gaussians(peaks) + white(0.02)
    yield 'white noise 0.05', peaks, gaussians(peaks) + white(0.05)
    yield 'smooth noise 0.02', peaks, gaussians(peaks) + smooth(0.02)
    yield 'smooth noise 0.05', peaks, gaussians(peaks) + smooth(0.05)
    yield 'low (0.3), smooth noise 0.02', peaks, gaussians(peaks, height=0.3) + smooth(0.02)
    yield 'low (0.3) and broad (1.5), smooth noise 0.02', peaks, gaussians(peaks, 1.5, 0.3) + smooth(0.02)
    yield 'narrow (0.7), smooth noise 0.02', peaks, gaussians(peaks, 0.7) + smooth(0.02)
    yield (
        'skewed (0.4 at 1.5 sigma), smooth noise 0.02',
        peaks,
        (gaussians(peaks) + gaussians(aside(peaks, 1.5), 1.3, 0.4) + smooth(0.02)),
    )
    yield (
        'neighbour (0.5 at 5 sigma), smooth noise 0.02',
        peaks,
        (gaussians(peaks) + gaussians(aside(peaks, 5), height=0.5) + smooth(0.02)),
    )
    yield 'background -0.05, smooth noise 0.02', peaks, gaussians(peaks) - np.float32(0.05) + smooth(0.02)
    yield 'background +0.05, smooth noise 0.02', peaks, gaussians(peaks) + np.float32(0.05) + smooth(0.02)
    peaks = at_border()
    yield 'border, as drawn', peaks, gaussians(peaks)
    yield 'border, white noise 0.02', peaks, gaussians(peaks) + white(0.02)
    yield 'border, smooth noise 0.02', peaks, gaussians(peaks) + smooth(0.02)


def decoders(sigma: float) -> dict[str, Decoder]:
    """The ways to decode: MMPose's, an unweighted fit, and ours with several window radii (in sigma)."""
    ways = {'MMPose DARK': _mmpose_dark(sigma), 'unweighted fit': _unweighted_fit(max(1, round(sigma)))}
    for radii in (1.0, 1.5, 2.0, 2.5):
        ways[f'ours, r = {radii} sigma'] = _ours(sigma, max(2, round(radii * sigma)))
    return ways


def mean_errors(sigma: float, seed: int) -> dict[str, dict[str, float]]:
    """Mean radial error in heatmap pixels: scenario -> decoder -> error."""
    return {
        name: {
            way: float(np.linalg.norm(decode(heatmaps) - peaks, axis=-1).mean())
            for way, decode in decoders(sigma).items()
        }
        for name, peaks, heatmaps in scenarios(sigma, seed)
    }


def blur_kernel_size(sigma: float) -> int:
    """MMPose's rule, sigma = 0.3 * ((size - 1) / 2 - 1) + 0.8, solved for the nearest odd size: 11 for 2, 17 for 3."""
    return 2 * max(1, round((sigma - 0.8) / 0.3 + 1)) + 1


def _mmpose_dark(sigma: float) -> Decoder:
    codec = MSRAHeatmap((SIDE, SIDE), (SIDE, SIDE), sigma, unbiased=True, blur_kernel_size=blur_kernel_size(sigma))
    return lambda heatmaps: codec.decode(heatmaps)[0][0]


def _ours(sigma: float, radius: int) -> Decoder:
    return lambda heatmaps: decode_peaks(heatmaps, sigma, radius)[0]


def _unweighted_fit(radius: int) -> Decoder:
    """A 2-D Savitzky-Golay filter on the logarithm: one fixed matrix, the window pushed inside the map."""
    steps = np.arange(-radius, radius + 1)
    y, x = (grid.ravel() for grid in np.meshgrid(steps, steps, indexing='ij'))
    to_coefficients = np.linalg.pinv(np.stack([np.ones_like(x), x, y, x * x / 2, x * y, y * y / 2], axis=-1))

    def decode(heatmaps: np.ndarray) -> np.ndarray:
        flat = heatmaps.reshape(len(heatmaps), -1)
        row, column = np.divmod(flat.argmax(axis=1), SIDE)
        peaks = np.stack([column, row], axis=-1)
        centres = peaks.clip(radius, SIDE - 1 - radius)
        windows = np.take_along_axis(flat, (centres[:, 1:] + y) * SIDE + centres[:, :1] + x, axis=1)
        shares = (windows / flat.max(axis=1, keepdims=True)).clip(1e-3, None)
        _, gx, gy, hxx, hxy, hyy = to_coefficients @ np.log(shares).T
        determinant = hxx * hyy - hxy**2
        peaked = (hxx < 0) & (determinant > 0)
        offsets = np.stack([hxy * gy - hyy * gx, hxy * gx - hxx * gy], -1) / np.where(peaked, determinant, 1)[:, None]
        return np.where(peaked[:, None], centres + offsets.clip(-radius, radius), peaks)

    return decode
