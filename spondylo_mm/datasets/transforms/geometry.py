"""Where a pixel of the file lands in the network input: the only code that maps from one frame to the other.

Pixel centres are integers and the outermost centres map onto each other (UDP, Huang et al. 2020, doi
10.1109/CVPR42600.2020.00574), so that resizing commutes with flipping and every map below is exact and invertible.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS


def stretch_matrix(from_size: tuple[int, int], to_size: tuple[int, int]) -> np.ndarray:
    """The (3, 3) map of pixel coordinates that stretches a (w, h) frame onto another, corner pixel centre to corner
    pixel centre."""
    scale = (np.array(to_size, dtype=float) - 1) / np.maximum(np.array(from_size, dtype=float) - 1, 1)
    return np.diag([*scale, 1.0])


def letterbox_matrix(from_size: tuple[int, int], to_size: tuple[int, int]) -> np.ndarray:
    """The (3, 3) map of pixel coordinates that fits a (w, h) frame into another without distorting it, as large as
    possible and in the middle."""
    scale = np.diag(stretch_matrix(from_size, to_size))[:2].min()
    margin = (np.array(to_size) - 1 - scale * (np.array(from_size) - 1)) / 2
    return np.array([[scale, 0, margin[0]], [0, scale, margin[1]], [0, 0, 1]])


def apply_to_points(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Map points (..., 2) by a (3, 3) affine matrix."""
    return points @ matrix[:2, :2].T + matrix[:2, 2]


def warp(
    image: np.ndarray, matrix: np.ndarray, size: tuple[int, int], fitted: tuple[int, int] | None = None
) -> np.ndarray:
    """Resample ``image`` (H, W) so that a pixel at ``p`` lands at ``matrix @ p`` in the (w, h) output; outside is
    black.

    A plain warp skips pixels when it shrinks, which turns noise and endplates into aliases. So an image larger than
    what it covers of the output, ``fitted`` (w, h), by default all of it, is first averaged down, and the rest of the
    way is the warp's.
    """
    height, width = image.shape[:2]
    fitted = fitted or size
    reduced_size = min(width, fitted[0]), min(height, fitted[1])
    if reduced_size != (width, height):
        image = cv2.resize(image, reduced_size, interpolation=cv2.INTER_AREA)
        ratio_x, ratio_y = width / reduced_size[0], height / reduced_size[1]
        # area averaging aligns pixel edges, not centres: a centre p of the reduced image lies at (p + ½)·ratio − ½ of
        # the original
        to_original = np.array([[ratio_x, 0, (ratio_x - 1) / 2], [0, ratio_y, (ratio_y - 1) / 2], [0, 0, 1]])
        matrix = matrix @ to_original
    return cv2.warpAffine(image, matrix[:2], size, flags=cv2.INTER_LINEAR)


@TRANSFORMS.register_module()
class RandomSpineAffine(BaseTransform):
    """Draw a small rotation, scaling and shift of the input; :class:`StretchToInput` applies it in its one resampling.

    MMPose's ``RandomBBoxTransform`` acts on a box of fixed aspect ratio, which a stretched radiograph does not have.

    Added key: ``augmentation`` (3, 3), a map of the unit square onto itself and its surroundings. Required with
    ``along_spine``: ``img`` (H, W); ``keypoints`` (1, K, 2) in image pixels; ``keypoints_visible`` (1, K).

    Args:
        rotation: largest angle, in degrees of the square input.
        scale: range of the magnification.
        shift: largest shift along each axis, as a share of the input's side.
        along_spine: enlarge a part of the image around a labelled corner, any of them, instead of its middle.
    """

    def __init__(
        self,
        rotation: float = 12.0,
        scale: tuple[float, float] = (0.9, 1.1),
        shift: float = 0.05,
        along_spine: bool = False,
    ) -> None:
        self.rotation = rotation
        self.scale = scale
        self.shift = shift
        self.along_spine = along_spine

    def transform(self, results: dict) -> dict:
        angle = np.deg2rad(np.random.uniform(-self.rotation, self.rotation))
        scale = np.random.uniform(*self.scale)
        cos, sin = scale * np.cos(angle), scale * np.sin(angle)
        to_centre, back = np.eye(3), np.eye(3)
        to_centre[:2, 2] = -(self._centre_along_spine(results, scale) if self.along_spine else 0.5)
        back[:2, 2] = 0.5 + np.random.uniform(-self.shift, self.shift, size=2)
        results['augmentation'] = back @ np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]) @ to_centre
        return results

    @staticmethod
    def _centre_along_spine(results: dict, scale: float) -> np.ndarray:
        """Centre (2,) in the unit square of the part to enlarge: as near to a labelled corner as the part stays
        within the image; its middle where nothing is labelled, or where the image is not enlarged."""
        corners = results['keypoints'][0][results['keypoints_visible'][0] > 0]
        if not len(corners) or scale <= 1:
            return np.full(2, 0.5)
        corner = corners[np.random.randint(len(corners))]
        last = np.array(results['img'].shape[1::-1]) - 1
        return (corner / last).clip(0.5 / scale, 1 - 0.5 / scale)


class ResampleToInput(BaseTransform):
    """Bring the image, or a region of it, to the network input in one resampling; the subclass says how it fits in.

    Required keys: ``img`` (H, W); ``keypoints`` (1, K, 2) in image pixels; ``codec``, from the dataset; optional
    ``augmentation``, and ``region`` (left, top, right, bottom), centres of its outermost image pixels, by default the
    whole image.
    Modified: ``img``. Added: ``input_size`` (w, h); ``transformed_keypoints`` (1, K, 2) in the input frame; ``bbox``
        (1, 4) and ``bbox_score`` (1,), what is shown; ``input_center`` and ``input_scale`` (2,) such that MMPose's
        ``x / input_size * input_scale + input_center - input_scale / 2`` is the exact way back to image pixels (the
        augmentation not undone: it is for training only).
    """

    fit: Callable[[tuple[int, int], tuple[int, int]], np.ndarray]  # (w, h) of image and input to a (3, 3) map

    def transform(self, results: dict) -> dict:
        height, width = results['img'].shape[:2]
        input_size = results['input_size'] = tuple(results['codec']['input_size'])
        left, top, right, bottom = results.get('region', (0, 0, width - 1, height - 1))
        to_region = np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]])
        fit = self.fit((right - left + 1, bottom - top + 1), input_size) @ to_region
        to_input = fit
        if 'augmentation' in results:
            from_unit = stretch_matrix((2, 2), input_size)
            to_input = from_unit @ results['augmentation'] @ np.linalg.inv(from_unit) @ fit
        per_pixel = np.linalg.norm(to_input[:2, :2], axis=0)  # as enlarged by the augmentation, whose detail stays
        fitted = round(per_pixel[0] * (width - 1)) + 1, round(per_pixel[1] * (height - 1)) + 1
        results['img'] = warp(results['img'], to_input, input_size, fitted)
        results['img_shape'] = results['img'].shape[:2]
        results['transformed_keypoints'] = apply_to_points(to_input, results['keypoints'])
        results['bbox'] = np.array([[left, top, right + 1, bottom + 1]], dtype=np.float32)
        results['bbox_score'] = np.ones(1, dtype=np.float32)
        scale, margin = np.diag(fit)[:2], fit[:2, 2]
        results['input_scale'] = np.array(input_size) / scale
        results['input_center'] = results['input_scale'] / 2 - margin / scale
        return results


@TRANSFORMS.register_module()
class StretchToInput(ResampleToInput):
    """:class:`ResampleToInput` that stretches: training images come squashed to a square, blind ones do not."""

    fit = staticmethod(stretch_matrix)


@TRANSFORMS.register_module()
class LetterboxToInput(ResampleToInput):
    """:class:`ResampleToInput` that keeps the image's shape and leaves the rest of the input black.

    On the squashed training images both do the same; a blind image is then half as wide as the squashed ones were, and
    unlike anything the model was trained on.
    """

    fit = staticmethod(letterbox_matrix)
