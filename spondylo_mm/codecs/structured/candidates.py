"""Vertebrae that the channels of each slot may mean: four corners each, of the best and the second best places."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from ...anatomy import NUM_CORNERS, NUM_SLOTS
from .corners import Peaks
from .geometry import SHAPE_MIRRORED, shape_features
from .spine_model import SpineModel
from .veto import veto

PER_CHANNEL = 4  # candidates kept per slot's channels
LEAST_EVIDENCE = 0.01  # no heatmap is surer than this of anything
# What heatmaps say against what geometry says: four corners are more than one witness, and fewer than four.
WEIGHT = 3.0
_BORROWED = -1.5  # nats: a channel that shows another vertebra's corner, while its three fellows are right

# Of each channel the best two places, and the best place of the channels below and above (2, 3); at most one corner of
# a vertebra is borrowed, else the candidate would be the neighbour's.
_CHOICES = np.array([c for c in product(range(4), repeat=NUM_CORNERS) if sum(i >= 2 for i in c) <= 1])
_ALWAYS = [int(np.flatnonzero((_CHOICES == which).all(axis=1))[0]) for which in (0, 1)]  # all best, all second best
_NUM_BORROWED = (_CHOICES >= 2).sum(axis=1)


@dataclass(frozen=True)
class Candidates:
    """``PER_CHANNEL`` candidates for the channels of each of S slots; the first is what independent decoding finds.

    Attributes:
        corners: ``(S, P, 4, 2)`` heatmap pixels.
        heights: ``(S, P, 4)`` of their peaks.
        evidence: ``(S, P)`` mean height of the four.
        score: ``(S, P)`` logarithm of the evidence, less what borrowed corners cost; -inf where there is none.
        shape_veto: ``(2, S, 3, P)`` what speaks against its shape if the patient faces left or right, in the slot below
            its channel's own, in its own, and in the one above.
    """

    corners: np.ndarray
    heights: np.ndarray
    evidence: np.ndarray
    score: np.ndarray
    shape_veto: np.ndarray


def find_candidates(peaks: Peaks, model: SpineModel) -> Candidates:
    """The candidates of every slot's channels."""
    positions, heights = _hypotheses(peaks)
    corner = np.arange(NUM_CORNERS)
    corners, heights = positions[:, corner, _CHOICES], heights[:, corner, _CHOICES]  # (S, N, 4, ...), N combinations
    evidence = heights.mean(axis=-1)
    is_there = (heights > 0).sum(axis=-1) >= NUM_CORNERS - 1  # one corner may be hidden
    is_there &= ((heights > 0) | (_CHOICES < 2)).all(axis=-1)
    score = np.where(
        is_there, WEIGHT * np.log(np.maximum(evidence, LEAST_EVIDENCE)) + _BORROWED * _NUM_BORROWED, -np.inf
    )

    deviation = _shape_deviations(shape_features(corners), model)
    plausible = score - 0.5 * deviation[:, :, 1].min(axis=0)
    plausible[:, _ALWAYS] = [np.inf, 1e9]
    best = np.argsort(-plausible, axis=1, kind='stable')[:, :PER_CHANNEL]
    slot = np.arange(NUM_SLOTS)[:, None]
    return Candidates(
        corners[slot, best],
        heights[slot, best],
        evidence[slot, best],
        score[slot, best],
        veto('shape', np.take_along_axis(deviation, best[None, :, None], axis=3)),
    )


def _hypotheses(peaks: Peaks) -> tuple[np.ndarray, np.ndarray]:
    """Positions ``(S, C, 4, 2)`` and heights ``(S, C, 4)`` for each corner: two of its own channel, one of either
    neighbour's. What a neighbour lends is the corner it sees best, but for the one that its borrower sees best."""
    positions, heights = (
        [peaks.position[:, :, 0], peaks.position[:, :, 1]],
        [peaks.height[..., 0], peaks.height[..., 1]],
    )
    for step in (1, -1):  # np.roll brings the channel below, then the one above
        place, position, height = (
            np.roll(values, step, axis=0) for values in (peaks.place, peaks.position, peaks.height)
        )
        which = (place[..., 0] == peaks.place[..., 0]).astype(int)[..., None]
        lent = np.take_along_axis(height, which, axis=-1)[..., 0]
        lent[0 if step == 1 else -1] = 0  # the end that has no such neighbour
        positions.append(np.take_along_axis(position, which[..., None], axis=2)[:, :, 0])
        heights.append(lent)
    return np.stack(positions, axis=2), np.stack(heights, axis=2)


def _shape_deviations(features: np.ndarray, model: SpineModel) -> np.ndarray:
    """``(2, S, 3, N)`` from features ``(S, N, 4)``: facing left and right, in the slots below, of and above each
    channel's."""
    slots = (np.arange(NUM_SLOTS)[:, None] + [-1, 0, 1]).clip(0, NUM_SLOTS - 1)  # (S, 3)
    both = np.stack([features, features * SHAPE_MIRRORED])[:, :, None]
    deviation = (both - model.shape_mean[slots][:, :, None]) @ model.shape_whitening[slots]
    return np.einsum('...i,...i->...', deviation, deviation)
