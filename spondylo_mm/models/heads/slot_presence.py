"""How likely is there a vertebra in each slot: a few weights between what heatmaps show and a probability."""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn
from torch.nn import functional as F

from ...anatomy import NUM_CORNERS, NUM_SLOTS


class SlotPresence(nn.Module):
    """Log odds of a vertebra in each slot: linear in its mean peak height, and in the averaged features of the image.

    Peaks say what is seen at one place, the features what sort of film it is and how much of the spine is on it. Both
    are read, not shaped: no gradient of the presence reaches the pose, so heatmaps are the same with and without it,
    and the two losses need no weighing against each other. It begins with the rule it replaces, as likely as not at
    half a peak (``codecs.presence``).

    Symbols: batch size B, channels C, keypoints K, slots S.

    Args:
        in_channels: C of the features.
    """

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.per_height = nn.Parameter(torch.tensor(8.0))  # even odds at 0.5; 1:50 for no peak, 50:1 for a full one
        self.of_image = nn.Linear(in_channels, NUM_SLOTS)
        nn.init.zeros_(self.of_image.weight)
        nn.init.constant_(self.of_image.bias, -4.0)

    def forward(self, heights: Tensor, features: Tensor) -> Tensor:
        """Mean peak heights (B, S) and features (B, C, h, w) to log odds (B, S)."""
        return self.per_height * heights.detach() + self.of_image(features.detach().float().mean(dim=(2, 3)))

    def loss(self, heatmaps: Tensor, features: Tensor, amplitudes: Tensor, weights: Tensor, taught: Tensor) -> Tensor:
        """Cross entropy of the slots that the labels tell of.

        Args:
            heatmaps: (B, K, H, W), in shares of a full peak.
            features: (B, C, h, w)
            amplitudes, weights: (B, K) of the targets, see ``codecs.supervision``. A slot whose corners all have
                a peak has a vertebra, one whose corners are all taught to have none has none. Of any other nothing
                is known; so of a vertebra that augmentation has moved across the edge of the frame, for annotators do
                not label those that the film cuts off.
            taught: (K,) bool, the corners that the model has been taught; the others' heights say nothing.
        """
        heights = heatmaps.detach().float().amax(dim=(2, 3)).clamp(0, 1)
        number = taught.view(-1, NUM_CORNERS).sum(dim=1).clamp(min=1)
        heights = (heights * taught).view(-1, NUM_SLOTS, NUM_CORNERS).sum(dim=2) / number
        has_peak, is_empty = amplitudes > 0, (amplitudes == 0) & (weights > 0)
        by_slot = (-1, NUM_SLOTS, NUM_CORNERS)
        is_there = (has_peak | ~taught).view(by_slot).all(dim=2) & has_peak.view(by_slot).any(dim=2)
        is_known = is_there | is_empty.view(by_slot).all(dim=2)
        losses = F.binary_cross_entropy_with_logits(self(heights, features), is_there.float(), reduction='none')
        number = is_known.sum().float()
        if self.training:  # gradients are averaged over processes: dividing by the mean count gives the whole batch's
            all_reduce(number, op='mean')
        return (losses * is_known).sum() / number.clamp(min=1e-6)
