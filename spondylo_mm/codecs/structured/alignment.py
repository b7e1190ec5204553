"""Which candidate is the vertebra of which slot: the best of all chains, by dynamic programming.

A chain gives slots, from below upwards, a candidate each. Normally it is one of the slot's own channels; it may be one
of the channels below or above, because a network that miscounts shows each vertebra in the wrong slot's channels. The
difference, candidate's slot minus slot, is the chain's *offset*. Miscounting happens once and then goes on: what costs
is that an offset begins or changes, not that it lasts. So two sequences are aligned, channels and slots, as one aligns
sequences with insertions and deletions (Needleman and Wunsch 1970, doi 10.1016/0022-2836(70)90057-4).

The score of a chain, in nats, is the sum of

- for each vertebra ``WEIGHT`` times the logarithm of its evidence; for each channel left out, below, within and above
  the chain, ``WEIGHT`` times that of there being nothing, log(1 - evidence), unless it shows the vertebra next to it in
  the chain; and the same for a vertebra seen right below the lowest, since annotators leave none out there;
- what geometry says of shapes and links, see ``veto``;
- the start: how often the chain's lowest slot is the lowest one of the training labels, or ``UNSEEN`` for each slot
  below it;
- ``MISCOUNT`` where the offset is not 0 at the start, and wherever it changes; ``log_gap``, or ``UNSEEN`` if that is
  more, per slot left out within;
- how often patients face that way.

Symbols: slots S, candidates per channel P, states of a slot Q = 3 P (channels below, own, above), facings F = 2, all
candidates with those of one empty channel at either end N = (S + 2) P, pairs of slots that a link may join L.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...anatomy import NUM_SLOTS
from .candidates import LEAST_EVIDENCE, PER_CHANNEL, WEIGHT, Candidates
from .geometry import LINK_MIRRORED, link_features, spacing
from .spine_model import MAX_LAG, SpineModel
from .veto import veto

_SAME = 0.5  # of a body: two candidates nearer than this are one vertebra
_NEXT = 2.5  # standard deviations of the spacing: as far as a vertebra may be and still be the next one
# Orders of magnitude, chosen on 150 validation phantoms of benchmarks/identity (factors of 3 change little). That a
# network which counts from the sacrum miscounts:
MISCOUNT = np.log(0.01)
# That a vertebra which is there is not seen: hidden by gas, overexposed, or not recognised. Labels have hardly any gap
# and nearly all begin at the sacrum; heatmaps do not.
UNSEEN = np.log(0.03)

_STATES = 3 * PER_CHANNEL
_OFFSET = np.arange(_STATES) // PER_CHANNEL - 1  # (Q,)
# Candidates are padded by one channel at either end, so that the states of slot s are the candidates from P s on.
_STATE_INDEX = PER_CHANNEL * np.arange(NUM_SLOTS)[:, None] + np.arange(_STATES)
_CHANNEL = np.arange(NUM_SLOTS)[:, None] + _OFFSET  # (S, Q)
# Every pair of slots that a link may join, by lag: lower slot, upper slot.
_LOWER = np.concatenate([np.arange(NUM_SLOTS - lag) for lag in range(1, MAX_LAG + 1)])
_UPPER = np.concatenate([np.arange(lag, NUM_SLOTS) for lag in range(1, MAX_LAG + 1)])
_JUMPED = _UPPER - _LOWER - 1
_MISCOUNTS = MISCOUNT * (_OFFSET[:, None] != _OFFSET)
# The channels left out by such a link: from, and up to but not including; none where the upper one's is not higher.
_LOW = np.broadcast_to((_CHANNEL[_LOWER] + 1).clip(0, NUM_SLOTS)[:, :, None], (len(_LOWER), _STATES, _STATES))
_HIGH = np.maximum(_LOW, _CHANNEL[_UPPER].clip(0, NUM_SLOTS)[:, None])
_PAIR = {(int(low), int(up)): number for number, (low, up) in enumerate(zip(_LOWER, _UPPER, strict=True))}


@dataclass(frozen=True)
class Alignment:
    """The best chain.

    Attributes:
        channel: ``(S,)`` the channel whose candidate each slot takes, -1 for none.
        rank: ``(S,)`` which of that channel's candidates.
        log_odds: ``(S,)`` score of the best chain that has a vertebra in the slot, less that of the best without.
    """

    channel: np.ndarray
    rank: np.ndarray
    log_odds: np.ndarray


def align(candidates: Candidates, model: SpineModel) -> Alignment:
    """Choose for all slots together."""
    corners = _padded(candidates.corners[None], 0.0)[0].reshape(-1, 4, 2)
    features = link_features(corners[:, None], corners[None])  # (lower, upper, 6)
    unexplained = _unexplained(features, candidates)
    node = _node_scores(candidates)
    link = _link_scores(features, model, unexplained)
    start = _log_start(model)[:, None] + MISCOUNT * (_OFFSET != 0) + _left_below(features, candidates, model)
    start = start + _between(unexplained, 0, _CHANNEL)
    end = _between(unexplained, _CHANNEL + 1, NUM_SLOTS)
    begin = start + node + model.log_facing[:, None, None]

    nothing = unexplained[0, -1] + _log_start(model).min()  # the empty chain
    forward, before = _forward(begin, node, link)
    onward = _onward(node, link, end)
    with_it = (forward + onward).max(axis=(0, 2))
    without = np.maximum(_best_without(forward, onward, begin, node, link, end), nothing)
    return Alignment(*_trace(forward + end, before, nothing), log_odds=with_it - without)


def _log_start(model: SpineModel) -> np.ndarray:
    """``(S,)`` of the chain's lowest slot: it is the lowest with a vertebra, or those below it are not seen."""
    slots = np.arange(NUM_SLOTS)
    unseen = np.where(slots[:, None] >= slots, UNSEEN * (slots[:, None] - slots), -np.inf)
    return (model.log_start + unseen).max(axis=1)


def _unexplained(features: np.ndarray, candidates: Candidates) -> np.ndarray:
    """``(N, S + 1)`` for each candidate the summed cost of leaving out all channels below t: of what they show best
    that is not the same vertebra. Two channels may show one."""
    same = (np.abs(features[:, PER_CHANNEL:-PER_CHANNEL, :2]) < _SAME).all(axis=-1)
    evidence = np.where(same, 0.0, candidates.evidence.ravel()).reshape(len(same), NUM_SLOTS, PER_CHANNEL).max(axis=2)
    cost = WEIGHT * np.log(1 - evidence.clip(0, 1 - LEAST_EVIDENCE))
    return np.pad(np.cumsum(cost, axis=1), ((0, 0), (1, 0)))


def _between(unexplained: np.ndarray, low: np.ndarray | int, high: np.ndarray | int) -> np.ndarray:
    """``(S, Q)`` cost of leaving out channels from ``low`` up to, not including, ``high`` ``(S, Q)``."""
    low, high = (np.broadcast_to(np.clip(limit, 0, NUM_SLOTS), _STATE_INDEX.shape) for limit in (low, high))
    return unexplained[_STATE_INDEX, high] - unexplained[_STATE_INDEX, low]


def _node_scores(candidates: Candidates) -> np.ndarray:
    """``(F, S, Q)`` of each state by itself."""
    score = _padded(candidates.score[None], -np.inf)[0]
    # A candidate of channel t is state -1, 0 or 1 of slots t + 1, t and t - 1: its vetoes in these, last to first.
    vetoes = _padded(candidates.shape_veto, 0.0)  # (F, S + 2, 3, P)
    offset = np.repeat(np.arange(3), PER_CHANNEL)
    channel = np.arange(NUM_SLOTS)[:, None] + offset
    return score.reshape(-1)[_STATE_INDEX] + vetoes[:, channel, 2 - offset, np.tile(np.arange(PER_CHANNEL), 3)]


def _left_below(features: np.ndarray, candidates: Candidates, model: SpineModel) -> np.ndarray:
    """``(S, Q)`` what a chain that begins with a state pays for the best seen vertebra right below it."""
    lowest = model.links[0]
    deviation = (spacing(features) - lowest.spacing[0]) / lowest.spacing_sd[0]
    is_below = (np.abs(deviation) < _NEXT) & (np.abs(features[..., 0]) < 1)
    seen = np.where(np.isfinite(candidates.score), candidates.evidence, 0.0)
    evidence = (is_below * _padded(seen[None], 0.0).reshape(-1, 1)).max(axis=0).clip(0, 1 - LEAST_EVIDENCE)
    return WEIGHT * np.log(1 - evidence)[_STATE_INDEX]


def _padded(values: np.ndarray, fill: float) -> np.ndarray:
    """Axis 1, the channels, with one more at either end."""
    edge = np.full_like(values[:, :1], fill)
    return np.concatenate([edge, values, edge], axis=1)


def _link_scores(features: np.ndarray, model: SpineModel, unexplained: np.ndarray) -> np.ndarray:
    """``(F, L, Q, Q)`` of a lower and an upper state, for each of the L pairs of slots."""
    lower, upper = _STATE_INDEX[_LOWER][:, :, None], _STATE_INDEX[_UPPER][:, None]
    features = features[lower, upper]
    means = [np.concatenate(values) for values in zip(*(vars(lag).values() for lag in model.links), strict=True)]
    slip, slip_sd, room, room_sd, size = (mean[:, None, None] for mean in means[:5])
    score = veto('spacing', ((spacing(features) - room) / room_sd) ** 2)
    # the features that are left are mirrored, not the spacing
    both = np.stack([features, features * LINK_MIRRORED])  # (F, L, Q, Q, 6)
    score = score + veto('slip', ((both[..., 0] - slip) / slip_sd) ** 2)
    deviation = (both[..., 2:] - size) @ means[5][:, None]
    score += veto('size', np.einsum('...i,...i->...', deviation, deviation))

    # Channels between those of the two, but for what either explains; nothing is explained by both.
    left_out = (
        unexplained[lower, _HIGH] - unexplained[lower, _LOW] + unexplained[upper, _HIGH] - unexplained[upper, _LOW]
    )
    left_out -= unexplained[0, _HIGH] - unexplained[0, _LOW]
    return score + left_out + _MISCOUNTS + (max(model.log_gap[0], UNSEEN) * _JUMPED)[:, None, None]


def _forward(begin: np.ndarray, node: np.ndarray, link: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best chain that ends in each state, ``(F, S, Q)``, and the state before that, as ``Q slot + state``; -1 where
    it begins."""
    best, before = begin.copy(), np.full(begin.shape, -1)
    for slot in range(1, NUM_SLOTS):
        first = max(0, slot - MAX_LAG)
        pairs = [_PAIR[lower, slot] for lower in range(first, slot)]
        reached = best[:, first:slot, :, None] + link[:, pairs] + node[:, slot, None, None]
        reached = reached.reshape(len(begin), -1, _STATES)  # (F, n Q, Q)
        previous = reached.argmax(axis=1)
        value = np.take_along_axis(reached, previous[:, None], axis=1)[:, 0]
        is_better = value > best[:, slot]
        best[:, slot] = np.where(is_better, value, best[:, slot])
        before[:, slot] = np.where(is_better, previous + _STATES * first, -1)
    return best, before


def _onward(node: np.ndarray, link: np.ndarray, end: np.ndarray) -> np.ndarray:
    """What the best continuation of a chain adds after each state, ``(F, S, Q)``."""
    best = np.broadcast_to(end, node.shape).copy()
    for slot in reversed(range(NUM_SLOTS - 1)):
        last = min(NUM_SLOTS, slot + 1 + MAX_LAG)
        pairs = [_PAIR[slot, upper] for upper in range(slot + 1, last)]
        value = link[:, pairs] + (node + best)[:, slot + 1 : last, None]  # (F, n, Q, Q)
        best[:, slot] = np.maximum(best[:, slot], value.max(axis=(1, 3)))
    return best


def _best_without(
    forward: np.ndarray, onward: np.ndarray, begin: np.ndarray, node: np.ndarray, link: np.ndarray, end: np.ndarray
) -> np.ndarray:
    """Score ``(S,)`` of the best chain that passes a slot by: ends below it, begins above it, or jumps over it."""
    ending, beginning = (forward + end).max(axis=(0, 2)), (begin + onward).max(axis=(0, 2))
    below = np.concatenate([[-np.inf], np.maximum.accumulate(ending)[:-1]])
    above = np.concatenate([np.maximum.accumulate(beginning[::-1])[-2::-1], [-np.inf]])
    best = np.maximum(below, above)
    jumps = np.flatnonzero(_JUMPED)
    arrival = (node + onward)[:, _UPPER[jumps]]
    value = (forward[:, _LOWER[jumps], :, None] + link[:, jumps] + arrival[:, :, None]).max(axis=(0, 2, 3))
    for lower, upper, score in zip(_LOWER[jumps], _UPPER[jumps], value, strict=True):
        best[lower + 1 : upper] = np.maximum(best[lower + 1 : upper], score)
    return best


def _trace(finished: np.ndarray, before: np.ndarray, nothing: float) -> tuple[np.ndarray, np.ndarray]:
    """Channel and rank ``(S,)`` of the best chain, -1 for slots without one: for all if ``nothing`` is better."""
    channel, rank = np.full(NUM_SLOTS, -1), np.full(NUM_SLOTS, -1)
    if finished.max() < nothing:
        return channel, rank
    facing, slot, state = np.unravel_index(finished.argmax(), finished.shape)
    at = slot * _STATES + state
    while at >= 0:
        slot, state = divmod(at, _STATES)
        channel[slot], rank[slot] = _CHANNEL[slot, state], state % PER_CHANNEL
        at = before[facing, slot, state]
    return channel, rank
