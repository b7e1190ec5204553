"""What was measured on an image, as it goes into ``predictions.json`` and ``measurements.csv``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..anatomy import LEVELS, NUM_CORNERS, NUM_SLOTS
from ..clinical.measure import Measure, absent
from ..clinical.measurements import (
    DISC_ANGLE,
    DISC_HEIGHTS,
    SEGMENTAL_ANGLE,
    SLIP,
    UNITS,
    WEDGE_RATIO,
    measure_spine,
)
from ..clinical.meyerding import GRADES, grade_probabilities, meyerding_grade, spans_border
from ..clinical.normal_ranges import NORMAL_RANGES
from ..clinical.patient_spine import PatientSpine, patient_spine, proportions
from ..clinical.slip import endplate_length
from ..escaping import csv_of_dicts

_DECIMALS = {'%': 2, 'degrees': 2, 'ratio': 3}
_OF_PAIRS = (SEGMENTAL_ANGLE, DISC_ANGLE, *DISC_HEIGHTS)
MEASUREMENT_COLUMNS = (
    'file_name',
    'upper',
    'lower',
    'slip_percent',
    'slip_low',
    'slip_high',
    'slip_mm',
    'grade',
    *(f'probability_{grade}' for grade in GRADES),
    'review_needed',
    *_OF_PAIRS,
    f'upper_{WEDGE_RATIO}',
    'no_slip_because',
)


def clinical_record(
    corners: np.ndarray,
    present: np.ndarray,
    side: str,
    spacing: Sequence[float] | None = None,
    sd: np.ndarray | None = None,
    pixel_aspect: float | None = None,
    levels_known: bool = True,
) -> dict:
    """The measured part of an image's record.

    Args:
        corners: (S, 4, 2) image pixels.
        present: (S,) bool, the slots with a vertebra.
        side: ``'left'``, ``'right'`` or ``'unknown'``, where the patient faces.
        spacing: mm per pixel in x and y; without it nothing is given in mm.
        sd: (S, 4) standard deviation of each corner in image pixels, where known.
        pixel_aspect: width of a pixel over its height, where no spacing is known; None: pixels are taken to be square.
        levels_known: slot 0 is the sacrum. Else nothing can be measured.

    Returns:
        ``slips``, a row per measured pair; ``measurements``, a row per quantity and place, absent ones with their
        reason; ``review``, why a person must look, empty where nothing speaks for it.
    """
    present = np.asarray(present) & levels_known
    seen = np.where(present[:, None, None], corners, np.nan)
    spine = patient_spine(seen, side, proportions(spacing, pixel_aspect), sd)
    # Rounded before anything is made of them: a grade must be that of the number beside it.
    measures = {key: _rounded(measure, key[0]) for key, measure in measure_spine(spine).items()}
    if not levels_known:
        measures = dict.fromkeys(measures, absent('levels are unknown'))
    slips = {place: measure for (name, place), measure in measures.items() if name == SLIP}
    return dict(
        slips=[
            _slip_row(place, measure) | (dict(mm=_slip_mm(spine, place, measure)) if spacing is not None else {})
            for place, measure in slips.items()
            if measure.value is not None
        ],
        measurements=[_row(name, place, measure) for (name, place), measure in measures.items()],
        review=_review(int(present.sum()), side, slips)
        if levels_known
        else ['it is unknown which level each vertebra is'],
    )


def record_of_keypoints(values: np.ndarray) -> np.ndarray:
    """(K,) values of keypoints as (S, 4) values of corners."""
    return np.asarray(values, dtype=float).reshape(NUM_SLOTS, NUM_CORNERS)


def _slip_row(place: str, slip: Measure) -> dict:
    upper, lower = place.split('/')
    row = dict(upper=upper, lower=lower, percent=slip.value, grade=meyerding_grade(slip.value))
    if slip.interval:
        row.update(
            interval=list(slip.interval),
            grade_probabilities=[round(share, 4) for share in grade_probabilities(slip.value, slip.sd)],
            review_needed=spans_border(slip.interval),
        )
    return row


def _slip_mm(spine: PatientSpine, place: str, slip: Measure) -> float:
    lower = LEVELS.index(place.split('/')[1])
    return round(slip.value / 100 * endplate_length(spine, lower), 2)


def _row(name: str, place: str, measure: Measure) -> dict:
    """One quantity; every row has every key."""
    norm = NORMAL_RANGES.get(name)
    return dict(
        name=name,
        at=place,
        unit=UNITS[name],
        value=measure.value,
        interval=list(measure.interval) if measure.interval else None,
        normal=[norm.low, norm.high] if norm else None,
        reason=measure.reason,
    )


def _rounded(measure: Measure, name: str) -> Measure:
    """Value and interval as they are written."""
    if measure.value is None:
        return measure
    decimals = _DECIMALS[UNITS[name]]
    interval = measure.interval and tuple(round(bound, decimals) for bound in measure.interval)
    return replace(measure, value=round(measure.value, decimals), interval=interval)


def _review(count: int, side: str, slips: dict[str, Measure]) -> list[str]:
    if count < 2:
        return ['fewer than two vertebrae were found']
    if side == 'unknown':
        return ['it is unknown which way the patient faces']
    reasons = []
    for place, slip in slips.items():
        if slip.value is None:
            reasons.append(f'{place}: no slip: {slip.reason}')
        elif slip.interval and spans_border(slip.interval):
            low, high = slip.interval
            reasons.append(f'{place}: a slip of {low:.1f} to {high:.1f} % spans a border of grades')
    return reasons


def measurements_csv(records: Mapping[str, dict]) -> Iterator[str]:
    """The records' measurements as the lines of a table with one row per pair of neighbouring levels."""
    rows = (dict(file_name=name) | row for name, record in records.items() for row in _pair_rows(record))
    return csv_of_dicts(MEASUREMENT_COLUMNS, rows)


def _pair_rows(record: dict) -> list[dict]:
    found = {(row['name'], row['at']): row for row in record['measurements']}
    slips = {f'{slip["upper"]}/{slip["lower"]}': slip for slip in record['slips']}
    rows = []
    for place in [at for name, at in found if name == SLIP]:
        upper, lower = place.split('/')
        reason = found[SLIP, place]['reason']
        row = dict(upper=upper, lower=lower, no_slip_because=reason, review_needed=True if reason else None)
        if slip := slips.get(place):
            row.update(slip_percent=slip['percent'], slip_mm=slip.get('mm'), grade=slip['grade'])
            if 'interval' in slip:
                row['slip_low'], row['slip_high'] = slip['interval']
                row['review_needed'] = slip['review_needed']
                row |= {
                    f'probability_{grade}': share
                    for grade, share in zip(GRADES, slip['grade_probabilities'], strict=True)
                }
        row |= {name: found[name, place]['value'] for name in _OF_PAIRS}
        row[f'upper_{WEDGE_RATIO}'] = found[WEDGE_RATIO, upper]['value']
        rows.append(row)
    return rows
