"""Squared error that counts the pixels of a peak more than its background."""

from __future__ import annotations

from mmpose.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class ForegroundMSELoss(nn.Module):
    """The weighted heatmap loss of the published spondylolisthesis baselines, normalised.

    ``loss_weight / n * sum over supervised pixels of weight * (output - target)^2``, with a pixel's weight
    ``foreground`` where its target is above ``threshold`` and ``background`` elsewhere. ``n`` is the number of
    supervised pixels: those of keypoints with weight 1, in the whole batch. So the loss is a mean that does not change
    when a batch is larger, or has more slots that teach nothing; a batch without any is 0.

    A weight on the foreground moves the best answer to an uncertain question. Where a pixel is foreground with
    probability p, plain MSE is least at an output of p times the peak, this one at ``f p / (f p + b (1 - p))`` times:
    with the published 5 and 0.05 half a peak already at p = 1 %. Peak heights no longer tell how likely a vertebra is
    there; models of ours that judge presence by them (``codecs.presence``) are trained with plain MSE.

    Args:
        background: weight of pixels with a target of ``threshold`` or less.
        foreground: weight of pixels above it.
        threshold: in units of the target, whose peak is 1 here and 10 in the published recipe.
        loss_weight: factor of the whole.
    """

    def __init__(
        self, background: float = 0.05, foreground: float = 5.0, threshold: float = 0.1, loss_weight: float = 1.0
    ) -> None:
        super().__init__()
        self.background = background
        self.foreground = foreground
        self.threshold = threshold
        self.loss_weight = loss_weight

    def forward(self, output: Tensor, target: Tensor, target_weights: Tensor) -> Tensor:
        """Heatmaps (B, K, H, W), their targets and the keypoints' weights (B, K), 0 or 1, to a scalar."""
        pixel_weights = (target > self.threshold).float() * (self.foreground - self.background) + self.background
        errors = (pixel_weights * (output.float() - target) ** 2).mean(dim=(2, 3))  # a square soon overflows float16
        return self.loss_weight * (errors * target_weights).sum() / target_weights.sum().clamp(min=1)
