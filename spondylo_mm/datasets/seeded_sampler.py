"""Augmentation that depends on the seed, the epoch and the image, and on nothing else.

mmengine seeds its loader workers once, so what a sample looks like depends on which worker took it and on all that
worker did before: a resumed run, or one with another number of workers or processes, trains on other images. Here
every index carries the seed of its sample.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from mmengine.dataset import DefaultSampler
from mmpose.registry import DATA_SAMPLERS


class SeededIndex(int):
    """An index into a dataset with the seed of the randomness of its sample.

    It keeps that in what mmengine's ``ConcatDataset`` and ``RepeatDataset`` make of an index into themselves.
    """

    seed: tuple[int, ...]

    def __new__(cls, index: int, seed: tuple[int, ...] = ()) -> SeededIndex:
        self = super().__new__(cls, index)
        self.seed = seed
        return self

    def __sub__(self, other: int) -> SeededIndex:
        return SeededIndex(int(self) - other, self.seed)

    def __mod__(self, other: int) -> SeededIndex:
        return SeededIndex(int(self) % other, self.seed)


@DATA_SAMPLERS.register_module()
class SeededSampler(DefaultSampler):
    """:class:`mmengine.dataset.DefaultSampler` whose indices are :class:`SeededIndex`."""

    def __iter__(self) -> Iterator[SeededIndex]:
        for index in super().__iter__():
            yield SeededIndex(index, (self.seed, self.epoch, index))


@contextmanager
def seeded(index: int) -> Iterator[None]:
    """Random numbers of Python and numpy that follow from ``index``, if it is a :class:`SeededIndex`; those of the
    surroundings go on afterwards as if nothing had happened."""
    seed = getattr(index, 'seed', None)
    if seed is None:
        yield
        return
    states = random.getstate(), np.random.get_state()
    numbers = np.random.SeedSequence(seed).generate_state(4)
    np.random.seed(numbers)
    random.seed(int(numbers[0]))
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
