"""One spine out of all candidates: the best chain from the sacrum upwards, by dynamic programming.

The score of a chain, in nats, is the sum of

- for each vertebra the log odds of its score against ``_WORTH``, the score from which a candidate belongs to the spine;
- for each link, how unusual the upper vertebra's place over the lower one is, and ``_MISSED`` for every vertebra that
  must be between them and was not found: its place is kept, or all above it would be numbered wrongly;
- ``_NO_SACRUM`` if the lowest is no sacrum. The sacrum is nowhere else in a chain.

Two peaks on one vertebra, a stray blob beside the spine and what lies below the sacrum fit in no chain with the others.
All lengths are in the upper vertebra's endplates and heights, so that no stretching of the image changes a chain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...anatomy import BL, BR, TL, TR
from .candidates import Candidates
from .layout import SACRUM, VERTEBRA

_WORTH = 0.2  # half of that of a vertebra that is shown: an uncertain one keeps its slot, with a low presence
_SUREST = 0.98  # no candidate counts for more
_NO_SACRUM = -2.0  # one film in eight, counting those whose sacrum the model hardly sees
_MISSED = -2.0  # likewise one vertebra in eight

# Of 2000 pairs of the phantoms, with slips of all grades: a disc is 0.36 of the mean height, from 0.04 to 0.6 and on a
# slipped sacrum from -0.25, and the middles of the endplates lie within 1.1 endplates of each other.
_TAIL = 4.0  # degrees of freedom: great slips are rare, but far less so than a normal distribution has them
_DISC, _DISC_SD, _DISC_REACH = 0.35, 0.25, 0.85
_SLIP_SD, _SLIP_REACH = 0.6, 1.7
_MOST_MISSED = 2  # in a row
_SAME = 0.35  # of an endplate: superior endplates nearer than this are of one vertebra

_LONGEST = 24  # vertebrae of a chain: all that a spine has above the sacrum


@dataclass(frozen=True)
class Spine:
    """Vertebrae from the lowest upwards.

    Attributes:
        corners: ``(V, 4, 2)`` heatmap pixels.
        corner_scores: ``(V, 4)`` as of candidates.
        kinds: ``(V,)`` as of candidates.
        scores: ``(V,)`` as of candidates; 0 for one that must be between two others and was not found.
        sacrum_seen: probability that the lowest is the sacrum.
    """

    corners: np.ndarray
    corner_scores: np.ndarray
    kinds: np.ndarray
    scores: np.ndarray
    sacrum_seen: float


def assemble(candidates: Candidates) -> Spine:
    """The best chain of the candidates; no vertebra if there is none."""
    if not len(candidates.score):
        return Spine(np.zeros((0, 4, 2)), np.zeros((0, 4)), np.zeros(0, dtype=int), np.zeros(0), 0.0)
    link, missed = _links(candidates)
    chain = _best_chain(candidates, link)
    corners, corner_scores, kinds, scores = [], [], [], []
    for position, index in enumerate(chain):
        if position:
            below = chain[position - 1]
            gap = missed[below, index]
            for share in np.arange(1, gap + 1) / (gap + 1):
                corners.append((1 - share) * candidates.corners[below] + share * candidates.corners[index])
                corner_scores.append(np.zeros(4))
                kinds.append(VERTEBRA)
                scores.append(0.0)
        corners.append(candidates.corners[index])
        corner_scores.append(candidates.corner_scores[index])
        kinds.append(candidates.kind[index])
        scores.append(candidates.score[index])
    parts = (np.array(part) for part in (corners, corner_scores, kinds, scores))
    return Spine(*parts, _sacrum_seen(candidates, chain[0]))


def _links(candidates: Candidates) -> tuple[np.ndarray, np.ndarray]:
    """Score ``(N, N)`` of a link from the lower (rows) to the upper vertebra, -inf where there is none, and how many
    vertebrae are missing between them."""
    corners = candidates.corners
    tl, tr, bl, br = (corners[:, corner] for corner in (TL, TR, BL, BR))
    axis, endplate = (tl + tr - bl - br) / 2, (tr + br - tl - bl) / 2
    area = _cross(endplate, axis)  # negative for a vertebra: y points down
    is_sound = area < -1e-3
    area = np.where(is_sound, area, -1.0)
    disc = (bl + br)[None] / 2 - (tl + tr)[:, None] / 2  # from the lower one's superior to the upper one's inferior
    along, slip = _cross(endplate, disc) / area, _cross(disc, axis) / area
    relative = (_cross(endplate, np.broadcast_to(axis[:, None], disc.shape)) / area).clip(0.3, 3.0)
    is_sacrum = candidates.kind == SACRUM
    along = along / np.where(is_sacrum[:, None], 1.0, (1 + relative) / 2)  # a collapsed vertebra misses no neighbour
    missed = np.round((along - _DISC) / (1 + _DISC)).clip(0, _MOST_MISSED)
    strange = (along - _DISC - missed * (1 + _DISC)) / (1 + missed)
    unusual = (strange / _DISC_SD) ** 2 + (slip / (1 + missed) / _SLIP_SD) ** 2
    score = -_TAIL / 2 * np.log1p(unusual / _TAIL) + missed * _MISSED
    possible = (np.abs(strange) < _DISC_REACH) & (np.abs(slip) < _SLIP_REACH * (1 + missed)) & is_sound & ~is_sacrum
    return np.where(possible, score, -np.inf), missed.astype(int)


def _best_chain(candidates: Candidates, link: np.ndarray) -> list[int]:
    """Indices of the candidates of the best chain, from below; at least one."""
    score = candidates.score.clip(1e-6, _SUREST)
    gain = np.log(score / (1 - score)) - np.log(_WORTH / (1 - _WORTH))
    best = gain + np.where(candidates.kind == SACRUM, 0.0, _NO_SACRUM)
    scores, before = [best], []  # of the best chains that end in each candidate, by length
    while len(scores) < _LONGEST and np.isfinite(best).any():
        longer = best[:, None] + link
        before.append(longer.argmax(axis=0))
        best = longer.max(axis=0) + gain
        scores.append(best)
    length, last = np.unravel_index(np.argmax(scores), (len(scores), len(gain)))
    chain = [int(last)]
    for step in range(length - 1, -1, -1):
        chain.append(int(before[step][chain[-1]]))
    return chain[::-1]


def _sacrum_seen(candidates: Candidates, lowest: int) -> float:
    """How likely the lowest vertebra of a chain is the sacrum: its score as one, against that as a vertebra."""
    middle = candidates.corners[:, [TL, TR]].mean(axis=1)
    endplate = np.linalg.norm(candidates.corners[lowest, TR] - candidates.corners[lowest, TL])
    is_same = np.linalg.norm(middle - middle[lowest], axis=-1) <= _SAME * endplate
    is_sacrum = candidates.kind == SACRUM
    sacrum, other = (candidates.score[is_same & kind].max(initial=0.0) for kind in (is_sacrum, ~is_sacrum))
    return float(min(sacrum, sacrum / (sacrum + other)))


def _cross(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]
