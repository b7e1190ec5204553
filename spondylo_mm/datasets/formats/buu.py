"""The label of BUU-LSPINE (Klinwichit et al. 2023, doi 10.3390/app13158646): a CSV of endplates whose levels are known.

``x1,y1,x2,y2,diagnosis``, no header: the two ends of an endplate in pixels of the image beside it. A row's place says
which endplate it is: on the lateral view L1 superior, L1 inferior, L2 superior, ... L5 inferior, S1 superior; the AP
view has no S1. So nothing is sorted or guessed here: a file whose rows cannot be what their places say is refused. The
inferior corners of S1 stay unlabelled.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from ...anatomy import LEVELS, NUM_CORNERS, OUTLINE
from ...errors import InputError
from ..anchors import CAUDAL, CRANIAL, cranial_shift
from .canonical import order_name, polygon_area
from .faults import BAD_DIAGNOSIS, BAD_VERTEBRA, Repair
from .label import UPPER_EDGE, Label, presence_of, read_text
from .raw import MIN_AREA, BadVertebra, check_inside, parse_numbers, short

SUFFIX = '.csv'
LISTED_LEVELS = ('L1', 'L2', 'L3', 'L4', 'L5', 'S1')  # two rows each, S1 one
ROWS_LATERAL, ROWS_AP = 11, 10
DIAGNOSES = ('normal', 'left laterolisthesis', 'right laterolisthesis', 'anterolisthesis', 'retrolisthesis')

_VALUES = 5  # of a row
_MIN_LENGTH = 2.0  # px; the two ends of a shorter endplate may be one point clicked twice


def read_label(path: Path, name: str, size: tuple[int, int], anchor: str = CAUDAL) -> Label:
    """Read and check the vertebrae of one lateral radiograph.

    Args:
        path: The CSV file.
        name: What to call it in reports.
        size: Width and height of the image.
        anchor: One of ``anchors.ANCHORS``. Counted from the cranial end, slots are no levels any more.

    Returns:
        The label; ``corners`` are NaN where not labelled. A vertebra with an unusable row is left out as a whole.

    Raises:
        InputError: The rows are not those of a lateral view, or out of order, or no vertebra can be used.
    """
    rows = [line.split(',') for line in read_text(path, name).splitlines() if line.strip()]
    if len(rows) != ROWS_LATERAL:
        seen = f'{len(rows)} rows' + (', as an AP view has' if len(rows) == ROWS_AP else '')
        raise InputError(
            f'{name}: {seen}, not {ROWS_LATERAL} (both endplates of L1 to L5, the superior one of S1): '
            'give the label of a lateral view'
        )
    corners, orders, diagnosis, repairs = {}, Counter(), {}, []
    for index, level in enumerate(LISTED_LEVELS):
        own = {number: rows[number] for number in range(2 * index, min(2 * index + 2, ROWS_LATERAL))}
        try:
            points = np.concatenate([_ends(number, row) for number, row in own.items()])
            roles = _roles(points)
            corners[level] = _checked(points[roles], size)
        except BadVertebra as error:
            repairs.append(Repair(name, index, BAD_VERTEBRA, f'{level}: {error}: dropped'))
            continue
        orders[order_name(roles)] += len(points) == NUM_CORNERS
        diagnosis[level] = [_diagnosis(row[-1]) for row in own.values()]
        if None in diagnosis[level]:
            said = ', '.join(short(row[-1].strip()).strip("'") for row in own.values())
            why = f'{level}: diagnosis {said} is not one of 0 to {len(DIAGNOSES) - 1}: left out'
            repairs.append(Repair(name, index, BAD_DIAGNOSIS, why))
    _check_order(name, corners, repairs)

    levels = [level for level in LEVELS if level in corners]  # most caudal first
    slots = np.array([LEVELS.index(level) for level in levels])
    shift = cranial_shift(slots[-1]) if anchor == CRANIAL else 0
    quads = np.full((len(levels), NUM_CORNERS, 2), np.nan)
    for quad, level in zip(quads, levels, strict=True):
        quad[: len(corners[level])] = corners[level]
    return Label(
        corners=quads,
        slots=slots + shift,
        presence=presence_of(slots + shift, shift, np.nanmin(quads[-1, :, 1]) <= UPPER_EDGE * size[1]),
        listed=slots[::-1] + shift,
        repairs=tuple(repairs),
        order=orders.most_common(1)[0][0],
        loose=None,
        format=SUFFIX,
        levels_known=anchor == CAUDAL,
        diagnosis=diagnosis,
    )


def _ends(number: int, row: list[str]) -> np.ndarray:
    """The two ends ``(2, 2)`` of an endplate, in the order of the row."""
    if len(row) != _VALUES:
        raise BadVertebra(f'{len(row)} values in row {number}, not {_VALUES} (x1, y1, x2, y2, diagnosis)')
    try:
        ends = parse_numbers([value.strip() for value in row[:4]]).reshape(2, 2)
    except BadVertebra as error:
        raise BadVertebra(f'row {number}: {error}') from error
    if not np.isfinite(ends).all():
        raise BadVertebra(f'row {number} is not finite')
    return ends


def _roles(points: np.ndarray) -> np.ndarray:
    """Which of the ends ``(2 or 4, 2)`` are left and right of each endplate: indices in the order TL, TR[, BL, BR]."""
    x = points[:, 0].reshape(-1, 2)
    return (np.argsort(x, axis=1, kind='stable') + 2 * np.arange(len(x))[:, None]).reshape(-1)


def _checked(corners: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """TL, TR, BL, BR ``(4, 2)``, or TL, TR of S1, if they can be those of a vertebra in this image."""
    check_inside(corners, size)
    for left, right in corners.reshape(-1, 2, 2):
        if (length := np.linalg.norm(right - left)) < _MIN_LENGTH:
            raise BadVertebra(f'an endplate is {length:.2g} px long')
    if len(corners) < NUM_CORNERS:
        return corners
    edges = np.array([corners[end] - corners[start] for start, end in OUTLINE])
    after = np.roll(edges, -1, axis=0)
    # Clockwise in the image every turn is positive. One may be negative (a dented body), two are a crossing, and all
    # four are where the inferior endplate is above the superior one.
    clockwise = int((edges[:, 0] * after[:, 1] - edges[:, 1] * after[:, 0] > 0).sum())
    area = abs(polygon_area(corners[[start for start, _ in OUTLINE]]))
    if clockwise == 2:
        raise BadVertebra('its endplates cross')
    if area < MIN_AREA:
        raise BadVertebra(f'the corners enclose {area:g} square pixels')
    if clockwise < 2:
        raise BadVertebra('its superior endplate lies below its inferior one')
    return corners


def _diagnosis(code: str) -> str | None:
    """The word for a code, None if it has no meaning."""
    return {str(number): word for number, word in enumerate(DIAGNOSES)}.get(code.strip().removesuffix('.0'))


def _check_order(name: str, corners: dict[str, np.ndarray], repairs: list[Repair]) -> None:
    """Every level must lie caudally of the one listed before it: else the rows are not what their places say.

    A slipped vertebra may be level with the next one in the image, so what counts is the upper one's own axis. The
    sacrum is held against L4: an L5 that has slipped right off lies in front of it.
    """
    whole = [level for level in LISTED_LEVELS if len(corners.get(level, ())) == NUM_CORNERS]
    if not whole:
        why = f'; vertebra {repairs[0].vertebra}: {repairs[0].why}' if repairs else ''
        raise InputError(f'{name}: no usable vertebra{why}: correct the label')
    pairs = list(zip(whole[:-1], whole[1:], strict=True)) + [('L4', 'S1')]
    for upper, lower in pairs:
        if upper not in whole or lower not in corners:
            continue
        superior, inferior = corners[upper].reshape(2, 2, 2).mean(axis=1)
        below = corners[lower].mean(axis=0) - corners[upper].mean(axis=0)
        if below @ (inferior - superior) <= 0:
            raise InputError(
                f'{name}: {lower} lies above {upper}: the rows are out of order and their levels cannot be trusted: '
                'correct the label'
            )
