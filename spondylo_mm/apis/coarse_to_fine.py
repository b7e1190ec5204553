"""Coarse to fine: the whole radiograph says where the spine is, a second pass on that part alone where its corners are,
and a closeup of each vertebra where they are to a fraction of a pixel.

The first pass decides what the vertebrae are called, for it has seen all there is to see. The second sees each vertebra
larger, and moves its corners; and of those at the ends of the spine, where a slipped body or a faint one is most easily
mistaken, it may say with more certainty where they are, or that they are there at all. A closeup moves the corners of
the one vertebra in its middle, those of which it is surer.
"""

from __future__ import annotations

import numpy as np
from mmpose.structures import PoseDataSample

from ..anatomy import NUM_SLOTS
from ..codecs.presence import PRESENCE_THRESHOLD

# The second pass enlarges no further than training did (configs: RandomSpineAffine's scale), and not at all where there
# is little to gain.
MOST_ENLARGED, LEAST_ENLARGED = 1.5, 1.1
MARGIN = 1.5  # around the spine, in median heights of its vertebrae: their surroundings, and what is half outside
CLOSEUP_HEIGHT = 5.0  # in median heights: a vertebra, and one and a half on either side of it
CLOSEUP_MOST_ENLARGED = 2.75
# Two vertebrae are the same if their centres are nearer than this share of their height; the next one is 1.3 away.
_SAME = 0.5
_OF_CORNERS = ('keypoints', 'keypoint_scores', 'keypoint_spread')  # what a vertebra's corners have
# So many vertebrae in the same places, all counted alike, tell where each of the others belongs.
_LEAST_IN_STEP = 3


def spine_region(sample: PoseDataSample) -> np.ndarray | None:
    """The part of the image to look at again, of the image's own shape: (4,) left, top, right, bottom in image pixels.
    None where no vertebra was found, or the spine fills the image."""
    vertebrae = _vertebrae(sample)[_is_present(sample)]
    if not len(vertebrae):
        return None
    last = _last_pixel(sample)
    margin = MARGIN * np.median(_heights(vertebrae))
    low = vertebrae.min(axis=(0, 1)) - margin
    high = vertebrae.max(axis=(0, 1)) + margin
    share = max(((high - low) / last).max(), 1 / MOST_ENLARGED)
    return _region((low + high) / 2, share, last) if share <= 1 / LEAST_ENLARGED else None


def closeup_regions(sample: PoseDataSample) -> dict[int, np.ndarray]:
    """The part of the image to look at again for each vertebra that was found, by slot; as :func:`spine_region`.
    Nothing where they fill the image."""
    present = np.flatnonzero(_is_present(sample))
    if not len(present):
        return {}
    vertebrae, last = _vertebrae(sample), _last_pixel(sample)
    share = max(CLOSEUP_HEIGHT * np.median(_heights(vertebrae[present])) / last[1], 1 / CLOSEUP_MOST_ENLARGED)
    if share > 1 / LEAST_ENLARGED:
        return {}
    return {int(slot): _region(vertebrae[slot].mean(axis=0), share, last) for slot in present}


def _region(middle: np.ndarray, share: float, last: np.ndarray) -> np.ndarray:
    """The part of an image around a place, as far as it is inside."""
    extent = share * last
    start = (middle - extent / 2).clip(0, last - extent)
    return np.concatenate([start, start + extent])


def _last_pixel(sample: PoseDataSample) -> np.ndarray:
    height, width = sample.ori_shape
    return np.array([width, height]) - 1.0


def refine(sample: PoseDataSample, closer: PoseDataSample) -> None:
    """Move the vertebrae of a sample that were found again by a closer look to where it found them, and take over those
    beyond them, below or above, of which it is surer.

    Args:
        sample: of the first pass; of its ``keypoints``, ``keypoint_scores`` and ``keypoint_spread`` those of the
            vertebrae in question are replaced by the other's; so is, of those taken over, ``presence``, and with the
            lowest ``sacrum_seen``.
        closer: of the second, in pixels of the same image.
    """
    found, again = _found_again(sample, closer)
    ends = _surer_ends(sample, closer, found, again)
    _take(_OF_CORNERS, sample, closer, found, again)
    _take((*_OF_CORNERS, 'presence'), sample, closer, *ends)
    if 0 in ends[0] and 'sacrum_seen' in closer.pred_instances:
        sample.pred_instances.sacrum_seen = closer.pred_instances.sacrum_seen


def refine_one(sample: PoseDataSample, slot: int, closeup: PoseDataSample) -> None:
    """Move the vertebra in one slot of a sample to where a closeup found it again, if it did: each corner of which the
    closeup is surer, for those of a long sacrum may lie outside of it. Arguments as of :func:`refine`."""
    found, again = _found_again(sample, closeup)
    for theirs in again[found == slot]:
        before, now = (_by_slot(look.pred_instances.keypoint_spread) for look in (sample, closeup))
        surer = now[theirs] < before[slot]
        _take(_OF_CORNERS, sample, closeup, (slot, surer), (theirs, surer))


def _found_again(sample: PoseDataSample, closer: PoseDataSample) -> tuple[np.ndarray, np.ndarray]:
    """Slots (V,) of the vertebrae that both looks found, in the sample and in the closer one."""
    vertebrae, again = _vertebrae(sample), _vertebrae(closer)
    distances = np.linalg.norm(vertebrae.mean(axis=1)[:, None] - again.mean(axis=1), axis=-1)
    distances[:, ~_is_present(closer)] = np.inf
    found = np.flatnonzero(_is_present(sample) & (distances.min(axis=1) < _SAME * _heights(vertebrae)))
    return found, distances.argmin(axis=1)[found]


def _surer_ends(
    sample: PoseDataSample, closer: PoseDataSample, found: np.ndarray, again: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Slots of the sample below or above the vertebrae found again whose vertebra the closer look is surer of; and its
    own slots for them.

    Args:
        found, again: slots (V,) in the sample and in the closer look of the vertebrae found again.
    """
    if len(found) < _LEAST_IN_STEP or np.ptp(again - found):
        return np.zeros(0, dtype=int), np.zeros(0, dtype=int)
    slots = np.arange(NUM_SLOTS)
    theirs = slots + again[0] - found[0]
    is_end = ((slots < found.min()) | (slots > found.max())) & (theirs >= 0) & (theirs < NUM_SLOTS)
    slots, theirs = slots[is_end], theirs[is_end]
    before, now = sample.pred_instances.presence[0][slots], closer.pred_instances.presence[0][theirs]
    is_surer = _is_present(closer)[theirs] & (np.asarray(now) > np.asarray(before))
    return slots[is_surer], theirs[is_surer]


def _take(keys: tuple[str, ...], sample: PoseDataSample, closer: PoseDataSample, own: object, theirs: object) -> None:
    """Replace a sample's values by the other's, at indices of each into (S, 4, ...)."""
    for key in keys:
        values, others = sample.pred_instances[key], closer.pred_instances[key]
        replaced = _by_slot(values).copy()
        replaced[own] = _by_slot(others)[theirs]
        sample.pred_instances[key] = replaced.reshape(values.shape)


def _vertebrae(sample: PoseDataSample) -> np.ndarray:
    """Corners (S, 4, 2)."""
    return _by_slot(sample.pred_instances.keypoints).astype(float)


def _by_slot(values: np.ndarray) -> np.ndarray:
    """Values of keypoints (1, K, ...) as (S, 4, ...), or of slots (1, S) as (S, 1)."""
    return np.asarray(values[0]).reshape(NUM_SLOTS, -1, *values.shape[2:])


def _is_present(sample: PoseDataSample) -> np.ndarray:
    """(S,) bool."""
    return np.asarray(sample.pred_instances.presence[0]) >= PRESENCE_THRESHOLD


def _heights(vertebrae: np.ndarray) -> np.ndarray:
    """(V,) from the middle of the superior to that of the inferior endplate."""
    endplates = vertebrae.reshape(-1, 2, 2, 2).mean(axis=2)
    return np.linalg.norm(endplates[:, 1] - endplates[:, 0], axis=-1)
