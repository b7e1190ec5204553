from __future__ import annotations

import csv
import math
import re
from collections import Counter, defaultdict

import numpy as np
import pytest

from spondylo_mm.anatomy import NUM_SLOTS
from spondylo_mm.clinical.facing import MIN_PROBABILITY, facing, facing_with_confidence, probability_left


def mirrored(corners, width=640):
    return (np.array([width - 1, 0]) + corners * [-1, 1])[:, [1, 0, 3, 2]]


def spine(steps, tilt=0.0):
    """Upright boxes of width 100, S1 first; ``steps`` in widths from a vertebra down to the next, + to the right."""
    x, quads = 0.0, []
    for slot, step in enumerate([0.0, *steps]):
        x -= 100 * step
        quads.append(np.array([[x, 0], [x + 100, 0], [x, 50], [x + 100, 50]]) - [0, 65.0 * slot])
    quads[0][0, 1] += 50 * tilt
    quads[0][1, 1] -= 50 * tilt
    return np.array(quads)


LORDOSIS = (0.43, 0.11, -0.06, -0.16, -0.19)  # anterior to the left


def test_lordosis_bulges_and_the_sacrum_falls_towards_anterior():
    assert facing(spine(LORDOSIS, tilt=0.5), np.arange(6)) == 'left'
    assert facing(spine([-s for s in LORDOSIS], tilt=-0.5), np.arange(6)) == 'right'


def test_the_sacrums_tilt_alone_speaks():
    straight = [0.0] * 5
    assert probability_left(spine(straight, tilt=0.4), np.arange(6)) > 0.9
    assert probability_left(spine(straight, tilt=-0.4), np.arange(6)) < 0.1


def test_a_straight_spine_on_a_level_sacrum_is_unknown():
    assert facing(spine([0.0] * 6), np.arange(7)) == 'unknown'
    assert probability_left(spine([0.0] * 6), np.arange(7)) == pytest.approx(0.5)


def test_the_order_of_the_vertebrae_does_not_matter():
    order = [3, 0, 5, 1, 4, 2]
    assert probability_left(spine(LORDOSIS)[order], np.array(order)) == pytest.approx(
        probability_left(spine(LORDOSIS), np.arange(6))
    )


def test_a_missing_level_costs_its_two_steps_and_is_not_bridged():
    whole = spine((0.0, 0.3, 0.3, 0.0, 0.0))  # all evidence is in the steps L4 -> L5 and L3 -> L4
    without_l4 = np.array([0, 1, 3, 4, 5])
    assert probability_left(whole, np.arange(6)) != pytest.approx(0.5)
    assert probability_left(whole[without_l4], without_l4) == pytest.approx(0.5)


def test_lordosis_speaks_without_the_sacrum():
    assert facing(spine((0.0, 0.2, 0.1, -0.2, -0.3, -0.3))[1:], np.arange(1, 7)) == 'left'


def test_too_few_vertebrae_are_unknown():
    two = spine(LORDOSIS, tilt=0.5)[:2]
    assert facing(two, np.arange(2)) == 'unknown'
    assert facing(np.zeros((0, 4, 2)), np.zeros(0, dtype=int)) == 'unknown'


def test_a_vertebra_with_a_corner_that_is_not_finite_is_left_out():
    corners = spine(LORDOSIS, tilt=0.5)
    corners[3, 2, 0] = math.nan
    rest = np.array([0, 1, 2, 4, 5])
    assert probability_left(corners, np.arange(6)) == pytest.approx(probability_left(corners[rest], rest))
    assert facing(np.full((5, 4, 2), math.nan), np.arange(5)) == 'unknown'


def test_the_confidence_is_the_probability_of_the_likelier_side():
    for corners in (spine(LORDOSIS, tilt=0.5), spine(LORDOSIS[:2], tilt=-0.1), spine([-s for s in LORDOSIS])):
        side, confidence = facing_with_confidence(corners, np.arange(len(corners)))
        left = probability_left(corners, np.arange(len(corners)))
        assert confidence == max(left, 1 - left) >= 0.5
        assert side == ('unknown' if confidence < MIN_PROBABILITY else 'left' if left > 0.5 else 'right')


def test_the_upper_endplate_of_the_sacrum_speaks_without_its_lower_edge():
    whole, cut = spine([0.0] * 5, tilt=0.4), spine([0.0] * 5, tilt=0.4)
    cut[0, 2:] = math.nan
    assert probability_left(cut, np.arange(6)) == pytest.approx(probability_left(whole, np.arange(6)))
    cut[0, 1] = math.inf
    assert probability_left(cut, np.arange(6)) == pytest.approx(0.5)


def test_corners_in_one_point_are_unknown():
    assert facing(np.zeros((5, 4, 2)), np.arange(5)) == 'unknown'


def test_one_wild_vertebra_does_not_turn_the_patient_round():
    for distance in (-400, 400):  # four body widths
        corners = spine((*LORDOSIS, -0.16), tilt=0.5)
        corners[6] += [distance, 0]
        assert facing(corners, np.arange(7)) == 'left'


def test_the_five_real_radiographs_face_left_and_their_mirror_images_right(real_spines):
    assert len(real_spines) == 5
    for corners in real_spines.values():
        slots = np.arange(len(corners))
        assert facing(corners, slots) == 'left'
        assert facing(mirrored(corners), slots) == 'right'
        assert probability_left(corners, slots) == pytest.approx(1 - probability_left(mirrored(corners), slots))


def test_agreement_with_the_geometry_of_501_real_radiographs(real_data):
    """98.6 % of the BUU part face left. Only boxes are known, so the sacrum's tilt cannot help here."""
    images = defaultdict(list)
    with open(real_data / 'geometry' / 'per_vertebra_stats.csv') as file:
        for row in csv.DictReader(file):
            images[row['filename']].append([float(row[key]) for key in ('kp_mean_x', 'kp_mean_y', 'box_w', 'box_h')])
    said = Counter()
    for name, rows in images.items():
        if re.match(r'\d{4}-[FM]-\d{3}Y1', name):
            x, y, width, height = np.array(sorted(rows, key=lambda row: -row[1])[:NUM_SLOTS]).T
            corners = np.stack([x, y], axis=-1)[:, None] + np.stack([width, height], axis=-1)[:, None] * np.array(
                [[-0.5, -0.5], [0.5, -0.5], [-0.5, 0.5], [0.5, 0.5]]
            )
            said[facing(corners, np.arange(len(corners)))] += 1
    assert sum(said.values()) == 501
    assert said['left'] / 501 >= 0.97
    assert said['right'] / 501 <= 0.014
