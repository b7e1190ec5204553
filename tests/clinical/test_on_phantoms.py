"""Slip and facing against phantoms, whose truth comes from their construction and not from these functions."""

from __future__ import annotations

import json

import numpy as np
import pytest

from spondylo_mm.anatomy import CORNERS
from spondylo_mm.clinical.facing import facing
from spondylo_mm.clinical.meyerding import meyerding_grade
from spondylo_mm.phantom.writer import write_dataset


@pytest.fixture(scope='module')
def truth(tmp_path_factory) -> list[dict]:
    root = tmp_path_factory.mktemp('phantoms') / 'dataset'
    write_dataset(root, dict(train=36, val=2, test=2), seed=3, size=128)
    return list(json.loads((root / 'truth.json').read_text())['images'].values())


def corners_by_level(image):
    return {v['level']: np.array([v['corners'][name] for name in CORNERS]) for v in image['vertebrae']}


def test_slip_and_grade_are_those_of_the_construction(truth, slip_of_pair):
    grades = set()
    for image in truth:
        corners = corners_by_level(image)
        for slip in image['slips']:
            percent = slip_of_pair(corners[slip['upper']], corners[slip['lower']], image['facing'], image['spacing'])
            assert percent == pytest.approx(slip['percent'], abs=0.01)
            assert meyerding_grade(percent) == slip['grade']
            grades.add(slip['grade'])
    assert len(grades) >= 4


def test_facing_is_right_or_unknown(truth):
    said = []
    for image in truth:
        corners = corners_by_level(image)
        slots = np.arange(len(corners))
        said.append((image['facing'], facing(np.array(list(corners.values())), slots)))
    assert {true for true, _ in said} == {'left', 'right'}
    assert all(answer in (true, 'unknown') for true, answer in said)
    assert np.mean([answer == 'unknown' for _, answer in said]) <= 0.1
