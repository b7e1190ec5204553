"""The formats of datasets that can be read, and which of them a folder holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...errors import InputError
from . import buu, buu_tree, label, mendeley, phantom_truth
from .label import Label
from .mendeley import Tree

DEFAULT_SEED = 0


@dataclass(frozen=True)
class Format:
    """How a dataset is read.

    Attributes:
        find: Finds the radiographs and labels below a folder; a dataset without splits of its own is split by a seed.
        read: Reads one label, as ``label.read_label``.
        has_splits: Whether the dataset comes in splits.
        expects: What it looks for, for those who gave it something else.
        is_detected: Whether a folder can be recognised as this, or must be said to be.
    """

    find: Callable[..., Tree]
    read: Callable[..., Label]
    has_splits: bool
    expects: str
    is_detected: bool = True


FORMATS = {
    'mendeley': Format(
        mendeley.find_samples,
        label.read_label,
        has_splits=True,
        expects='in images/<split> with labels/<split> beside it (split: train, val, test)',
    ),
    'buu': Format(
        buu_tree.find_samples,
        buu.read_label,
        has_splits=False,
        expects='of a lateral view (LA/0001-F-037Y1.jpg) with a CSV beside it',
    ),
    'phantom-truth': Format(
        phantom_truth.find_samples,
        phantom_truth.read_label,
        has_splits=True,
        expects='with the truth.json of tools/make_phantom.py in the top folder',
        is_detected=False,  # the same folder holds label files, and those are what a user means unless they say so
    ),
}


def detect(root: Path, exclude: Path | None = None) -> str:
    """The name of the format of which there are labels under ``root``, or at least images of a view that is not read;
    the first of ``FORMATS`` where there is neither.

    Raises:
        InputError: There are labels of more than one.
    """
    trees = {name: each.find(root, exclude) for name, each in FORMATS.items() if each.is_detected}
    found = [name for name, tree in trees.items() if any(sample.label for sample in tree.samples)]
    if len(found) > 1:
        raise InputError(f'{root}: holds labels of {" and ".join(found)}: say which with --format, or give one folder')
    return next(iter(found or [name for name, tree in trees.items() if tree.other_view] or FORMATS))
