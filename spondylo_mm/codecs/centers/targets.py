"""What the maps of a batch are taught, drawn on the device that trains.

Symbols: batch size B, slots S, corners 4, heatmap size [W, H].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...anatomy import NUM_CORNERS, NUM_SLOTS
from ..gaussian_targets import draw_gaussians, draw_gaussians_on_device
from .layout import ANCHOR_CORNERS, NUM_KINDS, SACRUM, VERTEBRA, kinds_of_slots
from .unknown import unknown_pixels

_TAUGHT = 0.05  # a pixel this high on a labelled Gaussian is taught wherever it lies
_OUTSIDE = 0.5  # heatmap pixels beyond the frame: a corner nearer to its edge may be labelled in it or not at all
_NEAR = 0.3  # height on an anchor's Gaussian from which a pixel tells where the corners are: 1.5 sigma around it


@dataclass(frozen=True)
class Targets:
    """Targets and weights of a batch.

    Attributes:
        heatmaps, heatmap_weights: ``(B, 6, H, W)`` sub-pixel Gaussians of height 1, see ``layout``; a weight is 0 where
            it is unknown what there is, else 1.
        offsets: ``(B, 8, H, W)`` from the pixel to the corners of the nearest vertebra, heatmap pixels.
        offset_weights: likewise; height of the anchor's Gaussian near it, 0 elsewhere and for corners not labelled.
        corners, taught: ``(B, S, 4, 2)`` heatmap pixels, 0 where not taught, and ``(B, S, 4)`` bool.
        num_anchors, num_corners: ``(B,)`` how many vertebrae, and corners, are taught.
        corners_of_vertebrae, corners_of_sacra: ``(B, 4)`` bool, which types of corners are.
    """

    heatmaps: Tensor
    heatmap_weights: Tensor
    offsets: Tensor
    offset_weights: Tensor
    corners: Tensor
    taught: Tensor
    num_anchors: Tensor
    num_corners: Tensor
    corners_of_vertebrae: Tensor
    corners_of_sacra: Tensor


@torch.no_grad()
def draw_targets(
    keypoints: Tensor, weights: Tensor, amplitudes: Tensor, heatmap_size: tuple[int, int], sigma: float
) -> Targets:
    """Draw what ``supervision.supervise`` decided.

    A vertebra that augmentation moved across the edge of the frame is taught to be none: annotators do not label those
    that the film cuts off, and nobody can say where their corners are.

    Args:
        keypoints: (B, K, 2) heatmap pixels, NaN where not labelled.
        weights, amplitudes: (B, K) as ``supervise`` gives them: both 1 at a labelled corner in the frame, 1 and 0 in a
            slot known to be empty, both 0 where nothing is known.
        heatmap_size: [W, H]
        sigma: of all Gaussians, heatmap pixels.
    """
    device = keypoints.device
    taught = ((amplitudes > 0) & (weights > 0)).unflatten(1, (NUM_SLOTS, NUM_CORNERS))
    empty = ((amplitudes == 0) & (weights > 0)).unflatten(1, (NUM_SLOTS, NUM_CORNERS)).all(dim=2)
    labels = keypoints.float().unflatten(1, (NUM_SLOTS, NUM_CORNERS))
    last = torch.tensor(heatmap_size, dtype=torch.float32, device=device) - 1
    is_known = taught | ((labels < -_OUTSIDE) | (labels > last + _OUTSIDE)).any(dim=-1)  # of NaN neither is true
    corners = torch.where(taught[..., None], labels, torch.zeros_like(labels))
    makes_anchor = torch.from_numpy(ANCHOR_CORNERS[kinds_of_slots(NUM_SLOTS)]).to(device)  # (S, 4)
    anchors = (corners * makes_anchor[..., None]).sum(dim=2) / makes_anchor.sum(dim=1)[:, None]
    anchor_taught = (taught | ~makes_anchor).all(dim=2)  # (B, S)

    by_slot = _draw(anchors, anchor_taught.float(), heatmap_size, sigma)
    by_corner = _draw(corners.flatten(1, 2), taught.flatten(1).float(), heatmap_size, sigma)
    by_type = by_corner.unflatten(1, (NUM_SLOTS, NUM_CORNERS)).amax(dim=1)
    of_kind = [None] * NUM_KINDS
    of_kind[SACRUM], of_kind[VERTEBRA] = by_slot[:, 0], by_slot[:, 1:].amax(dim=1)
    heatmaps = torch.cat([torch.stack(of_kind, dim=1), by_type], dim=1)

    unknown = [
        unknown_pixels(*image, heatmap_size)
        for image in zip(labels.cpu().numpy(), is_known.cpu().numpy(), empty.cpu().numpy(), strict=True)
    ]
    known = ~torch.from_numpy(np.stack(unknown)).to(device) | (heatmaps > _TAUGHT)

    heights, nearest = by_slot.max(dim=1)  # (B, H, W)
    image = torch.arange(len(corners), device=device)[:, None, None]
    columns, rows = (torch.arange(length, dtype=torch.float32, device=device) for length in heatmap_size)
    pixels = torch.stack([columns.expand(len(rows), -1), rows[:, None].expand(-1, len(columns))], dim=-1)
    offsets = corners[image, nearest] - pixels[..., None, :]  # (B, H, W, 4, 2)
    near = (heights * (heights > _NEAR))[..., None] * taught[image, nearest]  # (B, H, W, 4)
    return Targets(
        heatmaps=heatmaps,
        heatmap_weights=known.float(),
        offsets=offsets.flatten(-2).permute(0, 3, 1, 2),
        offset_weights=near.repeat_interleave(2, dim=-1).permute(0, 3, 1, 2),
        corners=corners,
        taught=taught,
        num_anchors=anchor_taught.sum(dim=1),
        num_corners=taught.sum(dim=(1, 2)),
        corners_of_vertebrae=taught[:, 1:].any(dim=1),
        corners_of_sacra=taught[:, 0],
    )


def _draw(points: Tensor, amplitudes: Tensor, heatmap_size: tuple[int, int], sigma: float) -> Tensor:
    if points.device.type == 'cpu':  # see ``vertebra_heatmap``
        return torch.from_numpy(draw_gaussians(points.numpy(), amplitudes.numpy(), heatmap_size, sigma))
    return draw_gaussians_on_device(points, amplitudes, heatmap_size, sigma)
