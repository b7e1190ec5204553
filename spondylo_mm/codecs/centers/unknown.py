"""Where an annotation leaves open what there is: no map may be taught there that it is empty.

A detector learns background from every pixel without a label, and annotators stop labelling where they like. So the
spine beyond the labelled run is left out of the loss, and so is the place of whatever is not labelled within it:

| what is unknown                        | where                                        | in which maps               |
|----------------------------------------|----------------------------------------------|-----------------------------|
| slots above the topmost labelled one   | a wedge upwards from its superior endplate   | all but the sacrum's anchor |
| slots below the lowest labelled one    | a wedge downwards from its inferior endplate | all                         |
| a slot between, corners of a vertebra  | a box around where it must be                | the missing corners' types  |

and in the box also both anchors', where the missing corners leave the anchor unknown.

Lengths are in endplates and heights of the nearest whole vertebra, so that squashed images are treated as others are.
An image without a whole vertebra teaches no background at all. What is labelled and lies outside the frame is known.
"""

from __future__ import annotations

import numpy as np

from ...anatomy import BL, BR, NUM_SLOTS, TL, TR
from .layout import ANCHOR_CORNERS, NUM_HEATMAPS, NUM_KINDS, SACRUM, kinds_of_slots

_ENDS_INSIDE = 0.25  # a wedge begins this share of a body inside it: the neighbour's corner is a disc away, and wide
_HALF_WIDTH = 1.0  # of a wedge at its beginning, in endplates; it then opens by one endplate per height
_BOX = 1.2  # half the size of a box: a body and the space around it


def unknown_pixels(
    corners: np.ndarray, is_known: np.ndarray, empty: np.ndarray, heatmap_size: tuple[int, int]
) -> np.ndarray:
    """The pixels of each map that an image says nothing about.

    Args:
        corners: (S, 4, 2) heatmap pixels, anything where not known.
        is_known: (S, 4) bool, corners that are labelled, in the frame or clearly out of it.
        empty: (S,) bool, slots known to hold nothing.
        heatmap_size: [W, H]

    Returns:
        (6, H, W) bool. Pixels near a labelled point are not excepted.
    """
    width, height = heatmap_size
    unknown = np.zeros((NUM_HEATMAPS, height, width), dtype=bool)
    whole = np.flatnonzero(is_known.all(axis=1))
    if not whole.size:
        unknown[:] = not empty.all()
        return unknown
    labelled = np.flatnonzero(is_known.any(axis=1))
    lowest, topmost = labelled[0], labelled[-1]
    pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1)

    def local(slot: int, point: np.ndarray, upwards: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates (H, W) along and across, from a point, in the frame of the whole vertebra nearest to a slot."""
        tl, tr, bl, br = corners[whole[np.abs(whole - slot).argmin()]]
        frame = np.stack([upwards * (tl + tr - bl - br) / 2, (tr + br - tl - bl) / 2], axis=1)
        if abs(np.linalg.det(frame)) < 1e-6:  # a label without area
            frame = np.eye(2)[::-1]
        return np.moveaxis((pixels - point) @ np.linalg.inv(frame).T, -1, 0)

    if topmost + 1 == NUM_SLOTS or not empty[topmost + 1]:
        wedge = _wedge(*local(topmost, _end(corners[topmost], is_known[topmost], (TL, TR))))
        unknown |= wedge & (np.arange(NUM_HEATMAPS) != SACRUM)[:, None, None]
    if lowest > 0 and not empty[lowest - 1]:
        unknown |= _wedge(*local(lowest, _end(corners[lowest], is_known[lowest], (BL, BR)), upwards=-1.0))

    centres = np.array([corners[slot][is_known[slot]].mean(axis=0) for slot in labelled])
    kinds = kinds_of_slots(NUM_SLOTS)
    for slot in np.flatnonzero(~is_known.all(axis=1) & ~empty):
        if lowest <= slot <= topmost:
            centre = [np.interp(slot, labelled, centres[:, axis]) for axis in range(2)]
            along, across = local(slot, np.array(centre))
            maps = np.concatenate([np.zeros(NUM_KINDS, dtype=bool), ~is_known[slot]])
            maps[:NUM_KINDS] = (ANCHOR_CORNERS[kinds[slot]] & ~is_known[slot]).any()
            unknown |= ((np.abs(along) < _BOX) & (np.abs(across) < _BOX)) & maps[:, None, None]
    return unknown


def _end(corners: np.ndarray, is_known: np.ndarray, end: tuple[int, int]) -> np.ndarray:
    """Middle of an endplate, as far as it is labelled; else of what is."""
    known = np.isin(np.arange(len(corners)), end) & is_known
    return corners[known if known.any() else is_known].mean(axis=0)


def _wedge(along: np.ndarray, across: np.ndarray) -> np.ndarray:
    return (along > -_ENDS_INSIDE) & (np.abs(across) < _HALF_WIDTH + along.clip(min=0))
