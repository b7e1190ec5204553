"""What the height of a peak is worth: probabilities learned from what became of such peaks.

A peak is lower where the network doubts *that* there is a vertebra, and where it doubts *where* in it the centre is:
the middle of the sacrum's wide endplate is an uncertain place on a certain thing. So heights order candidates, but are
no probabilities. Platt scaling (Platt 1999, "Probabilistic outputs for support vector machines") makes them some: the
log odds become ``slope * log odds + bias``, one line for vertebrae and one for sacra, of greatest likelihood on images
that were not trained on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from ...anatomy import NUM_SLOTS
from .assembly import Spine
from .layout import ANCHOR_CORNERS, NUM_KINDS, SACRUM, VERTEBRA, kinds_of_slots

UNCALIBRATED = np.tile([1.0, 0.0], (NUM_KINDS, 1))  # slope and bias of each kind
_FEWEST = 10  # candidates that were right, and that were wrong: of fewer no line is learned
_SUREST = 0.995
_SAME = 0.5  # of a labelled vertebra's height, of a sacrum's endplate: a candidate whose anchor is so near is this one


@dataclass(frozen=True)
class Judged:
    """Candidates of which it is known what they are.

    Attributes:
        kinds: ``(N,)`` ``layout.VERTEBRA`` or ``layout.SACRUM``.
        scores: ``(N,)`` in (0, 1].
        is_right: ``(N,)`` bool, whether there is one.
    """

    kinds: np.ndarray
    scores: np.ndarray
    is_right: np.ndarray


def calibrated(scores: np.ndarray, kinds: np.ndarray | int, calibration: np.ndarray) -> np.ndarray:
    """Probabilities of candidates with scores (...) and kinds (...); a score of 0, of what was not found, stays 0.

    Args:
        calibration: (2, 2) slope and bias of vertebrae and of sacra.
    """
    scores = np.asarray(scores, dtype=float)
    slope, bias = np.moveaxis(np.asarray(calibration, dtype=float)[kinds], -1, 0)
    return np.where(scores > 0, expit(slope * _log_odds(scores) + bias), 0.0)


def judge(spine: Spine, labels: np.ndarray, taught: np.ndarray, known: np.ndarray) -> Judged:
    """Compare the vertebrae of a chain with the labels.

    Args:
        spine: in heatmap pixels.
        labels: (S, 4, 2) heatmap pixels, anything where not taught.
        taught: (S, 4) bool, labelled corners in the frame.
        known: (2, H, W) bool, where it is known of each kind whether there is one: see ``unknown``. What was found
            elsewhere is not judged.
    """
    makes_anchor = ANCHOR_CORNERS[kinds_of_slots(NUM_SLOTS)]
    slots = np.flatnonzero((taught | ~makes_anchor).all(axis=1))
    kinds, anchors = kinds_of_slots(NUM_SLOTS)[slots], np.zeros((len(slots), 2))
    reach = np.zeros(len(slots))
    for row, slot in enumerate(slots):
        tl, tr, bl, _ = labels[slot]
        anchors[row] = labels[slot][makes_anchor[slot]].mean(axis=0)
        reach[row] = _SAME * np.linalg.norm((tr if kinds[row] == SACRUM else bl) - tl)
    size = np.array(known.shape[:0:-1])
    found, scores, is_right = [], [], []
    for corners, score, kind in zip(spine.corners, spine.scores, spine.kinds, strict=True):
        if score <= 0:
            continue
        anchor = corners[ANCHOR_CORNERS[kind]].mean(axis=0)
        here = (kinds == kind) & (np.linalg.norm(anchors - anchor, axis=1) <= reach)
        x, y = np.round(anchor).clip(0, size - 1).astype(int)
        if here.any() or known[kind, y, x]:
            found.append(kind)
            scores.append(spine.sacrum_seen if kind == SACRUM else score)
            is_right.append(here.any())
    return Judged(np.array(found, dtype=int), np.array(scores, dtype=float), np.array(is_right, dtype=bool))


def fit_calibration(judged: list[Judged]) -> np.ndarray:
    """Slope and bias (2, 2) of vertebrae and of sacra; of a kind that was right, or wrong, too seldom those of
    ``UNCALIBRATED``."""
    result = UNCALIBRATED.copy()
    if not judged:
        return result
    kinds, scores, is_right = (
        np.concatenate([getattr(each, name) for each in judged]) for name in ('kinds', 'scores', 'is_right')
    )
    for kind in (VERTEBRA, SACRUM):
        odds, right = _log_odds(scores[kinds == kind]), is_right[kinds == kind]
        count = np.array([(~right).sum(), right.sum()])
        if count.min() >= _FEWEST:
            # Platt's targets: one more of each than was seen, so that no line becomes infinitely steep
            target = np.where(right, (count[1] + 1) / (count[1] + 2), 1 / (count[0] + 2))
            result[kind] = minimize(
                _cross_entropy, UNCALIBRATED[kind], (odds, target), bounds=[(0, None), (None, None)]
            ).x
    return result


def _cross_entropy(line: np.ndarray, odds: np.ndarray, target: np.ndarray) -> float:
    new = line[0] * odds + line[1]
    return float(np.mean(target * np.logaddexp(0, -new) + (1 - target) * np.logaddexp(0, new)))


def _log_odds(scores: np.ndarray) -> np.ndarray:
    scores = scores.clip(1 - _SUREST, _SUREST)
    return np.log(scores / (1 - scores))
