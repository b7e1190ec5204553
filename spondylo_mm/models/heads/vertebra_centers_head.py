"""The head of the order-free models: vertebrae as instances, each a centre and the way to its corners."""

from __future__ import annotations

import numpy as np
import torch
from mmengine.dist import all_reduce
from mmengine.structures import InstanceData, PixelData
from mmpose.models.heads import HeatmapHead
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn import functional as F

from ...anatomy import MIRRORED_CORNER, NUM_CORNERS, NUM_SLOTS
from ...codecs.centers.calibration import UNCALIBRATED, Judged, judge
from ...codecs.centers.layout import ANCHOR_CORNERS, NUM_HEATMAPS, NUM_KINDS, NUM_MAPS, NUM_OFFSETS
from ...codecs.centers.targets import Targets

_PRIOR = 0.1  # what every heatmap says before training (Lin et al. 2017, arXiv:1708.02002)
_CELLS = 16  # offsets are learned in sixteenths of the map's width, about a body: values near 1


@MODELS.register_module()
class VertebraCentersHead(HeatmapHead):
    """Finds every vertebra wherever it is and however many there are, as CenterNet (Zhou et al. 2019,
    arXiv:1904.07850) and Yi et al. 2020 (arXiv:2001.03187) do; the codec ``VertebraCenters`` numbers them.

    ``VertebraHeatmapHead`` has a map for each corner of each slot, so that the network itself must count from the
    sacrum. Here all vertebrae share their maps, see ``codecs.centers.layout``: one of their centres and one of the
    sacrum, four of the corners by type, and eight of offsets from a centre to its corners. MMPose's ``DEKRHead`` is
    alike, but needs compiled operators.

    Predictions carry what those of ``VertebraHeatmapHead`` do and, beside it, ``sacrum_seen`` (1,), the probability
    that the lowest vertebra is the sacrum, without which slots are no levels; and where a film shows more vertebrae
    than there are slots, ``extra_vertebrae`` (1, V, 4, 2), ``extra_scores`` (1, V, 4) and ``extra_presence`` (1, V).

    Args:
        dropout: share of channels dropped before the final layer, the source of Monte-Carlo uncertainty.
        offset_weight: of the offsets' loss, whose unit is a heatmap pixel.
        decoder: config of a ``VertebraCenters``.
        Others as in ``HeatmapHead``.
    """

    def __init__(
        self, in_channels: int, dropout: float = 0.0, offset_weight: float = 0.25, loss: dict | None = None, **kwargs
    ) -> None:
        super().__init__(in_channels, NUM_MAPS, loss=loss or dict(type='SoftFocalLoss'), **kwargs)
        self.dropout = nn.Dropout2d(dropout)
        self.offset_weight = offset_weight
        self.register_buffer('taught', torch.zeros(ANCHOR_CORNERS.shape, dtype=torch.bool))
        self.register_buffer('presence_calibration', torch.from_numpy(UNCALIBRATED.copy()))

    def init_weights(self) -> None:
        """As ``HeatmapHead``; and every heatmap begins low, or the background would be all that is learned at first."""
        super().init_weights()
        nn.init.constant_(self.final_layer.bias[:NUM_HEATMAPS], float(np.log(_PRIOR / (1 - _PRIOR))))

    def forward(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Feature maps, the last of which is (B, C, h, w), to (B, 14, H, W): logits of the heatmaps, and offsets in
        heatmap pixels."""
        x = self.conv_layers(self.deconv_layers(feats[-1]))
        maps = self.final_layer(self.dropout(x))
        logits, offsets = maps.split([NUM_HEATMAPS, NUM_OFFSETS], dim=1)
        return torch.cat([logits, offsets * (maps.shape[-1] / _CELLS)], dim=1)

    def loss(self, feats: tuple[Tensor, ...], batch_data_samples: list, train_cfg: dict | None = None) -> dict:
        """Losses against targets drawn from the samples' ``gt_instance_labels``, each per taught centre or corner of
        the batch, so that neither its size nor the number of vertebrae changes what a step means."""
        targets = self._targets(batch_data_samples)
        taught = torch.stack([targets.corners_of_vertebrae.any(dim=0), targets.corners_of_sacra.any(dim=0)]).int()
        all_reduce(taught, op='max')  # what another process teaches, the model learns as well
        self.taught |= taught.bool()
        sums, counts = self._sums(self.forward(feats), targets)
        counts = counts.sum(dim=0)
        all_reduce(counts, op='mean')  # gradients are averaged over processes
        anchors, corners, offsets = sums.sum(dim=0) / counts.clamp(min=1)
        return dict(loss_anchor=anchors, loss_corner=corners, loss_offset=offsets)

    def losses_per_image(self, feats: tuple[Tensor, ...], batch_data_samples: list) -> list[float | None]:
        """The loss of each image by itself; None where nothing supervises it."""
        targets = self._targets(batch_data_samples)
        sums, counts = self._sums(self.forward(feats), targets)
        losses = (sums / counts.clamp(min=1)).sum(dim=1)
        taught = targets.heatmap_weights.flatten(1).any(dim=1)
        return [loss.item() if known else None for loss, known in zip(losses, taught, strict=True)]

    def judge(self, feats: tuple[Tensor, ...], batch_data_samples: list) -> list[Judged]:
        """Which of the vertebrae found in each image the labels confirm; ``presence_calibration`` is fitted to them."""
        targets = self._targets(batch_data_samples)
        known = targets.heatmap_weights[:, :NUM_KINDS] > 0
        images = zip(_probabilities(self.forward(feats)), targets.corners, targets.taught, known, strict=True)
        images = ([part.detach().cpu().numpy() for part in image] for image in images)
        return [judge(self.decoder.find_spine(maps), *labels) for maps, *labels in images]

    def _targets(self, samples: list) -> Targets:
        labels = [sample.gt_instance_labels for sample in samples]
        names = ('keypoint_labels', 'keypoint_weights', 'keypoint_amplitudes')
        return self.decoder.encode_batch(*(torch.cat([label[name] for label in labels]) for name in names))

    def _sums(self, maps: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
        """Summed losses (B, 3) of anchors, corners and offsets, and what to divide them by (B, 3)."""
        logits, offsets = maps.split([NUM_HEATMAPS, NUM_OFFSETS], dim=1)
        parts = zip(
            logits.split([NUM_KINDS, NUM_CORNERS], dim=1),
            targets.heatmaps.split([NUM_KINDS, NUM_CORNERS], dim=1),
            targets.heatmap_weights.split([NUM_KINDS, NUM_CORNERS], dim=1),
            strict=True,
        )
        anchors, corners = (self.loss_module(*part) for part in parts)
        distances = F.smooth_l1_loss(offsets.float(), targets.offsets, reduction='none', beta=0.5)
        distance = (distances * targets.offset_weights).sum(dim=(1, 2, 3)) * self.offset_weight
        # per coordinate that is taught: the weights of one sum to about the area of its Gaussian
        counts = [targets.num_anchors, targets.num_corners, targets.offset_weights.sum(dim=(1, 2, 3))]
        return torch.stack([anchors, corners, distance], dim=1), torch.stack(counts, dim=1).float()

    def predict(self, feats: tuple | list, batch_data_samples: list, test_cfg: dict | None = None) -> object:
        """Predictions of a batch as ``HeatmapHead`` gives them; its features alone, or with ``flip_test`` a list of
        these and those of the mirrored images."""
        test_cfg = test_cfg or {}
        if test_cfg.get('flip_test', False):
            straight, mirrored = (self.forward(part) for part in feats)
            maps = (straight + _mirrored(mirrored)) / 2
        else:
            maps = self.forward(feats)
        maps = _probabilities(maps)
        predictions = self.decode(maps)
        if not test_cfg.get('output_heatmaps', False):
            return predictions
        # a map per keypoint, as of other models: those of a corner's type, whichever vertebra's
        corners = maps[:, NUM_KINDS:NUM_HEATMAPS].repeat(1, NUM_SLOTS, 1, 1)
        return predictions, [PixelData(heatmaps=each) for each in corners.detach()]

    def decode(self, batch_outputs: Tensor) -> list[InstanceData]:
        """Maps (B, 14, H, W), probabilities and offsets, to one ``InstanceData`` per image, in the input frame."""
        taught = self.taught.cpu().numpy()
        if not taught.any():  # untrained
            taught = np.ones_like(taught)
        calibration = self.presence_calibration.cpu().numpy()
        return [
            InstanceData(**self.decoder.decode_spine(maps, taught, calibration))
            for maps in batch_outputs.detach().float().cpu().numpy()
        ]


def _probabilities(maps: Tensor) -> Tensor:
    """Maps (B, 14, H, W) with the heatmaps' logits as probabilities."""
    return torch.cat([maps[:, :NUM_HEATMAPS].sigmoid(), maps[:, NUM_HEATMAPS:]], dim=1)


def _mirrored(maps: Tensor) -> Tensor:
    """Maps (B, 14, H, W) of mirrored images as maps of the images themselves."""
    maps = maps.flip(-1)
    anchors, corners, offsets = maps.split([NUM_KINDS, NUM_CORNERS, NUM_OFFSETS], dim=1)
    order = list(MIRRORED_CORNER)
    offsets = offsets.unflatten(1, (NUM_CORNERS, 2))[:, order] * offsets.new_tensor([-1.0, 1.0])[:, None, None]
    return torch.cat([anchors, corners[:, order], offsets.flatten(1, 2)], dim=1)
