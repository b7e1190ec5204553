"""What an annotator writes about a radiograph: how many vertebrae, how exactly, in which order, with what boxes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..anatomy import BL, BR, NUM_CORNERS, NUM_SLOTS, TL, TR
from .step_statistics import FULL, LABELLED_IMAGES, LOOSE, TIGHT, UNLABELLED_ABOVE

JSON, YOLO = 'json', 'yolo'

# Corner order on disk and visibility flag of the two kinds of label file in the dataset.
DISK_ORDER = {TIGHT: (BL, BR, TL, TR), LOOSE: (TL, BL, BR, TR)}
VISIBILITY = {TIGHT: 1, LOOSE: 2}
# How much larger than the corners' extent a loose box is in all, mm across and down the film: as generous as its
# annotator is (a factor, once per image), and then not quite the same for each vertebra. In mm, so that the squash
# makes it more pixels across than down: 15 to 30 across in most images; the heights are 1.02 of the spacing, not 0.79.
_LOOSE_MORE_MM, _GENEROSITY, _LOOSE_VARIES = (10.5, 8.2), ((0.5, 1.5), (0.85, 1.15)), 0.25

# How far a marked corner lies from the true one, sd in mm along each axis: careful readers of lateral films agree
# within about 1 mm; S1's lower edge is a remnant of a disc, and over the thoracic bodies lie ribs and diaphragm.
_MARK_SD = {'lumbar': 0.6, 'thoracic': 0.75, 'sacral endplate': 0.9, 'sacral lower edge': 2.0}
# The two groups of annotators see different lower edges of S1. Those of the loose labels mark it lower, by a share of
# its height that differs from image to image (mean and sd), and longer, by a share of its endplate at either end.
_SACRUM_DOWN, _SACRUM_LONGER = {TIGHT: (0.0, 0.0), LOOSE: (0.08, 0.15)}, {TIGHT: 0.0, LOOSE: 0.15}

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


def sample_counts(
    rng: np.random.Generator, film: str = FULL, kind: str | None = TIGHT, least_labelled: int = 0
) -> tuple[int, int]:
    """How many vertebrae are labelled and how many are visible, counted from the lowest.

    Args:
        rng: Source of randomness.
        film: ``'full'`` or ``'close-up'``.
        kind: Of the label; full films of the two kinds were labelled by different habits. None counts as tight.
        least_labelled: Draw no fewer.
    """
    key = (film, kind or TIGHT) if film == FULL else (film, None)
    images = {count: number for count, number in LABELLED_IMAGES[key].items() if count >= least_labelled}
    labelled = int(rng.choice(list(images), p=np.array(list(images.values())) / sum(images.values())))
    above = UNLABELLED_ABOVE[key].get(labelled, (1.0,))
    return labelled, min(labelled + int(rng.choice(len(above), p=above)), MOST_VISIBLE)


def mark_corners(
    levels: tuple[str, ...],
    corners: np.ndarray,
    labelled: int,
    kind: str,
    spacing: tuple[float, float],
    rng: np.random.Generator,
) -> list[Mark]:
    """Mark the ``labelled`` lowest vertebrae, top to bottom, near their true corners ``(V, 4, 2)`` px.

    ``spacing`` is in mm per pixel in x and y: a squashed image makes errors across the spine larger in pixels.
    """
    marked = corners[:labelled].copy()
    downwards = marked[0, [BL, BR]].mean(axis=0) - marked[0, [TL, TR]].mean(axis=0)
    across = marked[0, TR] - marked[0, TL]
    downwards = rng.normal(*_SACRUM_DOWN[kind]) * downwards
    marked[0, BL] += downwards - _SACRUM_LONGER[kind] * across
    marked[0, BR] += downwards + _SACRUM_LONGER[kind] * across
    sd = np.array([_mark_sd(index, level) for index, level in enumerate(levels[:labelled])])
    marked += rng.normal(0, 1, marked.shape) * sd[..., None] / np.array(spacing)
    return [Mark(levels[index], marked[index]) for index in reversed(range(labelled))]


def _mark_sd(index: int, level: str) -> list[float]:
    """Of the corners TL, TR, BL, BR in mm."""
    if index == 0:
        return [_MARK_SD['sacral endplate']] * 2 + [_MARK_SD['sacral lower edge']] * 2
    return [_MARK_SD['thoracic' if level.startswith('T') else 'lumbar']] * NUM_CORNERS


def box_of(
    mark: Mark, width: int, height: int, more: np.ndarray | None = None, rng: np.random.Generator | None = None
) -> list[int]:
    """x1, y1, x2, y2 in whole pixels, inside the image; about ``more`` ``(2,)`` px larger than the corners' extent."""
    limit = np.array([width - 1, height - 1])
    corners = np.clip(np.round(mark.corners), 0, limit)
    low, high = corners.min(axis=0), corners.max(axis=0)
    if more is not None and not mark.is_boxed_exactly:
        more = more * np.clip(rng.normal(1, _LOOSE_VARIES, 2), 0.3, 1.7)
        share = rng.uniform(0.4, 0.6, 2)
        low, high = low - share * more, high + (1 - share) * more
    return [int(value) for value in np.round(np.concatenate([np.clip(low, 0, limit), np.clip(high, 0, limit)]))]


def label_json(
    marks: list[Mark], kind: str, width: int, height: int, spacing: tuple[float, float], rng: np.random.Generator
) -> dict:
    """The content of a label file, in the order of ``marks``; ``spacing`` in mm per pixel."""
    order, visible = list(DISK_ORDER[kind]), VISIBILITY[kind]
    more = rng.uniform(*np.transpose(_GENEROSITY)) * _LOOSE_MORE_MM / spacing if kind == LOOSE else None
    limit = [width - 1, height - 1]
    points = [np.clip(np.round(mark.corners[order]), 0, limit) for mark in marks]
    return {
        'boxes': [box_of(mark, width, height, more, rng) for mark in marks],
        'keypoints': [[[int(x), int(y), visible] for x, y in each] for each in points],
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
