"""What is measured of any corners: a possible value or a reason, in files that any program can read."""

import csv
import io
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spondylo_mm.anatomy import NUM_KEYPOINTS, NUM_SLOTS
from spondylo_mm.apis.measurements import measurements_csv
from spondylo_mm.apis.predictions import image_record, overlay_names, write_predictions
from spondylo_mm.clinical.measurements import measure_spine
from spondylo_mm.clinical.meyerding import grade_probabilities, meyerding_grade
from spondylo_mm.clinical.patient_spine import patient_spine

from .settings import EXAMPLES, quickly
from .test_spines import SPINES


@st.composite
def corners(draw: st.DrawFn) -> np.ndarray:
    """(S, 4, 2): a phantom's, of which some are elsewhere, absent, or on top of each other; or nothing but chance."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    found = np.full((NUM_SLOTS, 4, 2), np.nan)
    spine = SPINES[draw(st.integers(0, len(SPINES) - 1))]
    found[: len(spine)] = spine
    if draw(st.booleans()):
        found = rng.uniform(-50, 700, found.shape)
    for _ in range(draw(st.integers(0, 6))):
        slot, corner = draw(st.integers(0, NUM_SLOTS - 1)), draw(st.integers(0, 3))
        change = draw(st.sampled_from(['gone', 'vertebra gone', 'far', 'same', 'flat', 'tiny']))
        if change == 'gone':
            found[slot, corner] = np.nan
        elif change == 'vertebra gone':
            found[slot] = np.nan
        elif change == 'far':
            found[slot, corner] = draw(st.sampled_from([-1e9, 0.0, 1e5, 1e9]))
        elif change == 'same':
            found[slot] = found[slot, corner]
        elif change == 'flat':
            found[slot, :, 1] = found[slot, corner, 1]
        else:
            found[slot] = found[slot, corner] + 1e-9 * (found[slot] - found[slot, corner])
    return found


sides = st.sampled_from(['left', 'right', 'unknown'])
deviations = st.one_of(st.none(), st.floats(0, 1e6), st.just(math.inf), st.just(math.nan))


def test_a_measure_is_a_possible_value_or_a_reason(record_property):
    @quickly
    @given(corners(), sides, st.sampled_from([(1.0, 1.0), (0.2, 0.1), (1e-6, 1e-6)]), deviations)
    def measured(found: np.ndarray, side: str, spacing: tuple, deviation: float | None) -> None:
        sd = None if deviation is None else np.full((NUM_SLOTS, 4), deviation)
        for (_, place), measure in measure_spine(patient_spine(found, side, spacing, sd)).items():
            assert (measure.value is None) != (measure.reason is None), place
            if measure.value is not None:
                assert math.isfinite(measure.value) and abs(measure.value) <= 1000
            if measure.interval:
                low, high = measure.interval
                assert math.isfinite(low) and math.isfinite(high) and low <= measure.value <= high

    measured()
    record_property('area', 'fuzzing: clinical functions')
    record_property('survived', EXAMPLES)


def test_grades_are_probable_to_one_hundred_per_cent(record_property):
    @quickly
    @given(st.floats(-200, 200), st.one_of(st.just(0.0), st.floats(1e-6, 1e4)))
    def graded(percent: float, sd: float) -> None:
        shares = grade_probabilities(percent, sd)
        assert sum(shares) == pytest.approx(1) and all(0 <= share <= 1 for share in shares)
        assert 0 <= meyerding_grade(percent) <= 5
        assert meyerding_grade(percent) == meyerding_grade(-percent)

    graded()
    record_property('area', 'fuzzing: clinical functions')
    record_property('survived', EXAMPLES)


def test_predictions_are_strict_json_and_whole_tables(tmp_path, record_property):
    """Whatever the network says, and whatever the images are called."""

    @quickly
    @given(
        corners(),
        st.lists(st.floats(0, 1), min_size=NUM_SLOTS, max_size=NUM_SLOTS),
        st.lists(st.text(min_size=1).map(lambda text: text.encode(errors='replace').decode()), min_size=1, max_size=3),
        st.sampled_from([None, (0.14, 0.14)]),
        st.sampled_from([None, 0.5, math.nan]),
    )
    def written(found: np.ndarray, presence: list, names: list[str], spacing: tuple | None, deviation: float | None):
        scores = np.full(NUM_KEYPOINTS, 0.7)
        spread = None if deviation is None else np.full(NUM_KEYPOINTS, deviation)
        record = image_record(
            found.reshape(NUM_KEYPOINTS, 2), scores, np.array(presence), (640, 640), spacing=spacing, spread=spread
        )
        names = list(dict.fromkeys(names))
        path = write_predictions(tmp_path, {name: record for name in names}, dict(version='0'))
        content = json.loads(path.read_text(encoding='utf-8'), parse_constant=pytest.fail)
        assert list(content['images']) == names
        for name in ('summary.csv', 'measurements.csv'):
            text = (tmp_path / name).read_text(encoding='utf-8')
            rows = list(csv.reader(io.StringIO(text)))
            assert all(len(row) == len(rows[0]) for row in rows)
            assert not any(cell.startswith(('=', '+', '@')) for row in rows for cell in row)
        assert len(list(csv.reader(io.StringIO((tmp_path / 'summary.csv').read_text())))) == 1 + len(names)
        assert len(list(measurements_csv({}))) == 1
        assert all(len(name.encode()) <= 255 for name in overlay_names(names).values())

    written()
    record_property('area', 'fuzzing: predictions writer')
    record_property('survived', EXAMPLES)
