"""What an annotator writes about a radiograph: how many vertebrae, in which order of corners, with what boxes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..anatomy import BL, BR, NUM_SLOTS, TL, TR

TIGHT, LOOSE = 'tight', 'loose'
JSON, YOLO = 'json', 'yolo'

# Corner order on disk and visibility flag of the two kinds of label file in the dataset.
DISK_ORDER = {TIGHT: (BL, BR, TL, TR), LOOSE: (TL, BL, BR, TR)}
VISIBILITY = {TIGHT: 1, LOOSE: 2}
# How much larger than the corners' extent a loose box is in all, px of 640: 15-30 across; down the box heights are 1.02
# of the spacing against 0.79, which is 10-20 px.
_LOOSE_MORE_X, _LOOSE_MORE_Y, _LOOSE_SIZE = (15.0, 30.0), (10.0, 20.0), 640

# Images of the dataset by labelled vertebrae (the four with eleven are a quirk), and how likely none, one, two ...
# visible ones above were left out: from the free space above the topmost label, in spacings (1.8 where five are
# labelled, 0.8 at seven, 0.3 at nine).
LABELLED_IMAGES = {3: 21, 4: 35, 5: 72, 6: 197, 7: 204, 8: 115, 9: 37, 10: 13}
_UNLABELLED_ABOVE = {3: (0.0, 0.0, 0.6, 0.4), 4: (0.0, 0.4, 0.4, 0.2), 5: (0.1, 0.4, 0.5), 6: (0.15, 0.6, 0.25),
                     7: (0.45, 0.45, 0.1), 8: (0.65, 0.35), 9: (0.75, 0.25), 10: (1.0,)}  # yapf: disable
MOST_VISIBLE = NUM_SLOTS


@dataclass(frozen=True)
class Mark:
    """One vertebra as marked in an image.

    Attributes:
        level: Its name, None for what is no vertebra.
        corners: ``(4, 2)`` px, TL TR BL BR.
        is_boxed_exactly: Its box is the corners' extent even where the others' are loose.
    """

    level: str | None
    corners: np.ndarray
    is_boxed_exactly: bool = False


def sample_counts(rng: np.random.Generator, least_labelled: int = 0) -> tuple[int, int]:
    """How many vertebrae are labelled and how many are visible, counted from S1."""
    counts = [count for count in LABELLED_IMAGES if count >= least_labelled]
    share = np.array([LABELLED_IMAGES[count] for count in counts], float)
    labelled = int(rng.choice(counts, p=share / share.sum()))
    above = _UNLABELLED_ABOVE[labelled]
    return labelled, labelled + int(rng.choice(len(above), p=above))


def box_of(mark: Mark, kind: str, width: int, height: int, rng: np.random.Generator) -> list[int]:
    """x1, y1, x2, y2 in whole pixels, inside the image."""
    corners = np.round(mark.corners)
    low, high = corners.min(axis=0), corners.max(axis=0)
    if kind == LOOSE and not mark.is_boxed_exactly:
        more = np.array([rng.uniform(*_LOOSE_MORE_X) * width, rng.uniform(*_LOOSE_MORE_Y) * height]) / _LOOSE_SIZE
        share = rng.uniform(0.3, 0.7, 2)
        low, high = low - share * more, high + (1 - share) * more
    limit = [width - 1, height - 1]
    return [int(value) for value in np.round(np.concatenate([np.clip(low, 0, limit), np.clip(high, 0, limit)]))]


def label_json(marks: list[Mark], kind: str, width: int, height: int, rng: np.random.Generator) -> dict:
    """The content of a label file, in the order of ``marks``."""
    order, visible = list(DISK_ORDER[kind]), VISIBILITY[kind]
    return {
        'boxes': [box_of(mark, kind, width, height, rng) for mark in marks],
        'keypoints': [[[int(x), int(y), visible] for x, y in np.round(mark.corners[order])] for mark in marks],
        'labels': [0] * len(marks),
    }


def label_yolo(content: dict, width: int, height: int) -> str:
    """The same label as YOLO-pose text: ``class cx cy w h x1 y1 v1 ...``, normalised, one vertebra a line."""
    lines = []
    for (x1, y1, x2, y2), points in zip(content['boxes'], content['keypoints'], strict=True):
        values = [(x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height]
        fields = ['0', *(f'{value:.10g}' for value in values)]
        for x, y, visible in points:
            fields += [f'{x / width:.10g}', f'{y / height:.10g}', str(visible)]
        lines.append(' '.join(fields))
    return '\n'.join(lines) + '\n'
