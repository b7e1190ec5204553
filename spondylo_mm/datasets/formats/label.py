"""One label file, whatever its format, as corners in slots: the way from what was labelled to what is trained on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...anatomy import EMPTY, LABELLED, NUM_SLOTS, UNKNOWN
from ...errors import InputError
from ..anchors import CAUDAL, CRANIAL, cranial_shift
from . import keypointrcnn_json, yolo_pose
from .canonical import order_name
from .faults import BAD_VERTEBRA, MISSING_LEVEL, TOO_MANY, UNSORTED, Repair
from .raw import RawLabel
from .spine import Spine, assemble

PARSERS = {'.json': keypointrcnn_json.parse, '.txt': yolo_pose.parse}  # where both exist, the first is used

# The labels of a whole spine have some 4,000 bytes; what has hundreds of times as many is not read into memory.
MAX_LABEL_BYTES = 1_000_000

# A spine has 24 vertebrae and the sacrum. Twice as many may be doubled labels; more are no label of one radiograph, and
# every pair of them would be compared.
MAX_VERTEBRAE = 50

# A labelled vertebra this close to the upper edge, as a share of the image height, is the topmost visible one: 10 of
# 640 px (docs/dataset.md; true for 11.5 % of the images), too little for another one.
UPPER_EDGE = 10 / 640

# Boxes that reach further past the corners than this share of the image height are the loose ones (docs/dataset.md:
# 15-30 of 640 px); the tight ones follow the corners within their rounding.
_LOOSE_MARGIN = 3 / 640


@dataclass(frozen=True)
class Label:
    """The vertebrae of one radiograph.

    Attributes:
        corners: ``(n, 4, 2)`` TL, TR, BL, BR in image pixels, most caudal vertebra first; NaN where not labelled.
        slots: ``(n,)`` slot of each.
        presence: ``(NUM_SLOTS,)`` LABELLED, EMPTY where there is known to be no vertebra, else UNKNOWN.
        listed: ``(n,)`` the slots in the order in which the file lists their vertebrae.
        repairs: What had to be repaired.
        order: The commonest order of corners in the file, such as ``'BL,BR,TL,TR'``.
        loose: Whether the file's boxes are larger than its corners need; None without boxes.
        format: Suffix of the file.
        levels_known: Whether the file says which level each vertebra is, and each is in its level's slot.
        diagnosis: What the file says of each level's endplates, superior first: a word of ``buu.DIAGNOSES``, or None
            where it says nothing that has a meaning. None where the format has no diagnoses.
    """

    corners: np.ndarray
    slots: np.ndarray
    presence: np.ndarray
    listed: np.ndarray
    repairs: tuple[Repair, ...]
    order: str
    loose: bool | None
    format: str
    levels_known: bool = False
    diagnosis: dict[str, list[str | None]] | None = None


def read_label(path: Path, name: str, size: tuple[int, int], anchor: str = CAUDAL) -> Label:
    """Read, check, repair and number the vertebrae of one radiograph.

    Args:
        path: The label file; its suffix names the format.
        name: What to call it in reports.
        size: Width and height of the image.
        anchor: One of ``anchors.ANCHORS``. ``'caudal'`` numbers from the lowest labelled vertebra up, starting at slot
            0. ``'cranial'`` numbers from the topmost down, starting at the last slot, as the published baselines do;
            kept for comparison.

    Raises:
        InputError: Nothing in the file can be used.
    """
    raw = PARSERS[path.suffix.lower()](read_text(path, name), name, size)
    if not raw.vertebrae:
        why = f'vertebra {raw.bad[0][0]}: {raw.bad[0][1]}' if raw.bad else 'it lists none'
        raise InputError(f'{name}: no usable vertebra ({why}): correct the label')
    if len(raw.vertebrae) > MAX_VERTEBRAE:
        raise InputError(f'{name}: {len(raw.vertebrae)} vertebrae are more than a spine has: correct the label')
    spine = assemble(np.stack([vertebra.points for vertebra in raw.vertebrae]))
    listed = np.array([vertebra.index for vertebra in raw.vertebrae])[spine.chain]
    bad_below = _bad_below(listed, raw)
    slots = bad_below + np.arange(len(listed)) + np.cumsum(spine.missing)
    fits = slots < NUM_SLOTS
    if not fits.any():
        raise InputError(f'{name}: {len(raw.bad)} unusable vertebrae leave no slot to the others: correct the label')
    slots, corners = slots[fits], spine.corners[fits]
    if anchor == CRANIAL:
        slots = slots + cranial_shift(slots[-1])
    orders = Counter(order_name(roles) for roles in spine.roles)
    return Label(
        corners=corners,
        slots=slots,
        listed=slots[np.argsort(listed[fits])],
        presence=presence_of(slots, slots[0] - bad_below, corners[-1, :, 1].min() <= UPPER_EDGE * size[1]),
        repairs=tuple(_repairs(name, raw, spine, listed, fits)),
        order=orders.most_common(1)[0][0],
        loose=_is_loose(raw, size[1]),
        format=path.suffix.lower(),
    )


def read_text(path: Path, name: str) -> str:
    """The content of a label file.

    Raises:
        InputError: It cannot be read, or is too large.
    """
    try:
        if not path.is_file() and path.exists():
            raise InputError(f'{name}: is no file: replace it by the label')
        if (size := path.stat().st_size) > MAX_LABEL_BYTES:
            raise InputError(
                f'{name}: {size:,} bytes are more than a label has ({MAX_LABEL_BYTES:,}): replace it by the label'
            )
        return path.read_text(encoding='utf-8-sig')
    except UnicodeDecodeError as error:
        raise InputError(f'{name}: not a text file: replace it by the label') from error
    except OSError as error:
        raise InputError(f'{name}: {error.strerror}: make the file readable') from error


def _bad_below(listed: np.ndarray, raw: RawLabel) -> int:
    """How many unusable entries are listed beyond the lowest usable vertebra; they are levels, so they keep a slot."""
    bad = np.array([index for index, _ in raw.bad])
    if len(bad) == 0 or len(listed) < 2:
        return 0
    steps = np.diff(listed)
    if (steps < 0).all():  # from top to bottom
        return int((bad > listed[0]).sum())
    return int((bad < listed[0]).sum()) if (steps > 0).all() else 0


def presence_of(slots: np.ndarray, lowest: int, top_is_at_the_edge: bool) -> np.ndarray:
    """What is known of each slot. Above the topmost labelled vertebra others may be visible; below the sacrum there is
    none.

    Args:
        slots: ``(n,)`` of the labelled vertebrae, ascending.
        lowest: Slot of the sacrum, labelled or not.
        top_is_at_the_edge: Whether the topmost labelled vertebra leaves no room for another.

    Returns:
        ``(NUM_SLOTS,)`` LABELLED, EMPTY or UNKNOWN.
    """
    presence = np.full(NUM_SLOTS, UNKNOWN)
    presence[slots[-1] + 1 :] = EMPTY if top_is_at_the_edge else UNKNOWN
    presence[:lowest] = EMPTY
    presence[slots] = LABELLED
    return presence


def _repairs(name: str, raw: RawLabel, spine: Spine, listed: np.ndarray, fits: np.ndarray) -> list[Repair]:
    repairs = [Repair(name, index, BAD_VERTEBRA, f'{why}: dropped') for index, why in raw.bad]
    entries = [vertebra.index for vertebra in raw.vertebrae]
    repairs += [
        Repair(name, entries[i], kind, why)
        for i, kind, why in spine.faults
        if not (kind == MISSING_LEVEL and _is_explained(entries[i], raw, spine, listed))
    ]
    steps = np.diff(listed)
    if (steps > 0).any():
        found = 'from bottom to top' if (steps > 0).all() else 'out of order'
        repairs.append(Repair(name, '', UNSORTED, f'vertebrae are listed {found}: sorted along the spine'))
    repairs += [
        Repair(name, int(index), TOO_MANY, f'above the {NUM_SLOTS} most caudal levels: dropped')
        for index in listed[~fits]
    ]
    return repairs


def _is_explained(above: int, raw: RawLabel, spine: Spine, listed: np.ndarray) -> bool:
    """Whether the levels missing below the entry ``above`` are those whose labels were dropped as unusable: the file
    lists enough of these between the two neighbours of the gap."""
    position = int(np.flatnonzero(listed == above)[0])
    low, high = sorted(listed[position - 1 : position + 1])
    return sum(low < index < high for index, _ in raw.bad) >= spine.missing[position]


def _is_loose(raw: RawLabel, height: int) -> bool | None:
    margins = [
        np.abs(vertebra.box.reshape(2, 2) - [vertebra.points.min(axis=0), vertebra.points.max(axis=0)]).mean()
        for vertebra in raw.vertebrae
        if vertebra.box is not None
    ]
    return bool(np.median(margins) > _LOOSE_MARGIN * height) if margins else None
