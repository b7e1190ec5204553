"""The factor by which a model's own standard deviations are right: fitted on the validation split, kept in a file
beside the checkpoint, and used whenever that checkpoint predicts."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
from mmpose.structures import PoseDataSample

from ..atomic import write_json
from ..errors import InputError
from ..evaluation.functional.sd_calibration import matched_errors, sd_scale

_SCHEMA = 1
_SUFFIX = '.calibration.json'


def calibration_path(checkpoint: str | Path) -> Path:
    """Of ``best.pth``: ``best.calibration.json`` beside it."""
    return Path(checkpoint).with_suffix(_SUFFIX)


def fit_calibration(samples: list[PoseDataSample], split: str) -> dict:
    """Fit the factor of ``keypoint_spread`` to labelled samples that were predicted without one.

    Returns:
        ``sd_scale``, and from how many ``corners`` and ``images`` of which ``split`` it is.

    Raises:
        InputError: too few corners are labelled and shown.
    """
    errors, spreads, images = [np.zeros(0)], [np.zeros(0)], 0
    for sample in samples:
        predicted, true = sample.pred_instances, sample.gt_instances
        error, spread = matched_errors(
            predicted.keypoints[0],
            predicted.presence[0],
            predicted.keypoint_spread[0],
            np.asarray(true.keypoints)[0],
            np.asarray(true.keypoints_visible)[0],
            sample.ori_shape[::-1],
        )
        errors.append(error)
        spreads.append(spread)
        images += bool(error.size)
    corners = sum(map(len, errors))
    factor = sd_scale(np.concatenate(errors), np.concatenate(spreads))
    if math.isnan(factor):
        raise InputError(
            f'--calibrate: {corners} corners of split {split} are labelled and found, too few: give a split with more'
        )
    return dict(sd_scale=factor, corners=corners, images=images, split=split)


def write_calibration(checkpoint: str | Path, sha256: str, calibration: dict) -> Path:
    """Write what :func:`fit_calibration` returns, of the checkpoint with this SHA-256, beside it."""
    path = calibration_path(checkpoint)
    write_json(path, dict(schema=_SCHEMA, checkpoint_sha256=sha256, **calibration), indent=1)
    return path


def read_sd_scale(checkpoint: str | Path, sha256: str) -> float | None:
    """The factor of a checkpoint with this SHA-256; None where it was never calibrated.

    Raises:
        InputError: the file beside the checkpoint is of other weights, or none that was written here.
    """
    path = calibration_path(checkpoint)
    if not path.exists():
        return None
    remedy = 'fit it anew with tools/test.py --calibrate, or remove it'
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        factor, of = content['sd_scale'], content['checkpoint_sha256']
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise InputError(f'{path}: is not a calibration: {remedy}') from None
    if of != sha256:
        raise InputError(f'{path}: is of other weights than {Path(checkpoint).name}: {remedy}')
    if type(factor) not in (int, float) or not 0 < factor < math.inf:
        raise InputError(f'{path}: sd_scale {factor!r} is no positive number: {remedy}')
    return float(factor)
