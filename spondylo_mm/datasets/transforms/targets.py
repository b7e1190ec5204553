"""What a sample tells the model: forty positions and weights. The heatmaps themselves are drawn on the device."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from ...codecs.supervision import IGNORE, supervise


@TRANSFORMS.register_module()
class KeypointTargets(BaseTransform):
    """Decide which corners supervise the model and how, and pack them in place of heatmaps.

    MMPose's ``GenerateTarget`` draws the heatmaps in the worker: at 512 px that is 2.6 MB of targets per image to send
    for 640 bytes of information.

    Required keys: ``transformed_keypoints`` (1, K, 2), ``keypoints_visible`` (1, K), ``slot_presence`` (S,),
    ``input_size`` (w, h) and ``codec``. Added keys, float32: ``keypoint_labels`` (1, K, 2) in the input frame, NaN
    where a corner is not labelled; ``keypoint_weights`` (1, K) and ``keypoint_amplitudes`` (1, K), the height of the
    target's peak: 1 at a labelled corner, 0 where the slot is known to be empty.
    """

    _label_mapping_table = {key: key for key in ('keypoint_labels', 'keypoint_weights', 'keypoint_amplitudes')}

    def transform(self, results: dict) -> dict:
        keypoints, visible = results['transformed_keypoints'], results['keypoints_visible']
        weights, amplitudes = supervise(
            keypoints[0],
            visible[0],
            results['slot_presence'],
            results['input_size'],
            results['codec'].get('above', IGNORE),
        )
        results['keypoint_labels'] = np.where(visible[..., None] > 0, keypoints, np.nan).astype(np.float32)
        results['keypoint_weights'] = weights[None]
        results['keypoint_amplitudes'] = amplitudes[None]
        results['label_mapping_table'] = self._label_mapping_table
        return results
