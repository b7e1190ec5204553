"""Radiographs of one patient in two splits: a model would be tested on what it was trained on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from .formats.mendeley import SPLITS


@dataclass(frozen=True)
class Identity:
    """What tells whether two radiographs are of one patient: any of the three in common.

    Attributes:
        split: Where the radiograph is.
        labelled: Whether it can be trained on or evaluated.
        patient: Patient id, as far as the name carries one.
        source: Name of the original radiograph.
        digest: Hash of the file.
    """

    split: str
    labelled: bool
    patient: str
    source: str
    digest: str


@dataclass(frozen=True)
class Leak:
    """A radiograph that should go, and the one it should go for: indices into the identities.

    ``costs_nothing``: the radiograph has no label, so nothing is trained on it or measured with it.
    """

    drop: int
    keep: int
    why: str
    costs_nothing: bool


def find_leaks(identities: Sequence[Identity]) -> list[Leak]:
    """Every radiograph that shares its patient with one of another split, and is the one to be given up.

    An unlabelled one goes first, as it costs no evaluation label; else the one in the earlier split: train before val
    before test. Copies within one split are no leak.
    """
    sharing: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, identity in enumerate(identities):
        for kind in ('source', 'patient', 'digest'):
            sharing[kind, getattr(identity, kind)].append(index)

    def worth(index: int) -> tuple[bool, int]:
        return identities[index].labelled, SPLITS.index(identities[index].split)

    leaks = {}
    for (kind, value), indices in sharing.items():
        keep = max(indices, key=worth)
        for drop in indices:
            if identities[drop].split != identities[keep].split and drop not in leaks:
                what = 'the same file' if kind == 'digest' else f'{kind} {value}'
                leaks[drop] = Leak(drop, keep, what, not identities[drop].labelled)
    return [leaks[drop] for drop in sorted(leaks)]
