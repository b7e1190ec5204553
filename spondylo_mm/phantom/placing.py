"""From a drawing of a bone, in its own axes, to the patient frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..anatomy import BL, BR, TL, TR


@dataclass(frozen=True)
class Placed:
    """Takes points of a drawing ``(M, 2)`` into the patient frame: turned, scaled and shifted."""

    matrix: np.ndarray
    offset: np.ndarray

    def __call__(self, points: Sequence[tuple[float, float]] | np.ndarray) -> np.ndarray:
        return np.asarray(points, float) @ self.matrix.T + self.offset


def behind(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Axes of a vertebra, backwards and down as columns ``(2, 2)``, and the middle of its posterior wall."""
    back = unit(corners[TR] + corners[BR] - corners[TL] - corners[BL])
    return np.column_stack([back, [-back[1], back[0]]]), 0.5 * (corners[TR] + corners[BR])


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def rounded(outline: Sequence[tuple[float, float]] | np.ndarray, closed: bool = True) -> np.ndarray:
    """An outline with its corners cut twice (Chaikin 1974); an open one keeps its ends."""
    outline = np.asarray(outline, float)
    for _ in range(2):
        following = np.roll(outline, -1, axis=0)
        cut = np.stack([0.75 * outline + 0.25 * following, 0.25 * outline + 0.75 * following], 1).reshape(-1, 2)
        outline = cut if closed else np.concatenate([outline[:1], cut[1:-3], outline[-1:]])
    return outline


def ragged(outline: Sequence[tuple[float, float]] | np.ndarray, sd: float, rng: np.random.Generator) -> np.ndarray:
    """An outline with its vertices moved at random: no two patients have the same bone."""
    outline = np.asarray(outline, float)
    return outline + rng.normal(0, sd, outline.shape)
