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
from .mendeley import SPLITS, Sample, Tree, is_refused, leads_out
from .raw import check_inside, finite_numbers, short

TRUTH_FILE = 'truth.json'
_REMEDY = 'draw the phantoms again with tools/make_phantom.py'


def find_samples(root: Path, exclude: Path | None = None) -> Tree:
    """Every phantom under ``root``; the blind ones have a truth as well. ``exclude`` is for other formats."""
    tree, top = Tree(), root.resolve()
    is_outside = is_refused(root / TRUTH_FILE, top, tree.refused)
    truth = {} if is_outside else _truth(root / TRUTH_FILE)
    for name, entry in sorted(truth.items(), key=lambda item: (item[1]['split'], item[0])):
        image = root / name
        if is_refused(image, top, tree.refused):
            continue
        if image.is_file():
            tree.samples.append(Sample(entry['split'], image, image))
        else:
            tree.refused.append((image, f'in {TRUTH_FILE}, but no such image: {_REMEDY}'))
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
        raise InputError(f'{name}: not the image that {TRUTH_FILE} describes: {_REMEDY}')
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


def _truth(path: Path) -> dict[str, dict]:
    """Entries of ``truth.json`` by image path; none where there is no such file."""
    try:
        written = path.stat()
    except FileNotFoundError:
        return {}
    return _read(path, written.st_mtime_ns, written.st_size)


@lru_cache(maxsize=1)
def _read(path: Path, mtime_ns: int, size: int) -> dict[str, dict]:
    """The entries, once for all images of a folder; time and size are those of the file, which may be drawn anew.

    Raises:
        InputError: It is something else, an entry says too little, or one leads out of the folder.
    """
    try:
        entries = json.loads(path.read_text(encoding='utf-8'))['images'].items()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f'{path}: not the truth of phantoms: {_REMEDY}') from error
    for name, entry in entries:
        try:
            _check(name, entry)
        except ValueError as error:
            raise InputError(f'{path}: {short(name, 200)}: {error}: {_REMEDY}') from error
    return dict(entries)


def _check(name: str, entry: object) -> None:
    """
    Raises:
        ValueError: Not what is written of a phantom, or not below the folder; the message says why.
    """
    if leads_out(name):
        raise ValueError('not a path below the folder')
    if not isinstance(entry, dict) or entry.get('split') not in SPLITS:
        raise ValueError(f'of no split ({", ".join(SPLITS)})')
    size = entry.get('width'), entry.get('height')
    finite_numbers([*size], 2, 'size', '[width, height]')
    vertebrae = entry.get('vertebrae')
    if not isinstance(vertebrae, list) or not vertebrae:
        raise ValueError('without vertebrae')
    for index, vertebra in enumerate(vertebrae):
        corners = vertebra.get('corners') if isinstance(vertebra, dict) else None
        if not isinstance(corners, dict) or set(corners) != set(CORNERS) or 'level' not in vertebra:
            raise ValueError(f'vertebra {index} without its level or {", ".join(CORNERS)}')
        points = [finite_numbers(point, 2, f'corner {corner}', '[x, y]') for corner, point in corners.items()]
        check_inside(np.array(points), size)
