"""The exact truth of phantoms, as ``tools/make_phantom.py`` writes it beside them: each visible vertebra, and no other.

Their label files are what an annotator would have written: inexact, and beginning where he liked. Read as a format of
their own, phantoms teach and measure what no label can: where a corner really is, and that above the topmost vertebra
of the film there is no further one. ``truth.json`` in the top folder has it all, so each image serves as its own label.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import numpy as np

from ...anatomy import CORNERS, EMPTY, LABELLED, LEVELS, NUM_SLOTS
from ...errors import InputError
from ..anchors import CAUDAL, CRANIAL, cranial_shift
from .canonical import order_name
from .faults import TOO_MANY, Repair
from .label import Label
from .mendeley import Sample, Tree

TRUTH_FILE = 'truth.json'


def find_samples(root: Path, exclude: Path | None = None) -> Tree:
    """Every phantom under ``root``; the blind ones have a truth as well. ``exclude`` is for other formats."""
    truth = _truth(root / TRUTH_FILE)
    tree = Tree()
    for name, entry in sorted(truth.items(), key=lambda item: (item[1]['split'], item[0])):
        image = root / name
        if image.is_file():
            tree.samples.append(Sample(entry['split'], image, image))
        else:
            tree.refused.append((image, f'in {TRUTH_FILE}, but no such image: draw the phantoms again'))
    return tree


def read_label(path: Path, name: str, size: tuple[int, int], anchor: str = CAUDAL) -> Label:
    """The true vertebrae of one phantom.

    Args:
        path: Its image.
        name: Path of the image below the folder of ``truth.json``.
        size: Width and height of the image.
        anchor: One of ``anchors.ANCHORS``.

    Returns:
        The label. Every slot without a vertebra is EMPTY. Levels are known unless the spine has one lumbar vertebra
        more or less than usual, in which case slots go by position, as in every label.

    Raises:
        InputError: No such entry, or an image of another size.
    """
    entry = _truth(path.parents[name.count('/')] / TRUTH_FILE).get(name)
    if entry is None or (entry['width'], entry['height']) != tuple(size):
        raise InputError(f'{name}: not the image that {TRUTH_FILE} describes: draw the phantoms again')
    levels = [vertebra['level'] for vertebra in entry['vertebrae']]
    corners = np.array([[vertebra['corners'][corner] for corner in CORNERS] for vertebra in entry['vertebrae']])
    repairs = [
        Repair(name, index, TOO_MANY, f'above the {NUM_SLOTS} most caudal levels: dropped')
        for index in range(NUM_SLOTS, len(levels))
    ]
    levels, corners = levels[:NUM_SLOTS], corners[:NUM_SLOTS]
    slots = np.arange(len(levels))
    if anchor == CRANIAL:
        slots = slots + cranial_shift(slots[-1])
    presence = np.full(NUM_SLOTS, EMPTY)
    presence[slots] = LABELLED
    return Label(
        corners=corners,
        slots=slots,
        presence=presence,
        listed=slots,
        repairs=tuple(repairs),
        order=order_name(np.arange(len(CORNERS))),
        loose=None,
        format=path.suffix.lower(),
        levels_known=anchor == CAUDAL and tuple(levels) == LEVELS[: len(levels)],
    )


@lru_cache(maxsize=1)
def _truth(path: Path) -> dict[str, dict]:
    """Entries of ``truth.json`` by image path; none where there is no such file."""
    try:
        return json.loads(path.read_text(encoding='utf-8'))['images']
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f'{path}: not the truth of phantoms: draw them again with tools/make_phantom.py') from error
