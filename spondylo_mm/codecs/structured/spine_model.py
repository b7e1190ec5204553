"""What a spine looks like, in few numbers learned from training labels: the model that structured decoding believes.

A chain of vertebrae, most caudal first. Normal distributions of

- *shape* of the vertebra in each slot: direction in the image, taper, wedge;
- *slip*, *spacing* and *size* (with turn) of each vertebra as seen from the one in the slot below,

with a mean per slot and one covariance for the lowest slot (normally the sacrum) and another for all others; how often
each slot is the lowest labelled one, how often a level within the chain has no label, and how often patients face left.
Vertebrae further apart than one level are judged by the composed means: they have no numbers of their own.

Features are those of ``geometry``, of a patient who faces left.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from ...anatomy import NUM_SLOTS
from .geometry import spacing

MAX_LAG = 4  # a chain may jump over up to three levels, as many as a gas or metal shadow hides

_SHAPES = dict(
    shape_mean=(NUM_SLOTS, 4),
    shape_cov=(2, 4, 4),
    link_mean=(NUM_SLOTS - 1, 6),
    slip_var=(2,),
    spacing_var=(2,),
    size_cov=(2, 4, 4),
    log_start=(NUM_SLOTS,),
    log_gap=(1,),
    log_facing=(2,),
)
VECTOR_SIZE = sum(math.prod(shape) for shape in _SHAPES.values())


@dataclass(frozen=True)
class SpineModel:
    """The numbers; ``fitting.fit_spine_model`` learns them.

    Attributes:
        shape_mean: ``(S, 4)``.
        shape_cov: ``(2, 4, 4)``, of the lowest slot and of all others.
        link_mean: ``(S - 1, 6)``, of the vertebra in slot s + 1 as seen from slot s.
        slip_var, spacing_var: ``(2,)``, of links from the lowest slot and from all others.
        size_cov: ``(2, 4, 4)``, of the last four link features.
        log_start: ``(S,)`` logarithm of the probability that the slot is the lowest one with a vertebra.
        log_gap: ``(1,)`` logarithm of the probability that a level within the chain has none.
        log_facing: ``(2,)`` logarithm of the probability that the patient faces left, and right.
    """

    shape_mean: np.ndarray
    shape_cov: np.ndarray
    link_mean: np.ndarray
    slip_var: np.ndarray
    spacing_var: np.ndarray
    size_cov: np.ndarray
    log_start: np.ndarray
    log_gap: np.ndarray
    log_facing: np.ndarray

    def to_vector(self) -> np.ndarray:
        """All numbers as one array ``(VECTOR_SIZE,)``, for a checkpoint."""
        return np.concatenate([getattr(self, field.name).ravel() for field in fields(self)])

    @classmethod
    def from_vector(cls, vector: np.ndarray) -> SpineModel | None:
        """The model of :meth:`to_vector`; None if all numbers are 0, which means: never fitted."""
        if not np.any(vector):
            return None
        ends = np.cumsum([math.prod(shape) for shape in _SHAPES.values()])
        parts = np.split(np.asarray(vector, dtype=float), ends[:-1])
        return cls(**{name: part.reshape(_SHAPES[name]) for name, part in zip(_SHAPES, parts, strict=True)})

    @cached_property
    def shape_whitening(self) -> np.ndarray:
        """``(S, 4, 4)``: a deviation times its slot's matrix has unit covariance."""
        return _whitening(self.shape_cov[_group(NUM_SLOTS)])

    @cached_property
    def links(self) -> list[Links]:
        """Links over 1 to ``MAX_LAG`` levels; index 0 is a lag of 1."""
        return [self._links(lag) for lag in range(1, MAX_LAG + 1)]

    def _links(self, lag: int) -> Links:
        """Compose ``lag`` steps; their deviations are taken as independent."""
        count = NUM_SLOTS - lag
        step, turn = self.link_mean[:count, :2], self.link_mean[:count, 2:].reshape(-1, 2, 2)
        for more in range(1, lag):
            mean = self.link_mean[more : more + count]
            step = step + np.einsum('sij,sj->si', turn, mean[:, :2])
            turn = turn @ mean[:, 2:].reshape(-1, 2, 2)
        mean = np.concatenate([step, turn.reshape(-1, 4)], axis=1)
        slip, room, size = (
            values[_group(count)] + (lag - 1) * values[1] for values in (self.slip_var, self.spacing_var, self.size_cov)
        )
        return Links(mean[:, 0], np.sqrt(slip), spacing(mean), np.sqrt(room), mean[:, 2:], _whitening(size))


@dataclass(frozen=True)
class Links:
    """Distributions of the links over one number of levels, from each slot s that has one above it, ``n`` in all.

    Attributes:
        slip, slip_sd, spacing, spacing_sd: ``(n,)``.
        size: ``(n, 4)``.
        size_whitening: ``(n, 4, 4)``.
    """

    slip: np.ndarray
    slip_sd: np.ndarray
    spacing: np.ndarray
    spacing_sd: np.ndarray
    size: np.ndarray
    size_whitening: np.ndarray


def _group(count: int) -> np.ndarray:
    """``(count,)``: 0 for the lowest slot, 1 for the others."""
    return np.minimum(np.arange(count), 1)


def _whitening(covariances: np.ndarray) -> np.ndarray:
    """``(n, d, d)``, to be multiplied from the right."""
    return np.swapaxes(np.linalg.inv(np.linalg.cholesky(covariances)), -1, -2)
