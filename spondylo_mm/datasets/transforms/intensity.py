"""How bright a radiograph is says little about the patient: exposure and film response vary, so training varies them
too."""

from __future__ import annotations

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

_GREYS = np.arange(256) / 255.0


@TRANSFORMS.register_module()
class RandomExposure(BaseTransform):
    """Change brightness, contrast and gamma at random through one look-up table.

    MMPose's ``PhotometricDistortion`` works in colour (saturation, hue) and has no gamma, which is what film response
    differs in.

    Modified key: ``img`` (H, W) uint8.

    Args:
        brightness: largest change, as a share of the grey range.
        contrast: largest relative change around mid-grey.
        gamma: range of the exponent, drawn log-uniformly.
        invert_prob: probability of exchanging black and white (films shown bone-black); off by default.
    """

    def __init__(
        self,
        brightness: float = 0.15,
        contrast: float = 0.25,
        gamma: tuple[float, float] = (0.7, 1.4),
        invert_prob: float = 0.0,
    ) -> None:
        self.brightness = brightness
        self.contrast = contrast
        self.gamma = gamma
        self.invert_prob = invert_prob

    def transform(self, results: dict) -> dict:
        brightness = np.random.uniform(-self.brightness, self.brightness)
        contrast = 1 + np.random.uniform(-self.contrast, self.contrast)
        gamma = np.exp(np.random.uniform(*np.log(self.gamma)))
        curve = np.clip((_GREYS**gamma - 0.5) * contrast + 0.5 + brightness, 0, 1)
        if np.random.random() < self.invert_prob:
            curve = 1 - curve
        results['img'] = cv2.LUT(results['img'], np.round(curve * 255).astype(np.uint8))
        return results


@TRANSFORMS.register_module()
class Clahe(BaseTransform):
    """Contrast-limited adaptive histogram equalisation (Zuiderveld 1994), optional; if used, use it in every split.

    Modified key: ``img`` (H, W) uint8.

    Args:
        clip_limit: OpenCV's contrast limit.
        tiles: number of tiles along each axis.
    """

    def __init__(self, clip_limit: float = 2.0, tiles: int = 8) -> None:
        self.clip_limit = clip_limit
        self.tiles = tiles

    def transform(self, results: dict) -> dict:
        # made per call: OpenCV's object cannot be pickled, and loader workers receive a pickled pipeline
        results['img'] = cv2.createCLAHE(self.clip_limit, (self.tiles, self.tiles)).apply(results['img'])
        return results
