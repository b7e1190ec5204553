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


@TRANSFORMS.register_module()
class RandomShading(BaseTransform):
    """Lighten and darken parts of the image at random, smoothly: scatter, heel effect and regional contrast processing
    make one tissue bright at one place and dark at another.

    Modified key: ``img`` (H, W) uint8.

    Args:
        strength: largest change, as a share of the grey range.
        patches: values drawn along each axis; between them it is interpolated.
    """

    def __init__(self, strength: float = 0.2, patches: int = 4) -> None:
        self.strength = strength
        self.patches = patches

    def transform(self, results: dict) -> dict:
        image = results['img']
        grid = np.random.uniform(-1, 1, (self.patches, self.patches)) * np.random.uniform(0, self.strength)
        shade = cv2.resize(grid.astype(np.float32) * 255, image.shape[::-1], interpolation=cv2.INTER_CUBIC)
        results['img'] = cv2.add(image.astype(np.float32), shade).clip(0, 255).round().astype(np.uint8)
        return results


@TRANSFORMS.register_module()
class RandomDetail(BaseTransform):
    """Sharpen or blur the image and add noise, at random: what scanners and archives do to detail.

    Modified key: ``img`` (H, W) uint8.

    Args:
        sharpness: range of the share of the detail (image less its blurred self) that is added; below 0 it is taken.
        sigma: range of the blur, px.
        noise: largest standard deviation of the noise, as a share of the grey range.
    """

    def __init__(
        self,
        sharpness: tuple[float, float] = (-0.8, 1.5),
        sigma: tuple[float, float] = (0.7, 3.0),
        noise: float = 0.04,
    ) -> None:
        self.sharpness = sharpness
        self.sigma = sigma
        self.noise = noise

    def transform(self, results: dict) -> dict:
        image = results['img'].astype(np.float32)
        detail = image - cv2.GaussianBlur(image, (0, 0), np.random.uniform(*self.sigma))
        noise = np.random.normal(0, 255 * np.random.uniform(0, self.noise), image.shape)
        changed = image + np.random.uniform(*self.sharpness) * detail + noise
        results['img'] = changed.clip(0, 255).round().astype(np.uint8)
        return results
