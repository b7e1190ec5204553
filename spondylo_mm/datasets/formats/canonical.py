"""Which of four points is which corner, from geometry alone: no order on disk is trusted.

Symbols:

- ``N``: number of vertebrae of one radiograph, most caudal first
- role: index into ``CORNERS`` (TL, TR, BL, BR in the image)

All functions are unaffected by the order of the four points. Directions are compared as angles, so pass coordinates
whose aspect has been restored (``spine.restoring_scale``): in the published 640 x 640 images x is stretched by up to
2.2.
"""

from __future__ import annotations

import numpy as np

from ...anatomy import BL, BR, CORNERS, TL, TR

_CLOCKWISE = (TL, TR, BR, BL)  # roles in the order in which they follow one another around a vertebra in the image
_UP = np.array([0.0, -1.0])

# From a centre up to the inferior endplate of the next vertebra, along that one's axis and in its height: half a body
# and a disc, at most 1.1 in spines drawn from the statistics of docs/dataset.md. With a level missing between them it
# is 1.2 more, less where the two are turned against each other.
_ROOM_FOR_ANOTHER = 1.1


def around(points: np.ndarray) -> np.ndarray:
    """The four points clockwise as seen in the image (y down), starting anywhere.

    Args:
        points: ``(4, 2)``.
    """
    offsets = points - points.mean(axis=0)
    return points[np.argsort(np.arctan2(offsets[:, 1], offsets[:, 0]), kind='stable')]


def polygon_area(polygon: np.ndarray) -> float:
    """Area enclosed by ``(P, 2)`` points in order, positive if they run clockwise in the image."""
    x, y = polygon[:, 0], polygon[:, 1]
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def corner_roles(points: np.ndarray) -> np.ndarray:
    """For every vertebra, the indices of its four points in the order TL, TR, BL, BR.

    The superior endplate is the edge that faces cranially. Two things together tell where that is: the direction of the
    inferior endplate of the vertebra above, and the axis of that vertebra. A sacrum tilted by 60 degrees is turned
    against the axis of L5 by some 40, and an L5 slipped right off it lies some 50 to the other side of the sacrum's own
    axis; the bisector stays well within 45 degrees of it in both cases, which either alone does not. Across a missing
    level only the direction counts. Above the topmost vertebra the image's upward direction takes the part of the axis.

    Left and right follow from the way round, which for every endplate tilted by less than 90 degrees is the image's
    own.

    Args:
        points: ``(N, 4, 2)`` in body heights, most caudal vertebra first, the four points of each in any order.

    Returns:
        ``(N, 4)`` int: ``points[i][roles[i]]`` is TL, TR, BL, BR.
    """
    roles = np.empty(points.shape[:2], dtype=int)
    centres = points.mean(axis=1)
    axis = _UP
    towards = _unit(centres[-1] - centres[-2]) if len(points) > 1 else _UP
    for i in reversed(range(len(points))):
        is_next = towards @ axis < _ROOM_FOR_ANOTHER * (axis @ axis)
        roles[i] = _roles(points[i], _unit(towards) + _unit(axis) if is_next else towards)
        corners = points[i][roles[i]]
        superior, inferior = corners[[TL, TR]].mean(axis=0), corners[[BL, BR]].mean(axis=0)
        axis, towards = superior - inferior, inferior - centres[i - 1]
    return roles


def order_name(roles: np.ndarray) -> str:
    """The order on disk that ``(4,)`` roles were found in, such as ``'BL,BR,TL,TR'``."""
    return ','.join(CORNERS[role] for role in np.argsort(roles))


def _roles(points: np.ndarray, cranial: np.ndarray) -> np.ndarray:
    """Roles of ``(4, 2)`` points whose superior endplate faces the direction ``cranial``."""
    centre = points.mean(axis=0)
    ring = np.argsort(np.arctan2(*(points - centre).T[::-1]), kind='stable')
    midpoints = (points[ring] + points[np.roll(ring, -1)]) / 2 - centre  # of the edge from each point to the next
    facing = midpoints @ cranial / np.maximum(np.linalg.norm(midpoints, axis=1), 1e-9)
    roles = np.empty(len(ring), dtype=int)
    roles[list(_CLOCKWISE)] = np.roll(ring, -int(facing.argmax()))
    return roles


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)
