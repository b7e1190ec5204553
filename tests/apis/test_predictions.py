"""One record per image, and the files made of the records."""

import csv
import json

import numpy as np
import pytest

from spondylo_mm.anatomy import NUM_CORNERS, NUM_KEYPOINTS, NUM_SLOTS
from spondylo_mm.apis.predictions import image_record, overlay_names, write_predictions

MODEL = dict(config='a.py', checkpoint='a.pth', version='0')


def lordotic(slip: float = 0.0) -> np.ndarray:
    """Keypoints (K, 2) of a patient who faces left; L4 and all above have slipped forward by ``slip`` px."""
    centres_x = np.array([500, 455, 440, 445, 465, 490, 515, 535, 550, 560.0])
    corners = np.zeros((NUM_SLOTS, NUM_CORNERS, 2))
    for slot in range(NUM_SLOTS):
        corners[slot] = [[-50, -25], [50, -25], [-50, 25], [50, 25]]
        corners[slot] += [centres_x[slot], 600 - 62 * slot]
    corners[2:, :, 0] += corners[1, 1, 0] - corners[2, 3, 0] - slip
    return corners.reshape(NUM_KEYPOINTS, 2)


def record(slip: float = 0.0, count: int = 6, **kwargs) -> dict:
    presence = np.where(np.arange(NUM_SLOTS) < count, 0.8, 0.2)
    return image_record(lordotic(slip), np.full(NUM_KEYPOINTS, 0.75), presence, (800, 900), **kwargs)


def test_only_slots_judged_present_are_listed_from_the_sacrum_up():
    assert [vertebra['level'] for vertebra in record(count=4)['vertebrae']] == ['S1', 'L5', 'L4', 'L3']
    assert record(count=0) == dict(width=800, height=900, facing='unknown', num_vertebrae=0, vertebrae=[], slips=[])


def test_a_corner_holds_its_place_its_score_and_its_spread_where_known():
    corner = record()['vertebrae'][1]['corners']['TR']
    assert corner == dict(x=505.0, y=513.0, score=0.75)
    assert record(sd=np.arange(NUM_KEYPOINTS))['vertebrae'][1]['corners']['TR']['sd'] == 5.0


@pytest.mark.parametrize('slip, grade', [(2, 0), (20, 1), (40, 2), (60, 3)])
def test_a_slip_of_a_share_of_the_endplate_is_graded(slip, grade):
    result = record(slip)
    (row,) = [row for row in result['slips'] if row['upper'] == 'L4']
    assert result['facing'] == 'left'
    assert row == dict(upper='L4', lower='L5', percent=float(slip), grade=grade)  # endplates are 100 px long


def test_without_facing_there_is_no_slip():
    two = image_record(lordotic(), np.ones(NUM_KEYPOINTS), np.eye(NUM_SLOTS)[0] + np.eye(NUM_SLOTS)[1], (800, 900))
    assert two['facing'] == 'unknown' and two['slips'] == []


def test_a_gap_in_the_spine_leaves_out_its_slip():
    presence = np.where(np.arange(NUM_SLOTS) == 3, 0.1, 0.9)
    result = image_record(lordotic(), np.ones(NUM_KEYPOINTS), presence, (800, 900))
    pairs = [(row['upper'], row['lower']) for row in result['slips']]
    assert ('L3', 'L4') not in pairs and ('L2', 'L3') not in pairs and ('L4', 'L5') in pairs


def test_the_files_hold_every_image_and_the_largest_slip(tmp_path):
    records = {'a/1.png': record(60), 'b/1.png': record(count=0)}
    content = json.loads(write_predictions(tmp_path, records, MODEL).read_text())
    assert content == dict(schema=1, model=MODEL, images=records)
    first, second = csv.DictReader((tmp_path / 'summary.csv').open())
    assert (first['largest_slip_levels'], first['largest_slip_grade']) == ('L4/L5', '3')
    assert (first['lowest_level'], first['highest_level'], first['mean_score']) == ('S1', 'L1', '0.75')
    assert second['num_vertebrae'] == '0' and second['largest_slip_percent'] == ''


def test_overlays_of_images_with_one_stem_do_not_overwrite_each_other():
    assert overlay_names(['x/1.png', 'y/2.png']) == {'x/1.png': '1.png', 'y/2.png': '2.png'}
    assert overlay_names(['x/1.png', 'y/1.png']) == {'x/1.png': 'x__1.png.png', 'y/1.png': 'y__1.png.png'}


def test_a_stretched_image_with_known_spacing_has_the_slip_of_the_true_one():
    """Everything leans, so that the slip is not along x alone."""
    angle = np.deg2rad(20)
    leaning = lordotic(20) @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]).T
    presence = np.ones(NUM_SLOTS)

    def slip(keypoints: np.ndarray, **kwargs) -> float:
        result = image_record(keypoints, np.ones(NUM_KEYPOINTS), presence, (800, 900), **kwargs)
        return next(row['percent'] for row in result['slips'] if row['upper'] == 'L4')

    assert slip(leaning * [1.5, 1], spacing=(1.0, 1.5)) == slip(leaning) == 20.0
    assert abs(slip(leaning * [1.5, 1]) - 20) > 2
