from __future__ import annotations

import math

import numpy as np
import pytest

from spondylo_mm.anatomy import TL, TR
from spondylo_mm.clinical.patient_spine import patient_spine

BODY = np.array([[0.0, 0], [40, 5], [2, 30], [41, 33]])


def image(body=BODY, slot=2):
    corners = np.full((10, 4, 2), math.nan)
    corners[slot] = body
    return corners


def test_a_patient_facing_left_is_only_scaled():
    spine = patient_spine(image(), 'left', spacing=(0.2, 0.5))
    assert spine.corners[2] == pytest.approx(BODY * [0.2, 0.5])


def test_facing_right_front_is_right_and_becomes_left():
    spine = patient_spine(image(), 'right')
    assert spine.corners[2, TL] == pytest.approx([-40, 5])  # the anterior-superior corner: TR in the image
    assert spine.corners[2, TR] == pytest.approx([0, 0])
    assert spine.body_fault(2) is None


def test_half_of_the_variance_is_along_each_axis_and_a_stretch_is_undone():
    sd = np.zeros((10, 4))
    sd[2] = [1, 2, 3, 4]
    spread = patient_spine(image(), 'right', spacing=(0.2, 0.5), sd=sd).sd
    assert spread[2, TL] == pytest.approx([2 * 0.2 / math.sqrt(2), 2 * 0.5 / math.sqrt(2)])
    assert patient_spine(image(), 'left').sd is None


def test_faults_name_the_level():
    spine = patient_spine(image(), 'left')
    assert spine.body_fault(2) is None and spine.body_fault(3) == 'L3 is absent'
    broken = BODY.copy()
    broken[1, 0] = math.nan
    assert patient_spine(image(broken), 'left').body_fault(2) == 'a corner of L4 is missing'
    assert patient_spine(image(broken), 'left').superior_endplate_fault(2) == 'a corner of L4 is missing'
    half = BODY.copy()
    half[3] = math.nan  # a lower corner of S1, say: its upper endplate is there all the same
    assert patient_spine(image(half), 'left').superior_endplate_fault(2) is None
    assert 'do not bound' in patient_spine(image(BODY[[1, 0, 2, 3]]), 'left').body_fault(2)
    assert 'faces' in patient_spine(image(), 'unknown').body_fault(2)


def test_a_dented_body_is_one():
    dented = BODY.copy()
    dented[0] = [20, 20]
    assert patient_spine(image(dented), 'left').body_fault(2) is None


@pytest.mark.parametrize('spacing', [(0.0, 1.0), (1.0, -1.0), (math.nan, 1.0), (1.0,), (1.0, math.inf)])
def test_a_spacing_must_be_two_positive_numbers(spacing):
    with pytest.raises(ValueError, match='spacing'):
        patient_spine(image(), 'left', spacing)
