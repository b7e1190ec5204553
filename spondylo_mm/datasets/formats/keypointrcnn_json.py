"""The JSON label of the Spondylolisthesis Vertebral Landmark Dataset: boxes and four corners per vertebra, in pixels.

``{"boxes": [[x1, y1, x2, y2], ...], "keypoints": [[[x, y, visible], ... 4], ...], "labels": [0, ...]}``
"""

from __future__ import annotations

import json

from ...errors import InputError
from .raw import BadVertebra, RawLabel, RawVertebra, check_points, finite_numbers


def parse(text: str, name: str, size: tuple[int, int]) -> RawLabel:
    """Read one label; entries that cannot be used are listed with their reason.

    Args:
        text: Content of the file.
        name: What to call the file in errors.
        size: Width and height of the image beside it.

    Raises:
        InputError: The file as a whole is not such a label.
    """
    try:
        content = json.loads(text, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise InputError(f'{name}: not valid JSON ({error}): the file may be truncated, copy it again') from error
    except _RepeatedKey as error:
        raise InputError(f'{name}: has {error} twice: which of the two is meant? Correct the file') from error
    if not isinstance(content, dict):
        raise InputError(
            f'{name}: a JSON {type(content).__name__}, not an object with "boxes" and "keypoints": '
            'give a label of this dataset'
        )
    keypoints, boxes = content.get('keypoints'), content.get('boxes')
    if not isinstance(keypoints, list):
        raise InputError(f'{name}: no list "keypoints": give a label of this dataset')
    if boxes is not None and (not isinstance(boxes, list) or len(boxes) != len(keypoints)):
        found = len(boxes) if isinstance(boxes, list) else type(boxes).__name__
        raise InputError(f'{name}: {found} boxes but {len(keypoints)} keypoint lists: correct the file')
    label = RawLabel()
    for index, points in enumerate(keypoints):
        try:
            box = None if boxes is None else finite_numbers(boxes[index], 4, 'box', '[x1, y1, x2, y2]')
            label.vertebrae.append(RawVertebra(index, check_points(points, size), box))
        except BadVertebra as error:
            label.bad.append((index, str(error)))
    return label


class _RepeatedKey(Exception):
    pass


def _object(pairs: list[tuple[str, object]]) -> dict:
    """A JSON object; Python would quietly keep the last of two values."""
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedKey(next(repr(name) for name in names if names.count(name) > 1))
    return content
