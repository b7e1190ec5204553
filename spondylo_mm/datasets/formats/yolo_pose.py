"""The YOLO-pose text twin of the JSON label: one vertebra a line, everything normalised to the image.

``class cx cy w h x1 y1 v1 x2 y2 v2 x3 y3 v3 x4 y4 v4``
"""

from __future__ import annotations

import numpy as np

from .raw import BadVertebra, RawLabel, RawVertebra, check_points, parse_numbers

_BOX = slice(1, 5)
_POINTS = slice(5, None)
_LARGEST = 1e6  # of a class or of a share of the image; only to keep what follows finite
_NUMBERS = 17  # a class, a box of four, four corners of three


def parse(text: str, name: str, size: tuple[int, int]) -> RawLabel:
    """Read one label; lines that cannot be used are listed with their reason. Blank lines do not count.

    Args:
        text: Content of the file.
        name: What to call the file in errors; unused, as any text can be read line by line.
        size: Width and height of the image beside it.
    """
    label = RawLabel()
    lines = [line for line in text.splitlines() if line.strip()]
    for index, line in enumerate(lines):
        try:
            label.vertebrae.append(_vertebra(index, line, size))
        except BadVertebra as error:
            label.bad.append((index, str(error)))
    return label


def _vertebra(index: int, line: str, size: tuple[int, int]) -> RawVertebra:
    words = line.split()
    if len(words) != _NUMBERS:
        raise BadVertebra(f'{len(words)} numbers in the line, not {_NUMBERS} (class, box, four corners)')
    values = parse_numbers(words)
    if not (abs(values) < _LARGEST).all():
        raise BadVertebra('a number is not finite, or far from what is normalised to the image')
    points = values[_POINTS].reshape(4, 3) * [*size, 1]
    centre, extent = values[_BOX].reshape(2, 2) * size
    return RawVertebra(
        index, check_points(points.tolist(), size), np.concatenate([centre - extent / 2, centre + extent / 2])
    )
