"""What a label file says before anything is made of it: four points per vertebra in the file's own order."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...anatomy import NUM_CORNERS
from .canonical import around, polygon_area

# How far outside the image a corner may lie, as a share of the image side: annotators click a little past the edge.
# What is further out belongs to another image (none of the 4,600 published boxes is past the edge at all).
_OUTSIDE_TOLERANCE = 0.02

# The smallest area, in px², of four points that still says which corner is which: labels are rounded to whole pixels.
MIN_AREA = 4.0


@dataclass(frozen=True)
class RawVertebra:
    """One entry of a label file.

    Attributes:
        index: Position in the file, from 0.
        points: ``(4, 2)`` x, y in image pixels, in the file's order.
        box: ``(4,)`` left, top, right, bottom in image pixels, where the file has a usable one.
    """

    index: int
    points: np.ndarray
    box: np.ndarray | None = None


@dataclass
class RawLabel:
    """The usable entries of one label file, and for every other entry its index and what is wrong with it."""

    vertebrae: list[RawVertebra] = field(default_factory=list)
    bad: list[tuple[int, str]] = field(default_factory=list)


class BadVertebra(ValueError):
    """One entry cannot be used; the message says why."""


def check_points(points: object, size: tuple[int, int]) -> np.ndarray:
    """The points of one entry as ``(4, 2)`` float64, if they can be the corners of a vertebra in this image.

    Args:
        points: Four ``[x, y, visible]`` in image pixels; ``visible`` 0 means that the corner is not labelled.
        size: Image width and height.

    Raises:
        BadVertebra: Not four labelled, finite corners inside the image that enclose an area.
    """
    if not isinstance(points, list) or len(points) != NUM_CORNERS:
        found = f'{len(points)} corners' if isinstance(points, list) else f'{short(points)} for corners'
        raise BadVertebra(f'{found}, not {NUM_CORNERS}')
    values = np.array([finite_numbers(point, 3, 'corner', '[x, y, visible]') for point in points])
    if (values[:, 2] <= 0).any():
        raise BadVertebra('a corner is marked as not labelled')
    corners = values[:, :2]
    check_inside(corners, size)
    area = polygon_area(around(corners))
    if area < MIN_AREA:
        raise BadVertebra(f'the corners enclose {area:g} square pixels')
    return corners


def check_inside(corners: np.ndarray, size: tuple[int, int]) -> None:
    """
    Args:
        corners: ``(n, 2)`` in image pixels.
        size: Image width and height.

    Raises:
        BadVertebra: A corner is further outside the image than annotators click.
    """
    margin = _OUTSIDE_TOLERANCE * np.array(size)
    outside = ((corners < -margin) | (corners > np.array(size) - 1 + margin)).any(axis=1)
    if outside.any():
        x, y = corners[outside][0]
        raise BadVertebra(f'corner ({x:g}, {y:g}) is outside the {size[0]}x{size[1]} image')


def finite_numbers(values: object, count: int, what: str, form: str) -> np.ndarray:
    """``values`` as ``(count,)`` float64.

    Raises:
        BadVertebra: ``values`` is not a list of ``count`` finite numbers; ``what`` and ``form`` say what it should be.
    """
    numeric = isinstance(values, list) and all(type(value) in (int, float) for value in values)
    if not numeric or len(values) != count:
        raise BadVertebra(f'{what} {short(values)} is not {form}')
    try:
        array = np.array(values, dtype=np.float64)
    except OverflowError:
        array = np.array([np.inf])
    if not np.isfinite(array).all():
        raise BadVertebra(f'{what} {short(values)} is not finite')
    return array


def parse_numbers(words: list[str]) -> np.ndarray:
    """Numbers as they stand in a text file, ``(n,)`` float64, not necessarily finite.

    Raises:
        BadVertebra: a word is no number.
    """
    values = []
    for word in words:
        try:
            values.append(float(word.replace('_', 'x')))  # Python reads 1_0 as 10, as nobody means it
        except ValueError:
            raise BadVertebra(f'{short(word)} is not a number') from None
    return np.array(values)


def short(value: object, length: int = 40) -> str:
    text = repr(value)
    return text if len(text) <= length else text[: length - 1] + '…'
