"""Levels, corners and slots of a lateral lumbar radiograph: the only place that counts them.

Symbols used throughout the package:

- slot ``s``: index of a vertebra, 0 is the most caudal (normally S1), ``NUM_SLOTS`` in all
- corner ``c``: TL, TR, BL, BR as seen *in the image*, in this order; a mirrored image swaps left and right
- keypoint ``k = NUM_CORNERS * s + c``, ``NUM_KEYPOINTS`` in all
"""

from __future__ import annotations

LEVELS = ('S1', 'L5', 'L4', 'L3', 'L2', 'L1', 'T12', 'T11', 'T10', 'T9')
CORNERS = ('TL', 'TR', 'BL', 'BR')
TL, TR, BL, BR = range(4)

# What is known of a slot: a labelled vertebra, certainly none, or nothing (annotators stop labelling where they like).
LABELLED, EMPTY, UNKNOWN = 1, 0, -1

NUM_SLOTS = len(LEVELS)
NUM_CORNERS = len(CORNERS)
NUM_KEYPOINTS = NUM_SLOTS * NUM_CORNERS

MIRRORED_CORNER = (TR, TL, BR, BL)  # which corner a corner becomes when the image is flipped left to right
OUTLINE = ((TL, TR), (TR, BR), (BR, BL), (BL, TL))  # the four edges of a vertebra, clockwise in the image

KEYPOINT_NAMES = tuple(f'{level}_{corner}' for level in LEVELS for corner in CORNERS)
FLIP_INDICES = tuple(NUM_CORNERS * slot + MIRRORED_CORNER[c] for slot in range(NUM_SLOTS) for c in range(NUM_CORNERS))

# One RGB colour per slot: neighbours differ in hue, all are readable on a dark radiograph.
SLOT_COLORS = (
    (255, 82, 82), (255, 171, 64), (255, 235, 59), (118, 255, 3), (29, 233, 182),
    (64, 196, 255), (124, 140, 255), (224, 110, 255), (255, 128, 171), (215, 204, 200),
)  # yapf: disable

# OKS falloff per corner: standard deviation of a careful second reading over the square root of the spine's box area.
# An assumption, not a measurement: about 1.5 mm of some 150 mm, and twice that where S1 has no visible lower edge.
_SIGMA = 0.010
_SIGMA_S1_INFERIOR = 0.020


def keypoint_index(slot: int, corner: int) -> int:
    """Index of a corner among the ``NUM_KEYPOINTS`` keypoints."""
    return NUM_CORNERS * slot + corner


def dataset_info() -> dict:
    """The keypoints in MMPose's ``dataset_info`` form, as ``configs/_base_/datasets/spondylo_40kp.py`` ships them."""
    keypoint_info, skeleton_info = {}, {}
    for slot, level in enumerate(LEVELS):
        color = list(SLOT_COLORS[slot])
        for corner, corner_name in enumerate(CORNERS):
            index = keypoint_index(slot, corner)
            keypoint_info[index] = dict(
                name=f'{level}_{corner_name}',
                id=index,
                color=color,
                type='',
                swap=f'{level}_{CORNERS[MIRRORED_CORNER[corner]]}',
            )
        for start, end in OUTLINE:
            link = (f'{level}_{CORNERS[start]}', f'{level}_{CORNERS[end]}')
            skeleton_info[len(skeleton_info)] = dict(link=link, id=len(skeleton_info), color=color)
    sigmas = [_SIGMA] * NUM_KEYPOINTS
    sigmas[keypoint_index(0, BL)] = sigmas[keypoint_index(0, BR)] = _SIGMA_S1_INFERIOR
    return dict(
        dataset_name='spondylo_40kp',
        paper_info=dict(
            author='Reyes et al.',
            title='Spondylolisthesis Vertebral Landmark Dataset',
            container='Mendeley Data',
            year='2025',
            homepage='https://doi.org/10.17632/5jdfdgp762.1',
        ),
        keypoint_info=keypoint_info,
        skeleton_info=skeleton_info,
        joint_weights=[1.0] * NUM_KEYPOINTS,
        sigmas=sigmas,
    )
