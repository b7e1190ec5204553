"""From an image path to pixels."""

from __future__ import annotations

from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from ..radiograph import read_radiograph


@TRANSFORMS.register_module()
class LoadRadiograph(BaseTransform):
    """Read a radiograph as grey levels. MMPose's ``LoadImage`` half-decodes truncated files and clips 16-bit ones.

    Required key: ``img_path``. Added keys: ``img`` (H, W) uint8, ``img_shape`` and ``ori_shape`` (H, W).

    Raises:
        InputError: the file is missing, truncated, too large or no image.
    """

    def transform(self, results: dict) -> dict:
        image = read_radiograph(results['img_path'])
        results['img'] = image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results
