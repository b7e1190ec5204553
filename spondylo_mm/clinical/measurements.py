"""Everything that is measured on one spine, by name and place: the one list that predictions and metrics share."""

from __future__ import annotations

import numpy as np

from ..anatomy import LEVELS
from .alignment import disc_angle, lordosis, sacral_slope, segmental_angle
from .heights import ANTERIOR, MIDDLE, POSTERIOR, disc_height, wedge_ratio
from .measure import Measure
from .patient_spine import PatientSpine
from .slip import slip

SLIP, LORDOSIS, SACRAL_SLOPE, SEGMENTAL_ANGLE, DISC_ANGLE, WEDGE_RATIO = (
    'slip', 'lordosis', 'sacral_slope', 'segmental_angle', 'disc_angle', 'wedge_ratio',
)  # fmt: skip
DISC_HEIGHTS = {f'disc_height_{name}': place for name, place in
                (('anterior', ANTERIOR), ('middle', MIDDLE), ('posterior', POSTERIOR))}  # fmt: skip
ANGLES = (LORDOSIS, SACRAL_SLOPE, SEGMENTAL_ANGLE, DISC_ANGLE)
LORDOSIS_TOPS = ('L1', 'L4')

UNITS = {
    SLIP: '%',
    **dict.fromkeys(ANGLES, 'degrees'),
    **dict.fromkeys(DISC_HEIGHTS, '%'),
    WEDGE_RATIO: 'ratio',
}

Place = str  # 'L5/S1' for a pair (for lordosis: the two ends), 'L5' for one vertebra


def pair_name(lower: int) -> Place:
    """Name of the pair of slot ``lower`` and the one above: ``L5/S1``."""
    return f'{LEVELS[lower + 1]}/{LEVELS[lower]}'


def measure_spine(spine: PatientSpine) -> dict[tuple[str, Place], Measure]:
    """All measurements of a spine, ``{(name, place): measure}``: of the whole, then of each pair from the sacrum up to
    the topmost vertebra there is, then of each body. What lies above that is not listed; what is missing below it is,
    with its reason. Units: ``UNITS``.
    """
    measures = {(LORDOSIS, f'{top}/S1'): lordosis(spine, LEVELS.index(top)) for top in LORDOSIS_TOPS}
    measures[SACRAL_SLOPE, 'S1'] = sacral_slope(spine)
    there = np.flatnonzero(~np.isnan(spine.corners).all(axis=(1, 2)))
    top = int(there.max(initial=0))
    for lower in range(top):
        pair = pair_name(lower)
        measures[SLIP, pair] = slip(spine, lower)
        measures[SEGMENTAL_ANGLE, pair] = segmental_angle(spine, lower)
        measures[DISC_ANGLE, pair] = disc_angle(spine, lower)
        for name, place in DISC_HEIGHTS.items():
            measures[name, pair] = disc_height(spine, lower, place)
    for slot in range(1, top + 1):
        measures[WEDGE_RATIO, LEVELS[slot]] = wedge_ratio(spine, slot)
    return measures
