"""The codec of the package: corners of vertebrae <-> heatmaps.

Tensors on a CPU are handled by the numpy functions: torch would split each of a dozen small operations over its
threads, and while data workers hold the cores, waiting for the slowest thread each time takes longer than the work.
"""

from __future__ import annotations

import numpy as np
import torch
from mmpose.codecs.base import BaseKeypointCodec
from mmpose.registry import KEYPOINT_CODECS
from torch import Tensor

from ..anatomy import NUM_SLOTS
from ..errors import InputError
from .dark import decode_peaks, decode_peaks_on_device
from .gaussian_targets import draw_gaussians, draw_gaussians_on_device, frame_scale
from .settings import check_settings
from .structured.decoding import decode_together
from .structured.spine_model import SpineModel
from .supervision import IGNORE, supervise


@KEYPOINT_CODECS.register_module()
class VertebraHeatmap(BaseKeypointCodec):
    """One sub-pixel Gaussian per corner, decoded to sub-pixel; empty slots are taught to be empty.

    What MMPose's own codecs lack: ``MSRAHeatmap`` works image by image on the CPU and aligns only the first pixels of
    the two frames, so that a flip of the heatmap is not a flip of the input; ``UDPHeatmap`` cuts its Gaussians at 3
    sigma and scales back by ``input_size`` instead of ``input_size - 1``. Neither can teach a keypoint to be absent.

    Symbols:

    - batch size: B, keypoints: K (``anatomy.NUM_KEYPOINTS``), instances: 1
    - input size: [w, h], heatmap size: [W, H]

    For training, workers call ``supervision.supervise`` and ship keypoints, weights and amplitudes; the head draws the
    targets on the device with :meth:`encode_batch`. :meth:`encode` does both on numpy, for MMPose's ``GenerateTarget``.

    Args:
        input_size: [w, h] of the network input.
        heatmap_size: [W, H]
        sigma: standard deviation of the Gaussians in heatmap pixels.
        amplitude: height of the Gaussians' peaks. Scores are in shares of it, so that 1 means the same in every recipe.
        above: policy for unknown slots above the topmost labelled one; see ``supervision``.

    Raises:
        InputError: a size under 2, a sigma or amplitude that is not positive, an unknown policy.
    """

    auxiliary_encode_keys = {'slot_presence'}
    label_mapping_table = dict(keypoint_weights='keypoint_weights')
    field_mapping_table = dict(heatmaps='heatmaps')

    def __init__(
        self,
        input_size: tuple[int, int],
        heatmap_size: tuple[int, int],
        sigma: float,
        above: str = IGNORE,
        amplitude: float = 1.0,
    ) -> None:
        super().__init__()
        check_settings(input_size, heatmap_size, sigma, above)
        if not amplitude > 0:
            raise InputError(f'codec: amplitude={amplitude}: give a positive height')
        self.input_size = tuple(input_size)
        self.heatmap_size = tuple(heatmap_size)
        self.sigma = float(sigma)
        self.amplitude = float(amplitude)
        self.above = above
        self._to_heatmap = frame_scale(self.input_size, self.heatmap_size)
        self._to_input = frame_scale(self.heatmap_size, self.input_size)

    def encode(
        self,
        keypoints: np.ndarray,
        keypoints_visible: np.ndarray | None = None,
        slot_presence: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """Draw the targets of one image.

        Args:
            keypoints: (1, K, 2) in input pixels.
            keypoints_visible: (1, K), greater than 0 where labelled; None means all are.
            slot_presence: (NUM_SLOTS,), see :func:`supervision.supervise`.

        Returns:
            ``heatmaps`` (K, H, W) and ``keypoint_weights`` (1, K), both float32.
        """
        if keypoints.ndim != 3 or len(keypoints) != 1:
            raise ValueError(f'keypoints {keypoints.shape}: expected one instance, (1, K, 2)')
        visible = np.ones(keypoints.shape[1]) if keypoints_visible is None else keypoints_visible[0]
        weights, amplitudes = supervise(keypoints[0], visible, slot_presence, self.input_size, self.above)
        heights = amplitudes * self.amplitude
        heatmaps = draw_gaussians(keypoints[0] * self._to_heatmap, heights, self.heatmap_size, self.sigma)
        return dict(heatmaps=heatmaps, keypoint_weights=weights[None])

    def encode_batch(self, keypoints: Tensor, amplitudes: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Draw the targets of a batch on the device of ``keypoints``.

        Args:
            keypoints: (B, K, 2) in input pixels; may be anything, NaN too, where the amplitude is 0.
            amplitudes: (B, K), 1 for a Gaussian, 0 for an empty map, as ``supervision.supervise`` gives them; in units
                of the codec's amplitude.
            dtype: of the heatmaps.

        Returns:
            Heatmaps (B, K, H, W).
        """
        scale = torch.as_tensor(self._to_heatmap, dtype=torch.float32, device=keypoints.device)
        centres, heights = keypoints.float() * scale, amplitudes * self.amplitude
        if centres.device.type == 'cpu':  # see the module
            heatmaps = draw_gaussians(centres.numpy(), heights.numpy(), self.heatmap_size, self.sigma)
            return torch.from_numpy(heatmaps).to(dtype)
        return draw_gaussians_on_device(centres, heights, self.heatmap_size, self.sigma, dtype)

    def decode(self, encoded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Decode the heatmaps (K, H, W) of one image to keypoints (1, K, 2) in input pixels and scores (1, K)."""
        self._check_size(encoded.shape[1:])
        keypoints, scores = self._to_predictions(*decode_peaks(encoded[None], self.sigma))
        return keypoints[0], scores[0]

    def batch_decode(self, batch_encoded: Tensor) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Decode a batch of heatmaps, on any device.

        Args:
            batch_encoded: (B, K, H, W), any floating dtype.

        Returns:
            B arrays of keypoints (1, K, 2) in input pixels, always inside the frame, and B arrays of scores (1, K), the
            height of the largest pixel in shares of the amplitude, clipped to [0, 1]; all float32. NaN heatmaps have
            NaN scores.
        """
        self._check_size(batch_encoded.shape[2:])
        if batch_encoded.device.type == 'cpu':  # see the module; numpy has no bfloat16
            return self._to_predictions(*decode_peaks(batch_encoded.detach().float().numpy(), self.sigma))
        return self._to_predictions(*decode_peaks_on_device(batch_encoded, self.sigma))

    def decode_together(
        self, batch_encoded: Tensor, spine_model: SpineModel
    ) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
        """Decode all slots of each image together; see ``structured.decoding``.

        Args:
            batch_encoded: (B, K, H, W), any floating dtype, on any device.
            spine_model: what spines look like.

        Returns:
            Keypoints and scores as :meth:`batch_decode`, and B arrays of presence (1, S). An image with heatmaps that
            are not finite shows nothing: it is decoded independently and its presence is 0.
        """
        self._check_size(batch_encoded.shape[2:])
        heatmaps = batch_encoded.detach().float().cpu().numpy()
        positions, heights = decode_peaks(heatmaps, self.sigma)
        presence = np.zeros((len(heatmaps), NUM_SLOTS))
        for image in np.flatnonzero(np.isfinite(heatmaps).all(axis=(1, 2, 3))):
            shares = heatmaps[image] / self.amplitude
            positions[image], chosen, presence[image] = decode_together(
                shares, spine_model, self.sigma, positions[image], heights[image] / self.amplitude
            )
            heights[image] = chosen * self.amplitude
        return *self._to_predictions(positions, heights), list(presence[:, None])

    def _check_size(self, shape: tuple[int, ...]) -> None:
        if tuple(shape) != self.heatmap_size[::-1]:
            raise ValueError(
                f'heatmaps of {tuple(shape)[::-1]} [W, H]: expected {self.heatmap_size}, the heatmap_size of the codec'
            )

    def _to_predictions(self, positions: np.ndarray, heights: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        keypoints = (positions * self._to_input).astype(np.float32)
        scores = (heights / self.amplitude).clip(0, 1).astype(np.float32)
        return list(keypoints[:, None]), list(scores[:, None])
