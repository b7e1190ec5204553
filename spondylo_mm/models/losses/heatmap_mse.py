"""Squared error per supervised pixel of the heatmaps, with an optional weight on their foreground."""

from __future__ import annotations

from mmengine.dist import all_reduce
from mmpose.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class HeatmapMSELoss(nn.Module):
    """Mean squared error of heatmaps over what is supervised.

    ``loss_weight / n * sum over supervised pixels of weight * (output - target)^2``, with a pixel's weight
    ``foreground`` where its target is above ``threshold`` and ``background`` elsewhere. ``n`` is the number of
    supervised pixels: those of keypoints with weight 1, in the whole batch, and while training in the batches of all
    processes. So the loss, and a step, do not change their meaning when a batch is larger, is spread over processes, or
    has more slots that teach nothing; a batch without any that does is 0. MMPose's ``KeypointMSELoss`` divides by all
    keypoints, taught or not.

    The published spondylolisthesis baselines weight the foreground (5, and 0.05 for the background). That moves the
    best answer to an uncertain question: where a pixel is foreground with probability p, plain MSE is least at an
    output of p times the peak, the weighted one at ``f p / (f p + b (1 - p))`` times, half a peak already at p = 1 %.
    Peak heights then no longer tell how likely a vertebra is there; our models, which judge presence by them
    (``codecs.presence``), weight nothing.

    Args:
        foreground: weight of pixels with a target above ``threshold``.
        background: weight of the others.
        threshold: in units of the target, whose peak is the codec's amplitude.
        loss_weight: factor of the whole.
    """

    def __init__(
        self, foreground: float = 1.0, background: float = 1.0, threshold: float = 0.1, loss_weight: float = 1.0
    ) -> None:
        super().__init__()
        self.foreground = foreground
        self.background = background
        self.threshold = threshold
        self.loss_weight = loss_weight

    def forward(self, output: Tensor, target: Tensor, target_weights: Tensor) -> Tensor:
        """Heatmaps (B, K, H, W), their targets and the keypoints' weights (B, K), 0 or 1, to a scalar."""
        squares = (output.float() - target.float()) ** 2  # a square soon overflows float16
        if self.foreground != self.background:
            squares = squares * ((target > self.threshold) * (self.foreground - self.background) + self.background)
        elif self.foreground != 1:
            squares = squares * self.foreground
        supervised = target_weights.sum()
        if self.training:  # gradients are averaged over processes: dividing by the mean count gives the whole batch's
            all_reduce(supervised, op='mean')
        errors = squares.mean(dim=(2, 3)) * target_weights
        return self.loss_weight * errors.sum() / supervised.clamp(min=1e-6)
