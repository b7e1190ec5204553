"""Vertebrae that an image may show: four places that belong together, wherever they are seen and by whichever slots.

Symbols: slots S, corner types C, places per corner type J, candidates V.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from ...anatomy import BL, BR, NUM_CORNERS, NUM_SLOTS, TL, TR
from .corners import Places
from .geometry import SHAPE_MIRRORED, shape_features
from .spine_model import SpineModel

PER_SLOT = 6  # candidates that the channels of one slot contribute
LEAST = 0.02  # of a peak, that a channel may see unnoticed anywhere
# What heatmaps say against what geometry says: four corners are more than one witness, and fewer than four.
WEIGHT = 3.0
_FAINT = 0.06  # height of peaks that are as likely those of a vertebra as of none
_IMPLAUSIBLE = 20.0  # squared deviation of a combination's shape: no vertebra, but corners of several

# Of each channel the best two places, and the best place of the channels below and above (2, 3); at most one corner of
# a vertebra is borrowed, else the candidate would be the neighbour's.
_CHOICES = np.array([c for c in product(range(4), repeat=NUM_CORNERS) if sum(i >= 2 for i in c) <= 1])
_ALWAYS = (_CHOICES == 0).all(axis=1) | (_CHOICES == 1).all(axis=1)  # all best, all second best: of whatever shape
# Of a parallelogram each corner is the sum of its neighbours less the opposite one.
_NEIGHBOURS, _OPPOSITE = np.array([(TR, BL), (TL, BR), (TL, BR), (TR, BL)]), np.array([BR, BL, TR, TL])
_CORNER = np.arange(NUM_CORNERS)


@dataclass(frozen=True)
class Candidates:
    """Candidates of an image.

    Attributes:
        corners: ``(V, 4, 2)`` heatmap pixels; one that nobody sees is where a parallelogram has it.
        heights: ``(V, 4)`` of their peaks, in the channel that sees most; 0 for one that nobody sees.
        evidence: ``(V,)`` mean over the corners of what all slots see there, at most 1. A trained peak is as high as
            the slot believes that it is its own, and a vertebra is of one slot: so beliefs add up.
        seen: ``(V, S)`` geometric mean height of its corners in the channels of each slot: a vertebra that is made of
            two is seen by none.
        score: ``(V,)`` log odds of there being such a vertebra, by what all slots see of it.
    """

    corners: np.ndarray
    heights: np.ndarray
    evidence: np.ndarray
    seen: np.ndarray
    score: np.ndarray


def find_candidates(places: Places, model: SpineModel) -> Candidates:
    """What each slot's channels see best, what they see second best, and the likeliest vertebrae among the combinations
    of the two and of the neighbours' best."""
    nowhere = places.height.shape[2]  # number of the place of a corner that is not seen
    height = np.concatenate([places.height, np.zeros((NUM_SLOTS, NUM_CORNERS, 1))], axis=2)
    position = np.concatenate([places.position, np.zeros((NUM_CORNERS, 1, 2))], axis=1)
    log_height = np.log(np.maximum(height, LEAST))

    place = _options(places.height)[:, _CHOICES, _CORNER]  # (S, N, 4)
    is_seen = place != nowhere
    is_there = is_seen.sum(axis=-1) >= NUM_CORNERS - 1  # one corner may be hidden
    is_there &= (is_seen | (_CHOICES == 0)).all(axis=-1)
    slot, choice = np.nonzero(is_there)
    place = place[slot, choice]
    nearby = (slot[:, None] + [-1, 0, 1]).clip(0, NUM_SLOTS - 1)
    deviation = shape_deviations(_corners(position, place, nowhere), nearby, model).min(axis=(0, 2))
    rating = WEIGHT * log_height[slot[:, None], _CORNER, place].mean(axis=1) - 0.5 * deviation
    rating[deviation > _IMPLAUSIBLE] = -np.inf
    rating[_ALWAYS[choice]] = np.inf
    order = np.lexsort((-rating, slot))
    rank = np.arange(len(slot)) - np.searchsorted(slot, slot)  # within the slot
    place = np.unique(place[order[(rank < PER_SLOT) & (rating[order] > -np.inf)]], axis=0)

    seen = np.exp(log_height[:, _CORNER, place].mean(axis=-1)).T - LEAST
    return Candidates(
        _corners(position, place, nowhere),
        height.max(axis=0)[_CORNER, place],
        np.minimum(height.sum(axis=0), 1)[_CORNER, place].mean(axis=1),
        seen,
        WEIGHT * np.log(seen.sum(axis=1).clip(LEAST, 1) / _FAINT),
    )


def shape_deviations(corners: np.ndarray, slots: np.ndarray, model: SpineModel) -> np.ndarray:
    """``(2, V, n)`` squared deviations of vertebrae ``(V, 4, 2)`` from the shapes in slots ``(V, n)``, of a patient who
    faces left and of one who faces right."""
    features = shape_features(corners)
    both = np.stack([features, features * SHAPE_MIRRORED])[:, :, None]
    deviation = np.einsum('fvni,vnij->fvnj', both - model.shape_mean[slots], model.shape_whitening[slots])
    return np.einsum('fvnj,fvnj->fvn', deviation, deviation)


def _options(height: np.ndarray) -> np.ndarray:
    """Places ``(S, 4, C)`` for each corner, from heights ``(S, C, J)``: two of its own channel, one of either
    neighbour's; J where there is none. What a neighbour lends is the corner it sees best, or its second if its borrower
    sees the first best, but none that its borrower sees."""
    nowhere = height.shape[2]
    two = np.argsort(-height, axis=-1, kind='stable')[..., :2]
    two[np.take_along_axis(height, two, axis=-1) == 0] = nowhere
    best, second = two[..., 0], two[..., 1]
    below, above = (np.roll(two, step, axis=0) for step in (1, -1))
    below[0], above[-1] = nowhere, nowhere  # the ends have no such neighbour
    lent = [np.where(theirs[..., 0] == best, theirs[..., 1], theirs[..., 0]) for theirs in (below, above)]
    lent = [np.where((place == best) | (place == second), nowhere, place) for place in lent]
    return np.stack([best, second, *lent], axis=1)


def _corners(position: np.ndarray, place: np.ndarray, nowhere: int) -> np.ndarray:
    """``(..., 4, 2)`` from positions ``(C, J + 1, 2)`` and places ``(..., 4)``, of which one may be ``nowhere``."""
    corners = position[_CORNER, place]
    completed = corners[..., _NEIGHBOURS, :].sum(axis=-2) - corners[..., _OPPOSITE, :]
    return np.where((place == nowhere)[..., None], completed, corners)
