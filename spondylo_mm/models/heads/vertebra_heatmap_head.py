"""The heatmap head of all models: MMPose's, with targets drawn on the device and a probability of presence per slot."""

from __future__ import annotations

import numpy as np
import torch
from mmengine.dist import all_reduce
from mmengine.structures import InstanceData, PixelData
from mmpose.models.heads import HeatmapHead
from mmpose.models.utils.tta import flip_heatmaps
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from ...anatomy import NUM_CORNERS, NUM_KEYPOINTS, NUM_SLOTS
from ...codecs.presence import PRESENCE_THRESHOLD, vertebra_presence
from ...codecs.structured.spine_model import VECTOR_SIZE, SpineModel
from .slot_presence import SlotPresence


@MODELS.register_module()
class VertebraHeatmapHead(HeatmapHead):
    """:class:`mmpose.models.HeatmapHead` for vertebral corners.

    Six things differ: the loss draws its Gaussians from keypoints, batched on the device; dropout precedes the final
    layer (the source of Monte-Carlo uncertainty); heatmaps can be upsampled; predictions carry ``presence`` (1, S)
    beside ``keypoints`` (1, K, 2) and ``keypoint_scores`` (1, K); slots can be decoded together; and the head
    remembers, in its weights, which corners it was ever taught (``keypoint_taught`` (1, K) in predictions). What it
    says of any other is noise: of a sacrum labelled by its superior endplate alone, as in BUU-LSPINE, it never learns
    the lower corners.

    Args:
        dropout: share of channels dropped before the final layer. Whole channels, because neighbouring pixels of a
            feature map tell the same (Tompson et al. 2015, doi 10.1109/CVPR.2015.7298664).
        upsample: factor of a bilinear enlargement after the final layer. Corner pixels stay corner pixels, as in the
            codec, so enlarged or not a heatmap shows a corner at the same place of the image.
        presence: learn from the labels how likely a vertebra is in each slot (:class:`SlotPresence`), instead of taking
            the mean height of its peaks for it.
        together: decode all slots together, by what the heatmaps show and by what spines look like
            (``codecs.structured``), as soon as ``SpineModelHook`` has told the head what they look like. It puts a
            network right that miscounts; one that does not is better without (``benchmarks/identity``). A sacrum of
            which only the superior endplate is taught has no shape to judge: then slots are decoded independently.
        Others as in ``HeatmapHead``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int = NUM_KEYPOINTS,
        dropout: float = 0.0,
        upsample: int = 1,
        presence: bool = True,
        together: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(in_channels, out_channels, **kwargs)
        self.presence = SlotPresence(self.final_layer.in_channels) if presence else None
        self.dropout = nn.Dropout2d(dropout)
        self.upsample = upsample
        self.together = together
        self.register_buffer('taught', torch.zeros(out_channels, dtype=torch.bool))
        self.register_buffer('spine_model', torch.zeros(VECTOR_SIZE, dtype=torch.float64))

    def forward(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Feature maps, the last of which is (B, C, h, w), to heatmaps (B, K, H, W)."""
        return self.heatmaps(self.features(feats))

    def features(self, feats: tuple[Tensor, ...]) -> Tensor:
        """What corners and presence are read from: the last feature maps after all layers but the final one."""
        return self.conv_layers(self.deconv_layers(feats[-1]))

    def heatmaps(self, features: Tensor) -> Tensor:
        """The heatmaps (B, K, H, W) of features."""
        heatmaps = self.final_layer(self.dropout(features))
        if self.upsample == 1:
            return heatmaps
        return F.interpolate(heatmaps, scale_factor=self.upsample, mode='bilinear', align_corners=True)

    def loss(self, feats: tuple[Tensor, ...], batch_data_samples: list, train_cfg: dict | None = None) -> dict:
        """Heatmap loss against targets drawn from the samples' ``gt_instance_labels``, and that of the presence."""
        features = self.features(feats)
        heatmaps = self.heatmaps(features).float()  # or mixed precision would round the targets as well
        targets, weights = self._supervision(batch_data_samples)
        amplitudes = torch.cat([sample.gt_instance_labels.keypoint_amplitudes for sample in batch_data_samples])
        taught = ((amplitudes > 0) & (weights > 0)).any(dim=0).int()
        all_reduce(taught, op='max')  # what another process teaches, the model learns as well
        self.taught |= taught.bool()
        losses = dict(loss_heatmap=self.loss_module(heatmaps, targets.to(heatmaps), weights))
        if self.presence is not None:
            shares = heatmaps / self.decoder.amplitude
            losses['loss_presence'] = self.presence.loss(shares, features, amplitudes, weights, self.taught)
        return losses

    def losses_per_image(self, feats: tuple[Tensor, ...], batch_data_samples: list) -> list[float | None]:
        """The loss of each image by itself; None where nothing supervises it."""
        heatmaps = self.forward(feats)
        targets, weights = self._supervision(batch_data_samples)
        images = zip(heatmaps, targets.to(heatmaps), weights, strict=True)
        return [
            self.loss_module(output[None], target[None], weight[None]).item() if weight.any() else None
            for output, target, weight in images
        ]

    def _supervision(self, samples: list) -> tuple[Tensor, Tensor]:
        """Target heatmaps (B, K, H, W) and weights (B, K), on the device of the labels."""
        labels = [sample.gt_instance_labels for sample in samples]
        keypoints = torch.cat([label.keypoint_labels for label in labels])
        weights = torch.cat([label.keypoint_weights for label in labels])
        amplitudes = torch.cat([label.keypoint_amplitudes for label in labels])
        return self.decoder.encode_batch(keypoints, amplitudes), weights

    def predict(self, feats: tuple | list, batch_data_samples: list, test_cfg: dict | None = None) -> list | tuple:
        """One ``InstanceData`` per image, in the input frame; with ``output_heatmaps`` the heatmaps too.

        Args:
            feats: feature maps, or with ``flip_test`` a list of those of the image and of the mirrored one.
            batch_data_samples: with ``flip_indices`` in their metainfo.
            test_cfg: as in ``HeatmapHead``.
        """
        test_cfg = test_cfg or {}
        views = [self.features(view) for view in (feats if test_cfg.get('flip_test') else [feats])]
        heatmaps = self.heatmaps(views[0])
        if len(views) > 1:
            mirrored = flip_heatmaps(
                self.heatmaps(views[1]),
                flip_mode=test_cfg.get('flip_mode', 'heatmap'),
                flip_indices=batch_data_samples[0].metainfo['flip_indices'],
                shift_heatmap=test_cfg.get('shift_heatmap', False),
            )
            heatmaps = (heatmaps + mirrored) / 2
        predictions = self.decode(heatmaps)
        if self.presence is not None:
            self._judge_presence(predictions, sum(views) / len(views))
        if test_cfg.get('output_heatmaps'):
            return predictions, [PixelData(heatmaps=each) for each in heatmaps.detach()]
        return predictions

    def _judge_presence(self, predictions: list, features: Tensor) -> None:
        """Replace the mean heights of the peaks by what they have meant in training. A vertebra that does not belong to
        the spine is none, however plain its peaks."""
        scores = np.concatenate([prediction.keypoint_scores for prediction in predictions])
        taught = self._taught_corners()
        heights = torch.as_tensor(vertebra_presence(scores, taught), dtype=torch.float32, device=features.device)
        probabilities = self.presence(heights, features).sigmoid().detach().cpu().numpy()
        probabilities = probabilities * taught.reshape(NUM_SLOTS, NUM_CORNERS).any(axis=1)
        together = self._decodes_together  # asks the device
        for prediction, probability in zip(predictions, probabilities[:, None], strict=True):
            if together:
                is_outside = prediction.presence < PRESENCE_THRESHOLD
                probability = np.where(is_outside, np.minimum(probability, prediction.presence), probability)
            prediction.presence = probability

    def decode(self, batch_outputs: Tensor) -> list:
        """Heatmaps (B, K, H, W) to one ``InstanceData`` per image, in the input frame."""
        taught = self._taught_corners()
        if self._decodes_together:
            shown = batch_outputs * torch.as_tensor(taught, device=batch_outputs.device)[:, None, None]
            spine_model = SpineModel.from_vector(self.spine_model.cpu().numpy())
            keypoints, scores, presence = self.decoder.decode_together(shown, spine_model)
        else:
            keypoints, scores = self.decoder.batch_decode(batch_outputs)
            presence = [vertebra_presence(score, taught) for score in scores]
        return [
            InstanceData(keypoints=each, keypoint_scores=score, presence=there, keypoint_taught=taught[None])
            for each, score, there in zip(keypoints, scores, presence, strict=True)
        ]

    @property
    def _decodes_together(self) -> bool:
        by_slot = self._taught_corners().reshape(NUM_SLOTS, NUM_CORNERS)
        return (
            self.together and bool(self.spine_model.any()) and bool((by_slot.all(axis=1) == by_slot.any(axis=1)).all())
        )

    def _taught_corners(self) -> np.ndarray:
        """(K,) bool; weights from before this was remembered were taught everything."""
        taught = self.taught.cpu().numpy()
        return taught if taught.any() else np.ones_like(taught)
