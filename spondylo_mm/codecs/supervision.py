"""What each of the keypoints of a training image is taught: a Gaussian, an empty map, or nothing.

An annotator labels a run of vertebrae and stops somewhere. So a slot is either labelled, known to hold no vertebra, or
unknown, and only what is known may be taught:

| slot                                       | corner                     | target   | weight |
|--------------------------------------------|----------------------------|----------|--------|
| labelled                                   | labelled, in the frame     | Gaussian | 1      |
| labelled                                   | labelled, out of the frame | -        | 0      |
| labelled                                   | not labelled               | -        | 0      |
| known to be empty                          | any                        | empty    | 1      |
| unknown, above the topmost labelled slot   | any, ``above='ignore'``    | -        | 0      |
| unknown, above the topmost labelled slot   | any, ``above='zero'``      | empty    | 1      |
| unknown, a gap below it                    | any                        | -        | 0      |

"Above" means a higher slot. An image with no labelled slot has nothing above it: its unknown slots are never taught.
"""

from __future__ import annotations

import numpy as np

from ..anatomy import EMPTY, LABELLED, NUM_CORNERS, NUM_KEYPOINTS, NUM_SLOTS, UNKNOWN

IGNORE, ZERO = 'ignore', 'zero'
ABOVE_POLICIES = (IGNORE, ZERO)


def supervise(
    keypoints: np.ndarray,
    visible: np.ndarray,
    slot_presence: np.ndarray | None,
    frame_size: tuple[int, int],
    above: str = IGNORE,
) -> tuple[np.ndarray, np.ndarray]:
    """Decide what every keypoint is taught; see the table of the module.

    Args:
        keypoints: (K, 2) in the frame, anything where not visible.
        visible: (K,), greater than 0 where the corner is labelled.
        slot_presence: (NUM_SLOTS,), each ``LABELLED``, ``EMPTY`` or ``UNKNOWN``. None means: a slot with a labelled
            corner is labelled, every other one unknown.
        frame_size: [w, h] of the frame of ``keypoints``; in it means between its first and last pixel centres.
        above: policy for unknown slots above the topmost labelled one, ``'ignore'`` or ``'zero'``. ``'zero'`` is right
            only for data in which every visible vertebra is labelled.

    Returns:
        Weights (K,), 1 where the target counts, and amplitudes (K,), the height of the target's Gaussian: 1, or 0 for
        an empty map. Both float32. An amplitude is 1 only where the weight is 1.

    Raises:
        ValueError: for other shapes, or a labelled corner in a slot that is not labelled.
    """
    if keypoints.shape != (NUM_KEYPOINTS, 2) or visible.shape != (NUM_KEYPOINTS,):
        raise ValueError(
            f'keypoints {keypoints.shape} and visible {visible.shape}: expected ({NUM_KEYPOINTS}, 2) and '
            f'({NUM_KEYPOINTS},)'
        )
    labelled_corner = (visible > 0).reshape(NUM_SLOTS, NUM_CORNERS)
    if slot_presence is None:
        slot_presence = np.where(labelled_corner.any(axis=1), LABELLED, UNKNOWN)
    contradictions = np.flatnonzero(labelled_corner.any(axis=1) & (slot_presence != LABELLED))
    if contradictions.size:
        raise ValueError(
            f'slots {contradictions.tolist()} have labelled corners but slot presence '
            f'{slot_presence[contradictions].tolist()}: expected {LABELLED}'
        )

    in_frame = ((keypoints >= 0) & (keypoints <= np.asarray(frame_size) - 1)).all(axis=1)
    taught_gaussian = labelled_corner & in_frame.reshape(NUM_SLOTS, NUM_CORNERS)
    taught_empty = slot_presence == EMPTY
    labelled_slots = np.flatnonzero(slot_presence == LABELLED)
    if above == ZERO and labelled_slots.size:
        taught_empty = taught_empty | (np.arange(NUM_SLOTS) > labelled_slots[-1])
    weights = taught_gaussian | taught_empty[:, None]
    return weights.reshape(-1).astype(np.float32), taught_gaussian.reshape(-1).astype(np.float32)
