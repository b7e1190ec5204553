"""Which candidate is the vertebra of which slot: the best of all chains, by dynamic programming.

A chain gives slots, from below upwards, a candidate each. Its score, in nats, is the sum of

- the log odds of each of its candidates being a vertebra at all, whichever slots see it: a chain that leaves out what
  is plainly seen, as one that begins too high does, pays for it;
- the logarithm of the slot's share in what all slots see of the candidate. Or that of the slot below or above: by an
  *offset*. A network that miscounts goes on miscounting, so what costs, ``MISCOUNT``, is that an offset begins or
  changes, not that it lasts. A network in doubt shows each vertebra in two slots, and needs no offset;
- what geometry says of shapes and links, see ``veto``. Two vertebrae are never in one place;
- the start: how often the chain's lowest slot is the lowest one of the training labels, or ``UNSEEN`` for each slot
  below it; ``log_gap``, or ``UNSEEN`` if that is more, per slot left out within;
- how often patients face that way.

Symbols: slots S, candidates V, candidates considered for one slot Q, offsets D = 3, facings F = 2, pairs of slots that
a link may join L.
"""

from __future__ import annotations

import numpy as np

from ...anatomy import NUM_SLOTS
from .candidates import LEAST, Candidates, shape_deviations
from .geometry import LINK_MIRRORED, link_features, spacing
from .spine_model import MAX_LAG, SpineModel
from .veto import veto

# Orders of magnitude, chosen on 100 validation phantoms of benchmarks/identity and on miscounts drawn with other seeds
# than those of the tests. That a network which counts from the sacrum miscounts, or changes its mind, unawares:
MISCOUNT = np.log(0.003)
# That a vertebra which is there is not seen: hidden by gas, overexposed, or not recognised. Labels have hardly any gap
# and nearly all begin at the sacrum; heatmaps do not.
UNSEEN = np.log(0.03)
_CONSIDERED = 10  # candidates for one slot, of some twenty in all
_APART = 0.4  # mean heights: two centres nearer than this are of one vertebra

_OFFSETS = np.array([-1, 0, 1])
_SLOTS = np.arange(NUM_SLOTS)
# Every pair of slots that a link may join, by lag: lower slot, upper slot.
_LOWER = np.concatenate([np.arange(NUM_SLOTS - lag) for lag in range(1, MAX_LAG + 1)])
_UPPER = np.concatenate([np.arange(lag, NUM_SLOTS) for lag in range(1, MAX_LAG + 1)])
_JUMPED = _UPPER - _LOWER - 1
_PAIR = np.zeros((NUM_SLOTS, NUM_SLOTS), int)
_PAIR[_LOWER, _UPPER] = np.arange(len(_LOWER))


def align(candidates: Candidates, model: SpineModel) -> np.ndarray:
    """The candidate ``(S,)`` of each slot in the best chain, -1 for none."""
    number = len(candidates.score)
    if number == 0:
        return np.full(NUM_SLOTS, -1)
    share = _log_share(candidates.seen)  # (V, S, D)
    slots = np.broadcast_to(_SLOTS, (number, NUM_SLOTS))
    shape = veto('shape', shape_deviations(candidates.corners, slots, model))  # (F, V, S)
    change = MISCOUNT * (_OFFSETS[:, None] != _OFFSETS)  # (D, D)

    # the slot's own come first, and what no slot nearby sees last, however plain it is
    likely = 0.3 * candidates.score[:, None] + (share + 0.25 * change[1]).max(axis=2)
    considered = np.argsort(-likely, axis=0, kind='stable')[:_CONSIDERED].T  # (S, Q)
    slot = _SLOTS[:, None]
    node = candidates.score[considered] + shape[:, considered, slot]  # (F, S, Q)
    node = node[:, :, None] + share[considered, slot].transpose(0, 2, 1)  # (F, S, D, Q)
    start = model.log_facing[:, None, None, None] + (_log_start(model)[:, None] + change[1])[:, :, None]
    chain = _best_chain(start + node, node, _link_scores(candidates, considered, model), change)
    return np.where(chain >= 0, considered[_SLOTS, chain], -1)


def _log_share(seen: np.ndarray) -> np.ndarray:
    """``(V, S, D)`` of the slot at each offset from each, in what all see of each candidate; -inf beyond the ends."""
    share = np.log((seen + LEAST) / (seen + LEAST).sum(axis=1, keepdims=True))
    edge = np.full((len(seen), 1), -np.inf)
    padded = np.concatenate([edge, share, edge], axis=1)
    return np.stack([padded[:, 1 + offset :][:, :NUM_SLOTS] for offset in _OFFSETS], axis=-1)


def _log_start(model: SpineModel) -> np.ndarray:
    """``(S,)`` of the chain's lowest slot: it is the lowest with a vertebra, or those below it are not seen."""
    unseen = np.where(_SLOTS[:, None] >= _SLOTS, UNSEEN * (_SLOTS[:, None] - _SLOTS), -np.inf)
    return (model.log_start + unseen).max(axis=1)


def _link_scores(candidates: Candidates, considered: np.ndarray, model: SpineModel) -> np.ndarray:
    """``(F, L, Q, Q)`` of a lower and an upper candidate, for each of the L pairs of slots."""
    features = link_features(candidates.corners[:, None], candidates.corners[None])  # (lower, upper, 6)
    features = features[considered[_LOWER][:, :, None], considered[_UPPER][:, None]]
    means = [np.concatenate(values) for values in zip(*(vars(lag).values() for lag in model.links), strict=True)]
    slip, slip_sd, room, room_sd, size = (mean[:, None, None] for mean in means[:5])
    distance = spacing(features)
    score = veto('spacing', ((distance - room) / room_sd) ** 2)
    score += (max(model.log_gap[0], UNSEEN) * _JUMPED)[:, None, None]
    score[distance < _APART] = -np.inf
    # the features that are left are mirrored, not the spacing
    both = np.stack([features, features * LINK_MIRRORED])  # (F, L, Q, Q, 6)
    score = score + veto('slip', ((both[..., 0] - slip) / slip_sd) ** 2)
    deviation = (both[..., 2:] - size) @ means[5][:, None]
    return score + veto('size', np.einsum('...i,...i->...', deviation, deviation))


def _best_chain(begin: np.ndarray, node: np.ndarray, link: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Which of the considered candidates ``(S,)`` are the best chain, -1 for none; all are if it is worth less than
    nothing.

    Args:
        begin: ``(F, S, D, Q)`` of a chain that begins there.
        node: ``(F, S, D, Q)`` what each adds to a chain.
        link: ``(F, L, Q, Q)``.
        change: ``(D, D)`` of the offset below to the one above.
    """
    facings, _, offsets, considered = begin.shape
    facing, offset = np.arange(facings)[:, None, None], np.arange(offsets)[:, None]
    state = np.arange(begin[0].size).reshape(begin.shape[1:])
    best, before = begin.copy(), np.full(begin.shape, -1)  # the state below; -1 where the chain begins
    onward, came_by = np.empty_like(begin), np.empty(begin.shape, int)  # to each offset above, and by which
    for slot in range(NUM_SLOTS):
        if slot > 0:
            lowers = np.arange(max(0, slot - MAX_LAG), slot)
            reached = onward[:, lowers, :, :, None] + link[:, _PAIR[lowers, slot], None]  # (F, n, D, Q, Q)
            reached = np.swapaxes(reached, 1, 2).reshape(facings, offsets, -1, considered)
            value = reached.max(axis=2) + node[:, slot]
            lag, which = np.divmod(reached.argmax(axis=2), considered)  # (F, D, Q)
            below = state[lowers[lag], came_by[facing, lowers[lag], offset, which], which]
            is_better = value > best[:, slot]
            best[:, slot] = np.where(is_better, value, best[:, slot])
            before[:, slot] = np.where(is_better, below, -1)
        changed = best[:, slot, :, None] + change[:, :, None]  # (F, D from, D to, Q)
        onward[:, slot], came_by[:, slot] = changed.max(axis=1), changed.argmax(axis=1)

    chain = np.full(NUM_SLOTS, -1)
    if best.max() > 0:
        side, at = divmod(int(best.argmax()), state.size)
        while at >= 0:
            slot, _, which = np.unravel_index(at, state.shape)
            chain[slot] = which
            at = int(before[side].flat[at])
    return chain
