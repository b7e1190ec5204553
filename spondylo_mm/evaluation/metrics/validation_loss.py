"""The loss of the validation split, logged beside its metrics: over-fitting shows here first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmpose.registry import METRICS


@METRICS.register_module()
class ValidationLoss(BaseMetric):
    """Mean over labelled images of the ``heatmap_loss`` that ``models.SpineEstimator`` attaches when it validates.

    Logged as ``spondylo/loss``; NaN where no image is labelled.
    """

    default_prefix = 'spondylo'

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        # one entry per image, also without a loss: processes' padding is cut by counting entries
        self.results += [sample['heatmap_loss'] for sample in data_samples]

    def compute_metrics(self, results: list[float | None]) -> dict[str, float]:
        losses = [loss for loss in results if loss is not None]
        return dict(loss=float(np.mean(losses)) if losses else float('nan'))
