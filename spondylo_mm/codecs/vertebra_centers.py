"""The codec of the order-free models: corners of vertebrae <-> maps of centres, corners and offsets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from mmpose.codecs.base import BaseKeypointCodec
from mmpose.registry import KEYPOINT_CODECS
from torch import Tensor

from .centers.assembly import Spine, assemble
from .centers.calibration import UNCALIBRATED, calibrated
from .centers.candidates import find_candidates
from .centers.layout import ANCHOR_CORNERS, NUM_MAPS, SACRUM
from .centers.slots import to_slots
from .centers.targets import Targets, draw_targets
from .gaussian_targets import frame_scale
from .settings import check_settings
from .supervision import IGNORE, supervise


@KEYPOINT_CODECS.register_module()
class VertebraCenters(BaseKeypointCodec):
    """Vertebrae as instances: found by their centres, assembled into one spine, numbered from the sacrum upwards.

    Symbols:

    - keypoints: K (``anatomy.NUM_KEYPOINTS``), slots: S, maps: 14 (``centers.layout``), instances: 1
    - input size: [w, h], heatmap size: [W, H]

    Targets: ``centers.targets``, and what is not taught, ``centers.unknown``. Decoding: ``centers.candidates`` finds
    vertebrae, ``centers.assembly`` the spine among them, ``centers.slots`` numbers it.

    Slots must be counted from the caudal end, which ``apis.configs`` checks: slot 0 teaches what a sacrum is.

    Args:
        input_size: [w, h] of the network input.
        heatmap_size: [W, H]
        sigma: standard deviation of all Gaussians in heatmap pixels.
        above: policy for unknown slots above the topmost labelled one; see ``supervision``.

    Raises:
        InputError: a size under 2, a sigma that is not positive, an unknown policy.
    """

    auxiliary_encode_keys = {'slot_presence'}
    field_mapping_table = {key: key for key in ('heatmaps', 'heatmap_weights', 'offsets', 'offset_weights')}

    def __init__(
        self,
        input_size: tuple[int, int],
        heatmap_size: tuple[int, int],
        sigma: float,
        above: str = IGNORE,
    ) -> None:
        super().__init__()
        check_settings(input_size, heatmap_size, sigma, above)
        self.input_size = tuple(input_size)
        self.heatmap_size = tuple(heatmap_size)
        self.sigma = float(sigma)
        self.above = above
        self._to_heatmap = frame_scale(self.input_size, self.heatmap_size)
        self._to_input = frame_scale(self.heatmap_size, self.input_size)

    def encode(
        self,
        keypoints: np.ndarray,
        keypoints_visible: np.ndarray | None = None,
        slot_presence: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """Draw the targets of one image, for MMPose's ``GenerateTarget``; arguments as in ``VertebraHeatmap.encode``.

        Returns:
            ``heatmaps`` and ``heatmap_weights`` (6, H, W), ``offsets`` and ``offset_weights`` (8, H, W).
        """
        if keypoints.ndim != 3 or len(keypoints) != 1:
            raise ValueError(f'keypoints {keypoints.shape}: expected one instance, (1, K, 2)')
        visible = np.ones(keypoints.shape[1]) if keypoints_visible is None else keypoints_visible[0]
        weights, amplitudes = supervise(keypoints[0], visible, slot_presence, self.input_size, self.above)
        labels = np.where(visible[:, None] > 0, keypoints[0], np.nan)
        targets = self.encode_batch(*(torch.from_numpy(part)[None] for part in (labels, weights, amplitudes)))
        return {key: getattr(targets, key)[0].numpy() for key in self.field_mapping_table}

    def encode_batch(self, keypoints: Tensor, weights: Tensor, amplitudes: Tensor) -> Targets:
        """Draw the targets of a batch on the device of ``keypoints`` (B, K, 2), input pixels, NaN where not labelled;
        weights and amplitudes (B, K) as ``supervision.supervise`` gives them."""
        scale = torch.as_tensor(self._to_heatmap, dtype=torch.float32, device=keypoints.device)
        return draw_targets(keypoints.float() * scale, weights, amplitudes, self.heatmap_size, self.sigma)

    def decode(self, encoded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Decode the maps (14, H, W) of one image, probabilities and offsets in heatmap pixels, to keypoints (1, K, 2)
        in input pixels and scores (1, K)."""
        spine = self.decode_spine(encoded)
        return spine['keypoints'], spine['keypoint_scores']

    def decode_spine(
        self, maps: np.ndarray, taught: np.ndarray | None = None, calibration: np.ndarray = UNCALIBRATED
    ) -> dict:
        """Everything that the maps (14, H, W) of one image tell, in input pixels; see ``centers.slots.to_slots``.

        Args:
            maps: (14, H, W), probabilities and offsets in heatmap pixels.
            taught: (2, 4) bool, the types of corners that the model was taught of vertebrae and of sacra. None: all.
            calibration: (2, 2) what the heights of the peaks are worth, see ``centers.calibration``.
        """
        spine = self.find_spine(maps)
        spine = replace(
            spine,
            scores=calibrated(spine.scores, spine.kinds, calibration),
            sacrum_seen=float(calibrated(spine.sacrum_seen, SACRUM, calibration)),
        )
        taught = np.ones_like(ANCHOR_CORNERS) if taught is None else taught
        return to_slots(spine, taught, self.heatmap_size, self._to_input, bool(np.isfinite(maps).all()))

    def find_spine(self, maps: np.ndarray) -> Spine:
        """The vertebrae that the maps (14, H, W) of one image show, in heatmap pixels."""
        if maps.shape != (NUM_MAPS, *self.heatmap_size[::-1]):
            raise ValueError(
                f'maps of {maps.shape}: expected ({NUM_MAPS}, H, W), [W, H] {self.heatmap_size}, the heatmap_size of '
                'the codec'
            )
        return assemble(find_candidates(maps, self.sigma))
