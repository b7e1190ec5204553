"""Sub-pixel Gaussian heatmaps, drawn in numpy or, for a whole batch, on the device that trains.

A two-dimensional Gaussian is the outer product of two one-dimensional ones, so a map costs W + H exponentials and one
multiplication per pixel, and keypoints need no loop.

Symbols:

- batch size: B, instances: N, keypoints: K
- input size: [w, h], heatmap size: [W, H]
- coordinates: continuous, pixel centres at integers (UDP, Huang et al. 2020, doi 10.1109/CVPR42600.2020.00574): the
  first and the last pixel centre of the input lie on those of the heatmap, so a flip is x -> W - 1 - x in both
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def frame_scale(from_size: tuple[int, int], to_size: tuple[int, int]) -> np.ndarray:
    """Factors (2,) that take x and y from a frame of ``from_size`` [w, h] to one of ``to_size``; each side >= 2 px."""
    return (np.asarray(to_size, np.float64) - 1) / (np.asarray(from_size, np.float64) - 1)


def draw_gaussians(
    keypoints: np.ndarray, amplitudes: np.ndarray, heatmap_size: tuple[int, int], sigma: float
) -> np.ndarray:
    """Draw one Gaussian per keypoint, ``amplitude * exp(-((x - mx)^2 + (y - my)^2) / (2 sigma^2))``.

    Args:
        keypoints: (..., K, 2) in heatmap pixels; may be anything, NaN too, where the amplitude is 0.
        amplitudes: (..., K), the height of the peak: 1 for a keypoint that is there, 0 for an empty map.
        heatmap_size: [W, H]
        sigma: standard deviation in heatmap pixels.

    Returns:
        float32 heatmaps (..., K, H, W).

    Example:
        >>> draw_gaussians(np.array([[1.5, 0.0]]), np.ones(1), (4, 2), sigma=1.0)[0, 0].round(3)
        array([0.325, 0.882, 0.882, 0.325], dtype=float32)
    """
    width, height = heatmap_size
    centres = np.where(amplitudes[..., None] > 0, keypoints, 0)
    along_x, along_y = (
        np.exp(-0.5 * ((np.arange(length) - centres[..., axis, None]) / sigma).astype(np.float32) ** 2)
        for axis, length in enumerate(heatmap_size)
    )
    along_y *= amplitudes[..., None]
    # The one expensive step is left to torch, whose product of broadcast arrays is three times as fast as numpy's, in
    # memory from numpy, which asks the system for huge pages: in 335 MB of its own (8 x 40 maps of 512 x 512) torch
    # spends three times as long on page faults as on drawing.
    heatmaps = np.empty((*amplitudes.shape, height, width), np.float32)
    torch.mul(
        torch.from_numpy(along_y)[..., :, None],
        torch.from_numpy(along_x)[..., None, :],
        out=torch.from_numpy(heatmaps),
    )
    return heatmaps


@torch.no_grad()
def draw_gaussians_on_device(
    keypoints: Tensor,
    amplitudes: Tensor,
    heatmap_size: tuple[int, int],
    sigma: float,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """:func:`draw_gaussians` for tensors, on the device of ``keypoints``. On a CPU :func:`draw_gaussians` is faster.

    Args:
        keypoints: (B, K, 2) in heatmap pixels; may be anything, NaN too, where the amplitude is 0.
        amplitudes: (B, K)
        heatmap_size: [W, H]
        sigma: standard deviation in heatmap pixels.
        dtype: of the heatmaps; whatever it is, the exponentials and their products are computed in float32.

    Returns:
        Heatmaps (B, K, H, W).
    """
    width, height = heatmap_size
    amplitudes = amplitudes.float()
    centres = torch.where(amplitudes[..., None] > 0, keypoints.float(), torch.zeros_like(amplitudes)[..., None])
    grid = torch.arange(max(width, height), dtype=torch.float32, device=keypoints.device)
    along_x = torch.exp(-0.5 * ((grid[:width] - centres[..., 0, None]) / sigma) ** 2)
    along_y = torch.exp(-0.5 * ((grid[:height] - centres[..., 1, None]) / sigma) ** 2) * amplitudes[..., None]
    heatmaps = torch.empty(*amplitudes.shape, height, width, dtype=dtype, device=keypoints.device)
    return torch.mul(along_y[..., :, None], along_x[..., None, :], out=heatmaps)
