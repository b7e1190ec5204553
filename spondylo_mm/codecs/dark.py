"""Where a heatmap peaks, to a fraction of a pixel.

DARK (Zhang et al. 2020, doi 10.1109/CVPR42600.2020.00712) expands the logarithm of a heatmap to second order around its
largest pixel, which is exact for a Gaussian, and moves to the vertex of that paraboloid. It takes the derivatives as
finite differences of the blurred heatmap. Here they come from a paraboloid fitted to the window around the largest
pixel by least squares, each pixel weighted with the square of its height, because noise of one size in the heatmap is
noise inversely proportional to the height in its logarithm (Guo 2011, doi 10.1109/MSP.2011.941846). So

- no map is blurred: each is read once to find its largest pixel, and after that only the windows are touched;
- pixels outside the map weigh nothing, so a peak at the border is found as exactly as one in the middle. Finite
  differences of a blurred map are biased or left out there, and the topmost vertebra often touches the image edge.

``benchmarks/codec/results.md`` compares the two on perturbed heatmaps.

Symbols: batch size B, keypoints K, heatmap size [W, H], window radius r. Coordinates are heatmap pixels, pixel centres
at integers.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

# A pixel below this share of the peak says nothing about the vertex; the floor only keeps the logarithm finite.
_LOG_FLOOR = 1e-6
# Weight of the prior (a Gaussian of the drawn sigma, centred on the largest pixel) against pixels of weight 1: nothing
# for an ordinary peak, everything for what the window leaves open, as around a lone pixel among zeros.
_PRIOR_WEIGHT = 1e-8
# Curvature of the logarithm, per squared radius, below which there is no peak: a Gaussian a hundred windows wide.
_FLAT = 1e-4


def window_radius(sigma: float) -> int:
    """Radius in pixels of the window to fit for Gaussians of ``sigma`` heatmap pixels.

    1.5 sigma was the best of 1, 1.5, 2 and 2.5 sigma on average over the perturbed heatmaps of ``benchmarks/codec``:
    smaller windows suffer from noise, larger ones from neighbouring and skewed peaks. At least 2, so that a peak in the
    corner of the map still leaves nine pixels for the six coefficients.
    """
    return max(2, round(1.5 * sigma))


def decode_peaks(heatmaps: np.ndarray, sigma: float, radius: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Find the maximum of every map, to a fraction of a pixel.

    Args:
        heatmaps: (..., K, H, W), any floating dtype.
        sigma: of the Gaussians the heatmaps were trained on, in heatmap pixels.
        radius: r of the window, by default :func:`window_radius` of ``sigma``.

    Returns:
        Positions (..., K, 2) and heights of the largest pixels (..., K), both float64. A position is inside the map and
        at most r from the largest pixel on each axis. Where the window has no paraboloid with a maximum (a flat map, a
        saddle, a peak that is not positive or not finite), it is the largest pixel itself, the first one among equals.
    """
    radius = radius or window_radius(sigma)
    size = heatmaps.shape[:-3:-1]
    flat = heatmaps.reshape(*heatmaps.shape[:-2], -1)
    largest = flat.argmax(axis=-1)
    index, outside = window_index(largest, size, np.arange(-radius, radius + 1))
    return _peaks(largest, np.where(outside, 0, np.take_along_axis(flat, index, axis=-1)), size, sigma)


def refine_peaks(
    heatmaps: np.ndarray, maps: np.ndarray, pixels: np.ndarray, sigma: float
) -> tuple[np.ndarray, np.ndarray]:
    """:func:`decode_peaks` from given pixels instead of the largest ones.

    Args:
        heatmaps: (K, H, W)
        maps, pixels: (N,) index of the map and flat index of a pixel in it.
        sigma: as in :func:`decode_peaks`.

    Returns:
        Positions (N, 2) and heights (N,) as :func:`decode_peaks` gives them.
    """
    radius = window_radius(sigma)
    size = heatmaps.shape[:-3:-1]
    index, outside = window_index(pixels, size, np.arange(-radius, radius + 1))
    windows = heatmaps.reshape(len(heatmaps), -1)[maps[:, None], index]
    return _peaks(pixels, np.where(outside, 0, windows), size, sigma)


@torch.no_grad()
def decode_peaks_on_device(heatmaps: Tensor, sigma: float, radius: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """:func:`decode_peaks` for tensors (..., K, H, W). On a CPU :func:`decode_peaks` is faster.

    The search runs on the device of the heatmaps in their own dtype. Only the windows, (2r+1)^2 values per map, are
    brought to the host, and fitted there.
    """
    radius = radius or window_radius(sigma)
    size = tuple(heatmaps.shape[-1:-3:-1])
    flat = heatmaps.flatten(-2)
    largest = flat.argmax(dim=-1)
    index, outside = window_index(largest, size, torch.arange(-radius, radius + 1, device=heatmaps.device))
    windows = flat.gather(-1, index).masked_fill(outside, 0)
    return _peaks(largest.cpu().numpy(), windows.float().cpu().numpy(), size, sigma)


def window_index(largest: np.ndarray | Tensor, size: tuple[int, int], steps: np.ndarray | Tensor) -> tuple:
    """Flat indices (..., (2r+1)^2) of the windows in maps of ``size`` [W, H], and which of their pixels lie outside."""
    width, height = size
    columns, rows = (largest % width)[..., None, None] + steps, (largest // width)[..., None, None] + steps[:, None]
    outside = (columns < 0) | (columns >= width) | (rows < 0) | (rows >= height)
    index = rows.clip(0, height - 1) * width + columns.clip(0, width - 1)
    shape = (*largest.shape, len(steps) ** 2)  # -1 would not do for no peak at all
    return index.reshape(shape), outside.reshape(shape)


def _peaks(
    largest: np.ndarray, windows: np.ndarray, size: tuple[int, int], sigma: float
) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.divmod(largest, size[0])
    positions = np.stack([columns, rows], axis=-1) + fit_vertices(windows.astype(np.float64), sigma)
    return positions.clip(0, np.asarray(size) - 1), windows[..., windows.shape[-1] // 2].astype(np.float64)


def fit_vertices(windows: np.ndarray, sigma: float) -> np.ndarray:
    """Fit a paraboloid to the logarithm of each window and return where it peaks.

    Args:
        windows: (..., (2r+1)^2) heatmap values in reading order around a largest pixel; 0 where the map has ended.
        sigma: standard deviation in pixels that is assumed where the window does not tell.

    Returns:
        Offsets (..., 2) of the vertices from the centres of the windows, x and y, each within [-r, r]; 0 where the fit
        has no maximum.
    """
    radius = math.isqrt(windows.shape[-1]) // 2
    heights = windows[..., windows.shape[-1] // 2]
    usable = np.isfinite(heights) & (heights > 0)
    shares = windows / np.where(usable, heights, 1)[..., None]
    shares = np.where(usable[..., None], shares, 0).clip(0, 1)
    weights, logarithms = shares**2, np.log(shares.clip(_LOG_FLOOR, 1))

    # log(h / peak) = c + gx x + gy y + (hxx x^2 + hyy y^2) / 2 + hxy x y, with x and y in units of the radius
    steps = np.arange(-radius, radius + 1) / radius
    x, y = np.tile(steps, steps.size), np.repeat(steps, steps.size)
    terms = np.stack([np.ones_like(x), x, y, x * x / 2, x * y, y * y / 2], axis=-1)
    curvature = -((radius / sigma) ** 2)
    prior = np.array([0, 0, 0, curvature, 0, curvature])
    products = (terms[:, :, None] * terms[:, None, :]).reshape(len(terms), -1)
    normal = (weights @ products).reshape(*weights.shape[:-1], prior.size, prior.size)
    moments = (weights * logarithms) @ terms
    coefficients = np.linalg.solve(
        normal + _PRIOR_WEIGHT * np.eye(prior.size), (moments + _PRIOR_WEIGHT * prior)[..., None]
    )
    _, gx, gy, hxx, hxy, hyy = np.moveaxis(coefficients[..., 0], -1, 0)

    determinant = hxx * hyy - hxy**2
    peaked = usable & (hxx < -_FLAT) & (determinant > _FLAT**2)  # then hyy < 0 too: the Hessian is negative definite
    offsets = np.stack([hxy * gy - hyy * gx, hxy * gx - hxx * gy], axis=-1)
    offsets = offsets / np.where(peaked, determinant, 1)[..., None] * radius
    return np.where(peaked[..., None], offsets.clip(-radius, radius), 0.0)
