"""Learning the spine model from training labels."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ...anatomy import MIRRORED_CORNER, NUM_CORNERS, NUM_SLOTS
from ...clinical.facing import facing
from ...errors import InputError
from .geometry import link_features, shape_features, spacing
from .spine_model import SpineModel

MIN_SPINES = 5  # with fewer, a covariance of four features means nothing
# Labels' worth of belief that a slot is like the one below it: few images show T10.
_PRIOR_COUNT = 5.0
_UNSEEN = 0.5  # of a label: what was never seen is unlikely, not impossible
_LEAST_VARIANCE = 1e-4  # (1 % of a body)^2: the rounding of labels

# Labels are better than what a network finds, and candidates lie on whole heatmap pixels: each spine is learned from
# several times, each with other errors of this size in its corners, in median body heights. 0.05 of 47 px is 2.3 px@512
# along each axis.
_LOCALISATION_SD = 0.05
_REPEATS = 8

Spine = tuple[np.ndarray, np.ndarray]  # slots (V,), rising, and corners (V, 4, 2) in pixels


def fit_spine_model(spines: Iterable[Spine]) -> SpineModel:
    """Means and covariances of the spines whose facing can be told; those that face right are mirrored first.

    Raises:
        InputError: fewer than ``MIN_SPINES`` of these.
    """
    sides = [(_side(*spine), spine) for spine in spines]
    usable = [_facing_left(side, *spine) for side, spine in sides if side != 'unknown']
    left = sum(side == 'left' for side, _ in sides)
    if len(usable) < MIN_SPINES:
        raise InputError(
            f'structured decoding: {len(usable)} training spines tell which way the patient faces, at least '
            f'{MIN_SPINES} are needed: label more images, or switch it off'
        )
    shapes: list[list[np.ndarray]] = [[] for _ in range(NUM_SLOTS)]
    links: list[list[np.ndarray]] = [[] for _ in range(NUM_SLOTS - 1)]
    rng = np.random.default_rng(0)  # the same labels give the same model
    starts, missing, within = np.zeros(NUM_SLOTS), 0, 0
    for slots, corners in usable:
        starts[slots[0]] += 1
        within += slots[-1] - slots[0]
        missing += slots[-1] - slots[0] + 1 - len(slots)
        for found in _with_errors(corners, rng):
            features, between = shape_features(found), link_features(found[:-1], found[1:])
            for position, slot in enumerate(slots):
                shapes[slot].append(features[position])
                if position and slots[position - 1] == slot - 1:
                    links[slot - 1].append(between[position - 1])
    shape_mean, link_mean = _means(shapes, 4), _means(links, 6)
    link_residuals = [
        [_with_spacing(link) - _with_spacing(mean) for link in group]
        for group, mean in zip(links, link_mean, strict=True)
    ]
    link_cov = _covariances(link_residuals, 6)
    return SpineModel(
        shape_mean=shape_mean,
        shape_cov=_covariances([[x - mean for x in group] for group, mean in zip(shapes, shape_mean, strict=True)], 4),
        link_mean=link_mean,
        slip_var=link_cov[:, 0, 0],
        spacing_var=link_cov[:, 1, 1],
        size_cov=link_cov[:, 2:, 2:],
        log_start=np.log((starts + _UNSEEN) / (starts.sum() + NUM_SLOTS * _UNSEEN)),
        log_gap=np.log([(missing + _UNSEEN) / (within + 2 * _UNSEEN)]),
        log_facing=np.log((np.array([left, len(usable) - left]) + _UNSEEN) / (len(usable) + 2 * _UNSEEN)),
    )


def labelled_spines(annotations: Iterable[dict]) -> list[Spine]:
    """Wholly labelled vertebrae of each annotation of a COCO file, as ``tools/prepare_data.py`` writes it."""
    spines = []
    for annotation in annotations:
        keypoints = np.array(annotation['keypoints'], dtype=float).reshape(NUM_SLOTS, NUM_CORNERS, 3)
        slots = np.flatnonzero((keypoints[..., 2] > 0).all(axis=1))
        if slots.size:
            spines.append((slots, keypoints[slots, :, :2]))
    return spines


def _side(slots: np.ndarray, corners: np.ndarray) -> str:
    """Where the patient's anterior side is; wherever slots are counted from, the lowest vertebra is normally S1."""
    return facing(corners, slots - slots[0])


def _facing_left(side: str, slots: np.ndarray, corners: np.ndarray) -> Spine:
    return slots, corners if side == 'left' else (corners * [-1, 1])[:, list(MIRRORED_CORNER)]


def _with_errors(corners: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """``(_REPEATS, V, 4, 2)``: the corners as a network might find them."""
    sd = _LOCALISATION_SD * np.median(np.ptp(corners[..., 1], axis=1))
    return corners + rng.normal(0, sd, (_REPEATS, *corners.shape))


def _with_spacing(link: np.ndarray) -> np.ndarray:
    """Link features with the spacing in place of the step along the axis."""
    return np.concatenate([link[:1], [spacing(link)], link[2:]])


def _means(groups: list[list[np.ndarray]], size: int) -> np.ndarray:
    """A mean per slot. The lowest has its own; the others lean on the one below, and the second on them all."""
    others = [features for group in groups[1:] for features in group] or groups[0]
    prior = np.mean(others, axis=0)
    means = [np.mean(groups[0], axis=0) if groups[0] else prior]
    for group in groups[1:]:
        prior = (np.sum(group, axis=0) + _PRIOR_COUNT * prior) / (len(group) + _PRIOR_COUNT)
        means.append(prior)
    return np.array(means).reshape(-1, size)


def _covariances(groups: list[list[np.ndarray]], size: int) -> np.ndarray:
    """``(2, size, size)`` of residuals: of the lowest slot, leaning on the others, and of all others."""
    others = np.array([x for group in groups[1:] for x in group]).reshape(-1, size)
    pooled = others.T @ others / max(len(others), 1) + _LEAST_VARIANCE * np.eye(size)
    lowest = np.array(groups[0]).reshape(-1, size)
    return np.stack([(lowest.T @ lowest + _PRIOR_COUNT * pooled) / (len(lowest) + _PRIOR_COUNT), pooled])
