"""Random quantities of a phantom as dataclass fields: each with its range and the reason for it.

A group of them is a frozen dataclass whose fields are made by ``uniform``, ``log_uniform`` or ``chance``; ``draw``
samples the whole group, in the order of the fields, from one generator. ``describe`` lists what was promised.
"""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields
from typing import Any, TypeVar

import numpy as np

Group = TypeVar('Group')
_LAW = 'law'


@dataclass(frozen=True)
class Law:
    """How a quantity is distributed.

    Attributes:
        kind: ``'uniform'``, ``'log-uniform'`` (every factor equally likely) or ``'chance'``.
        low, high: Its range; of a chance 0 and the probability.
        why: Reason or source of the range.
    """

    kind: str
    low: float
    high: float
    why: str

    def draw(self, rng: np.random.Generator) -> float | bool:
        if self.kind == 'chance':
            return bool(rng.random() < self.high)
        if self.kind == 'log-uniform':
            return float(np.exp(rng.uniform(np.log(self.low), np.log(self.high))))
        return float(rng.uniform(self.low, self.high))


def uniform(low: float, high: float, why: str) -> Any:
    """A field drawn evenly from a range."""
    return field(metadata={_LAW: Law('uniform', low, high, why)})


def log_uniform(low: float, high: float, why: str) -> Any:
    """A field whose logarithm is drawn evenly: for factors and for ranges over an order of magnitude."""
    return field(metadata={_LAW: Law('log-uniform', low, high, why)})


def chance(probability: float, why: str) -> Any:
    """A field that is True with this probability."""
    return field(metadata={_LAW: Law('chance', 0.0, probability, why)})


def law(of: Field) -> Law:
    return of.metadata[_LAW]


def draw(group: type[Group], rng: np.random.Generator) -> Group:
    """Sample every field of ``group``."""
    return group(**{each.name: law(each).draw(rng) for each in fields(group)})


def describe(group: type) -> list[tuple[str, Law]]:
    """Name and law of every parameter of ``group``, in the order they are drawn."""
    return [(each.name, law(each)) for each in fields(group)]
