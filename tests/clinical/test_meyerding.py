from __future__ import annotations

import math

import pytest

from spondylo_mm.clinical.meyerding import NO_SLIP_PERCENT, meyerding_grade


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


def test_a_retrolisthesis_has_the_grade_of_its_size():
    assert [meyerding_grade(p) for p in (-3.0, -10.0, -30.0)] == [0, 1, 2]


def test_no_slip_no_grade():
    assert meyerding_grade(math.nan) is None


def test_the_tolerance_is_the_one_epidemiology_uses():
    assert NO_SLIP_PERCENT == 5.0
