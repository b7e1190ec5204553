"""From an image path to pixels."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from ..radiograph import radiograph_geometry, read_radiograph


@TRANSFORMS.register_module()
class LoadRadiograph(BaseTransform):
    """Read a radiograph as grey levels. MMPose's ``LoadImage`` half-decodes truncated files and clips 16-bit ones.

    Required key: ``img_path``. Added keys: ``img`` (H, W) uint8, ``img_shape`` and ``ori_shape`` (H, W); where the file
    knows them and the annotations did not: ``spacing`` (2,) in mm/px [x, y] with ``spacing_source``, and
    ``pixel_aspect``, a pixel's width over its height.

    Raises:
        InputError: the file is missing, truncated, too large or no image.
    """

    def transform(self, results: dict) -> dict:
        image = read_radiograph(results['img_path'])
        results['img'] = image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        if 'spacing' not in results:
            geometry = radiograph_geometry(results['img_path'])
            if geometry.spacing:
                results.update(spacing=np.array(geometry.spacing), spacing_source=geometry.source)
            if geometry.aspect:
                results['pixel_aspect'] = geometry.aspect
        return results
