"""Where slots are counted from: the sacrum upwards or, as the published baselines do, the topmost label downwards.

An annotation file is written caudally and can be read either way, so that the two are compared on one file. Counted
from the top a slot is no level: which vertebra is in it depends on where the annotator began. Nothing made with that
numbering may name levels.
"""

from __future__ import annotations

import numpy as np

from ..anatomy import EMPTY, LEVELS, NUM_SLOTS

CAUDAL, CRANIAL = 'caudal', 'cranial'
ANCHORS = (CAUDAL, CRANIAL)


def cranial_shift(topmost: int) -> int:
    """By how many slots every vertebra moves when the topmost labelled one, now in slot ``topmost``, gets the last."""
    return NUM_SLOTS - 1 - int(topmost)


def counted_from_the_top(annotation: dict) -> dict:
    """A caudally numbered annotation of a COCO file (``formats.coco``), numbered from the topmost labelled vertebra.

    A level without a label keeps its place between its neighbours. What was known above the topmost is lost; below the
    lowest known slot there is none. An annotation without a labelled corner is returned as it is.
    """
    slots = np.array(annotation['keypoints']).reshape(NUM_SLOTS, -1, 3)
    labelled = np.flatnonzero(slots[..., 2].any(axis=1))
    if not labelled.size:
        return annotation
    shift = cranial_shift(labelled[-1])
    moved = annotation | dict(keypoints=np.roll(slots, shift, axis=0).reshape(-1).tolist(), levels_known=False)
    if 'presence' in annotation:
        moved['presence'] = [EMPTY] * shift + annotation['presence'][: NUM_SLOTS - shift]
    if annotation.get('listed'):
        moved['listed'] = [slot + shift for slot in annotation['listed']]
    return moved


def level_names(anchor: str) -> tuple[str | None, ...]:
    """The level of each slot, None where a slot is no level."""
    return LEVELS if anchor == CAUDAL else (None,) * NUM_SLOTS


def slot_names(anchor: str) -> tuple[str, ...]:
    """What to call each slot in tables and pictures: its level, or its number where it is no level."""
    return tuple(level or f'slot {slot}' for slot, level in enumerate(level_names(anchor)))
