"""Pairing predicted vertebrae with true ones by where they are, whatever they are called.

``S`` is the number of slots. Two pairings, for two questions:

- ``match_by_corners``: how good are the corners, levels aside? Every true vertebra gets one of the S predicted quads.
- ``detect``: which vertebrae were found? Only those judged present take part, and a pair must be close.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from ...anatomy import BL, BR, TL, TR

# A pair counts when the centres are no further apart than this share of the true vertebra's height. Centres of
# neighbours are 1.1 to 1.3 heights apart, so that half a height belongs to one vertebra only.
MAX_CENTRE_DISTANCE = 0.5


def match_by_corners(distances: np.ndarray) -> np.ndarray:
    """Give each true vertebra one predicted quad so that the sum of corner distances is least.

    Every slot's best peaks may be used, whatever their score, each once. Strict scoring (slot s for slot s) is one of
    the pairings to choose from and runs over the same corners, so the matched mean never exceeds the strict one: the
    difference is the error of the labelling alone. (It is a lower bound: a leftover peak may lie near by chance.)

    Args:
        distances: (S, S, 4) from each predicted quad's corners (first axis) to each true vertebra's (second axis);
            NaN where the true corner is not labelled, finite elsewhere.

    Returns:
        (S,) the predicted slot given to each true slot, -1 where the true slot has no labelled corner.
    """
    labelled = np.flatnonzero(np.isfinite(distances).any(axis=(0, 2)))
    matched = np.full(distances.shape[1], -1)
    predicted, true = linear_sum_assignment(np.nansum(distances[:, labelled], axis=2))
    matched[labelled[true]] = predicted
    return matched


@dataclass
class Detection:
    """What was found in one image.

    Attributes:
        true: (S,) bool, slots with a true vertebra, see ``detect``.
        found: (S,) bool, true vertebrae that a predicted one is paired with.
        identified: (S,) bool, true vertebrae found in their own slot.
        false_positives: number of predicted vertebrae that are certainly not there.
        count_known: whether the number of vertebrae could be compared at all.
        count_correct: whether it is right.
    """

    true: np.ndarray
    found: np.ndarray
    identified: np.ndarray
    false_positives: int
    count_known: bool
    count_correct: bool


def detect(predicted: np.ndarray, present: np.ndarray, true: np.ndarray, slot_presence: np.ndarray) -> Detection:
    """Pair the vertebrae judged present with the true ones, one to one.

    The rules, in full:

    - *True vertebrae* are the slots whose superior endplate is labelled: all of a vertebra's corners, as a rule, and of
      the sacrum sometimes no more than that.
    - A *pair* may form when the centres are within ``MAX_CENTRE_DISTANCE`` of the true vertebra's height. The centre is
      the mean of the corners that are labelled, of both; the height the mean length of the left and right walls, or,
      where neither is labelled, the median height of the image's other vertebrae. There are as many pairs as possible;
      among such pairings the one with most vertebrae in their own slot, then the one with the least distances.
    - A true vertebra in a pair is *found* (recall), and *identified* if the slots are the same. So a prediction that is
      off by one level is found and not identified.
    - A predicted vertebra in no pair is a *false positive* if its slot is known (labelled or known to be empty), or if
      it lies within reach of a true vertebra, which another one has already: a double is wrong in any slot.
    - Otherwise, in an unknown slot, it is *neither right nor wrong*: it may be a vertebra that nobody labelled.
    - The *count* is right if as many vertebrae are predicted in the known slots as there are true ones; unknown slots
      are counted on neither side. It is not known where no slot is.

    Args:
        predicted: (S, 4, 2) corners, image pixels; one that is not finite leaves its vertebra in no pair.
        present: (S,) bool, vertebrae judged present.
        true: (S, 4, 2) corners, NaN where not labelled.
        slot_presence: (S,) 1 labelled, 0 known to be empty, -1 unknown. A vertebra labelled without its superior
            endplate must be unknown.
    """
    present = np.asarray(present, dtype=bool)
    is_true = has_superior_endplate(true)
    known = np.asarray(slot_presence) >= 0
    rows, columns = np.flatnonzero(present), np.flatnonzero(is_true)

    labelled = np.isfinite(true[columns]).all(axis=-1)[..., None]
    offset = predicted[rows, None] - true[None, columns]
    offset = np.where(labelled, offset, 0).sum(axis=2) / labelled.sum(axis=1)
    reach = MAX_CENTRE_DISTANCE * _heights(true)[columns]
    with np.errstate(invalid='ignore'):
        distance = np.linalg.norm(offset, axis=-1)
        near = (distance <= reach) & (reach > 0)

    # Costs in three ranks that cannot outweigh one another over at most S pairs: no pair, another slot, distance <= 1.
    no_pair, other_slot = 1e6, 1e3
    cost = np.where(rows[:, None] == columns[None], 0.0, other_slot)
    cost = np.where(near, cost + distance / np.where(near, reach, 1.0), no_pair)
    pairs = [(r, c) for r, c in zip(*linear_sum_assignment(cost), strict=True) if near[r, c]]

    found, identified = np.zeros_like(is_true), np.zeros_like(is_true)
    unpaired = np.ones(len(rows), dtype=bool)
    for r, c in pairs:
        found[columns[c]] = True
        identified[columns[c]] = rows[r] == columns[c]
        unpaired[r] = False
    false_positives = unpaired & (known[rows] | near.any(axis=1))
    return Detection(
        true=is_true,
        found=found,
        identified=identified,
        false_positives=int(false_positives.sum()),
        count_known=bool(known.any()),
        count_correct=bool((present & known).sum() == is_true.sum()),
    )


def has_superior_endplate(corners: np.ndarray) -> np.ndarray:
    """(S,) bool, of which vertebrae (S, 4, 2) both ends of the superior endplate are labelled, that is, finite."""
    return np.isfinite(corners[:, [TL, TR]]).all(axis=(1, 2))


def _heights(true: np.ndarray) -> np.ndarray:
    """(S,) heights of the vertebrae (S, 4, 2); that of a vertebra without a labelled wall is the median of the others,
    NaN where there are none."""
    walls = np.linalg.norm(true[:, [TL, TR]] - true[:, [BL, BR]], axis=-1)  # (S, 2)
    labelled = np.isfinite(walls)
    heights = np.where(labelled, walls, 0).sum(axis=1) / np.maximum(labelled.sum(axis=1), 1)
    has_wall = labelled.any(axis=1)
    usual = np.median(heights[has_wall]) if has_wall.any() else np.nan
    return np.where(has_wall, heights, usual)
