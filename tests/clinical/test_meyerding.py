from __future__ import annotations

import math

import numpy as np
import pytest

from spondylo_mm.clinical.meyerding import (
    GRADES,
    NO_ANTEROLISTHESIS_PERCENT,
    NO_RETROLISTHESIS_PERCENT,
    grade_probabilities,
    meyerding_grade,
    spans_border,
)


@pytest.mark.parametrize(
    ('percent', 'grade'),
    [
        (0.0, 0),
        (4.99, 0),
        (5.0, 1),
        (12.0, 1),
        (25.0, 1),
        (25.01, 2),
        (50.0, 2),
        (50.01, 3),
        (75.0, 3),
        (75.01, 4),
        (100.0, 4),
        (100.01, 5),
        (160.0, 5),
    ],
)
def test_grades_are_quarters_of_the_endplate_with_their_upper_bounds(percent, grade):
    assert meyerding_grade(percent) == grade


def test_a_retrolisthesis_has_the_grade_of_its_size_from_eight_percent_on():
    assert [meyerding_grade(p) for p in (-7.99, -8.0, -25.0, -25.01, -30.0)] == [0, 1, 1, 2, 2]


def test_no_slip_no_grade():
    assert meyerding_grade(math.nan) is None


def test_the_tolerances_are_those_of_the_studies_they_are_from():
    assert (NO_ANTEROLISTHESIS_PERCENT, NO_RETROLISTHESIS_PERCENT) == (5.0, 8.0)


def test_probabilities_are_the_shares_of_many_readings():
    rng = np.random.default_rng(0)
    for percent, sd in ((6.0, 2.0), (-24.0, 4.0), (0.0, 3.0), (-7.0, 2.0), (98.0, 10.0), (50.0, 60.0), (10.0, 200.0)):
        readings = rng.normal(percent, sd, 20000)
        grades = [meyerding_grade(reading) for reading in readings[np.abs(readings) <= 200]]  # no slip is larger
        shares = np.bincount(grades, minlength=len(GRADES)) / len(grades)
        assert grade_probabilities(percent, sd) == pytest.approx(shares, abs=0.015)
        assert sum(grade_probabilities(percent, sd)) == pytest.approx(1)


def test_without_uncertainty_the_grade_is_certain():
    assert grade_probabilities(30.0, 0.0) == (0, 0, 1, 0, 0, 0)


@pytest.mark.parametrize(
    ('interval', 'spans'),
    [
        ((-7.9, 4.9), False),
        ((-9.0, 4.0), True),
        ((3.0, 6.0), True),
        ((-9.0, 6.0), True),  # grade I at both ends, and in between none
        ((-30.0, -20.0), True),
        ((6.0, 24.0), False),
        ((101.0, 140.0), False),
        ((5.0, 25.0), False),
    ],
)
def test_an_interval_that_holds_two_grades_needs_a_person(interval, spans):
    assert spans_border(interval) is spans
