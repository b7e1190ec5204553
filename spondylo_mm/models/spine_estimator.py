"""The estimator of all models: MMPose's top-down one, which also tells the loss of what it validates."""

from __future__ import annotations

import torch
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.registry import MODELS


@MODELS.register_module()
class SpineEstimator(TopdownPoseEstimator):
    """:class:`mmpose.models.TopdownPoseEstimator` that attaches ``heatmap_loss`` to every validated sample.

    The loss is of the image alone (no mean over a batch), so its mean over a split depends neither on the batch size
    nor on the number of processes; ``evaluation.metrics.ValidationLoss`` takes it. Testing (``test_step``) does not
    compute it: predictions never see labels.

    Weights lie with their channels last in memory, and so do the features they give: on a CPU a training step of
    HRNet takes two thirds of the time, on a GPU mixed precision needs no reordering.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.to(memory_format=torch.channels_last)

    def val_step(self, data: dict) -> list:
        """Predictions of a collated batch, each a ``PoseDataSample`` with ``heatmap_loss``, None where nothing is
        labelled; both from the same features, for the backbone is most of the work."""
        data = self.data_preprocessor(data, training=False)
        inputs, samples = data['inputs'], data['data_samples']
        features = self.extract_feat(inputs)
        losses = self.head.losses_per_image(features, samples)
        if self.test_cfg.get('flip_test', False):
            features = [features, self.extract_feat(inputs.flip(-1))]
        found = self.head.predict(features, samples, test_cfg=self.test_cfg)
        results = self.add_pred_to_datasample(*(found if isinstance(found, tuple) else (found, None)), samples)
        for result, loss in zip(results, losses, strict=True):
            result.set_metainfo(dict(heatmap_loss=loss))
        return results

    def add_pred_to_datasample(self, batch_pred_instances: list, batch_pred_fields: list | None, samples: list) -> list:
        """As MMPose's, to image pixels; and so for the vertebrae beyond the last slot, where a head finds any."""
        results = super().add_pred_to_datasample(batch_pred_instances, batch_pred_fields, samples)
        for sample in results:
            if 'extra_vertebrae' in sample.pred_instances:
                corners = sample.pred_instances.extra_vertebrae / sample.input_size * sample.input_scale
                sample.pred_instances.extra_vertebrae = corners + sample.input_center - sample.input_scale / 2
        return results
