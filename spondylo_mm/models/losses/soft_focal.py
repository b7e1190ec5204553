"""Focal loss against Gaussians whose peaks lie between pixels."""

from __future__ import annotations

from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F


@MODELS.register_module()
class SoftFocalLoss(nn.Module):
    """Quality focal loss (Li et al. 2020, arXiv:2006.04388) of heatmap logits, summed over the weighted pixels.

    ``|target - p|^beta`` times the binary cross-entropy of ``p = sigmoid(logit)``. CenterNet's focal loss
    (``mmpose.FocalHeatmapLoss``) treats a pixel of exactly 1 as an object and all others as background of less weight:
    targets must be rounded to a pixel, and so are peaks. Here each pixel is taught its own height and the loss is least
    there, so that peaks are decoded to a fraction of a pixel as those of squared error are, while the thousands of
    background pixels beside a handful of vertebrae still weigh little. It treats both answers alike: where there is a
    vertebra half of the time, one half is the best answer.

    Args:
        beta: 0 gives cross-entropy.
        loss_weight: factor of the whole.
    """

    def __init__(self, beta: float = 2.0, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.beta = beta
        self.loss_weight = loss_weight

    def forward(self, logits: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """All (B, C, H, W), to the sum over each image (B,)."""
        logits = logits.float()
        error = (target - logits.sigmoid()).abs() ** self.beta
        entropy = F.binary_cross_entropy_with_logits(logits, target, reduction='none')
        return self.loss_weight * (error * entropy * weights).sum(dim=(1, 2, 3))
