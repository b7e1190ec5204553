"""One record per image, and the files made of the records."""

import csv
import json

import cv2
import numpy as np
import pytest
from PIL import Image

from spondylo_mm.anatomy import NUM_CORNERS, NUM_KEYPOINTS, NUM_SLOTS
from spondylo_mm.apis.predictions import (
    check_pictures_folder,
    image_record,
    is_picture_of_ours,
    overlay_names,
    write_png,
    write_predictions,
)
from spondylo_mm.errors import InputError

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
    nothing = record(count=0)
    assert (nothing['facing'], nothing['num_vertebrae'], nothing['vertebrae'], nothing['slips']) == (
        'unknown',
        0,
        [],
        [],
    )
    assert all(row['value'] is None and row['reason'] for row in nothing['measurements'])
    assert nothing['review'] == ['fewer than two vertebrae were found']


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


@pytest.mark.parametrize('spacing, mm', [((0.2, 0.2), 4.0), ((0.1, 0.3), 2.0), ((0.4, 0.1), 8.0)])
def test_with_a_spacing_a_slip_has_mm_along_the_endplate(spacing, mm):
    """20 px along an endplate of 100 px that lies level, so that only the width of a pixel counts."""
    result = record(20, spacing=spacing, spacing_source='PixelSpacing')
    (row,) = [row for row in result['slips'] if row['upper'] == 'L4']
    assert (row['percent'], row['mm']) == (20.0, mm)
    assert (result['spacing'], result['spacing_source']) == (list(spacing), 'PixelSpacing')
    assert result['pixel_aspect'] == round(spacing[0] / spacing[1], 6)


def test_mm_of_a_tilted_endplate_are_those_of_the_patient():
    """Pixels are 0.1 mm wide and 0.3 mm high. From its back end the endplate below runs 30 px to the left and 40 down:
    (-3, 12) mm. The corner above lies 10 px to the left and 5 up: (-1, -1.5) mm, (3 - 18) / |(3, 12)| of it along it.
    """
    body = np.array([[0, 40], [30, 0], [20, 55], [50, 15]]) + [100, 300]
    keypoints = np.zeros((NUM_KEYPOINTS, 2))
    keypoints[:4], keypoints[4:8] = body, body - [30, 20]
    presence = np.arange(NUM_SLOTS) < 2
    settings = dict(size=(400, 400), spacing=(0.1, 0.3), side='left')
    (row,) = image_record(keypoints, np.ones(NUM_KEYPOINTS), presence.astype(float), **settings)['slips']
    assert row['mm'] == pytest.approx(-15 / np.hypot(3, 12), abs=0.005)
    assert row['percent'] == pytest.approx(100 * -15 / (3**2 + 12**2), abs=0.005)


def test_the_aspect_alone_gives_the_same_percentages_and_no_mm():
    tilted = lordotic() @ np.array([[0.9, 0.4], [-0.4, 0.9]]) + [300, 0]
    settings = dict(scores=np.ones(NUM_KEYPOINTS), presence=np.ones(NUM_SLOTS), size=(900, 900), side='left')
    known = image_record(tilted, spacing=(0.3, 0.2), **settings)
    ratio = image_record(tilted, pixel_aspect=1.5, **settings)
    assert [row['percent'] for row in ratio['slips']] == [row['percent'] for row in known['slips']] != []
    assert all('mm' in row for row in known['slips']) and not any('mm' in row for row in ratio['slips'])
    assert (ratio['spacing'], ratio['spacing_source'], ratio['pixel_aspect']) == (None, None, 1.5)
    assert known['slips'][0]['percent'] != image_record(tilted, **settings)['slips'][0]['percent']


def test_a_corner_the_model_was_not_taught_is_left_out_and_the_slip_on_that_sacrum_is_not():
    taught = np.ones(NUM_KEYPOINTS, dtype=bool)
    taught[2:4] = taught[20:24] = False
    whole, known = record(20), record(20, taught=taught)
    assert list(known['vertebrae'][0]['corners']) == ['TL', 'TR']
    assert known['vertebrae'][0]['corners']['TL'] == whole['vertebrae'][0]['corners']['TL']
    assert [vertebra['level'] for vertebra in known['vertebrae']] == ['S1', 'L5', 'L4', 'L3', 'L2']  # of L1 nothing
    assert known['num_vertebrae'] == 5 and known['facing'] == 'left'
    assert known['slips'] == [row for row in whole['slips'] if row['upper'] != 'L1']
    assert known['slips'][0]['lower'] == 'S1'


def test_slots_counted_from_the_top_are_no_levels():
    cranial = record(20, anchor='cranial')
    assert [(v['slot'], v['level']) for v in cranial['vertebrae']] == [(slot, None) for slot in range(6)]
    assert cranial['facing'] == 'unknown' and cranial['slips'] == [] != record(20)['slips']


def test_without_facing_there_is_no_slip():
    two = image_record(lordotic(), np.ones(NUM_KEYPOINTS), np.eye(NUM_SLOTS)[0] + np.eye(NUM_SLOTS)[1], (800, 900))
    assert two['facing'] == 'unknown' and two['slips'] == []
    assert two['review'] == ['it is unknown which way the patient faces']


def test_the_user_may_know_the_facing():
    presence = np.where(np.arange(NUM_SLOTS) < 2, 1.0, 0.0)

    def slips(side):
        result = image_record(lordotic(), np.ones(NUM_KEYPOINTS), presence, (800, 900), side=side)
        assert (result['facing'], result['facing_confidence']) == (side, None)
        return [row['percent'] for row in result['slips']]

    # S1 runs from x = 450 to 550, the underside of L5 from 405 to 505.
    assert slips('left') == [45.0] and slips('right') == [-45.0]


def test_the_confidence_of_the_facing_is_told():
    assert record()['facing_confidence'] > 0.95
    two = image_record(lordotic(), np.ones(NUM_KEYPOINTS), np.eye(NUM_SLOTS)[:2].sum(axis=0), (800, 900))
    assert two['facing_confidence'] == 0.5


def test_with_deviations_a_slip_has_an_interval_and_probabilities():
    sd = np.full(NUM_KEYPOINTS, 4.0)
    (row,) = [row for row in record(24, sd=sd)['slips'] if row['upper'] == 'L4']
    # Every corner moves by 4 / sqrt(2) px along x and along y; the endplate is 100 px long. Along x the upper corner
    # counts in full, the anterior end by the 24 % that the length is divided into, the posterior end by the rest. Along
    # y both ends turn the endplate under a corner that is 12 px above it.
    deviation = 4 / np.sqrt(2) * np.sqrt(1 + 0.24**2 + (1 - 0.24) ** 2 + 2 * 0.12**2)
    assert row['interval'] == pytest.approx([24 - 1.96 * deviation, 24 + 1.96 * deviation], abs=0.01)
    assert row['review_needed'] and len(row['grade_probabilities']) == 6
    assert row['grade_probabilities'][2] == pytest.approx(0.4, abs=0.03)
    assert any(reason.startswith('L4/L5: a slip of') for reason in record(24, sd=sd)['review'])
    sure = record(15, sd=sd / 100)
    assert sure['review'] == [] or all('L4/L5' not in reason for reason in sure['review'])


@pytest.mark.parametrize(('slip', 'grade'), [(25.004, 1), (25.006, 2), (4.996, 1), (4.994, 0), (-7.996, 1)])
def test_the_grade_is_that_of_the_percent_written_beside_it(slip, grade):
    (row,) = [row for row in record(slip)['slips'] if row['upper'] == 'L4']
    assert (row['percent'], row['grade']) == (round(slip, 2), grade)


def test_the_spread_of_the_heatmap_measures_where_there_is_no_dropout_and_is_not_listed():
    result = record(15, spread=np.full(NUM_KEYPOINTS, 4.0))
    assert all('interval' in row for row in result['slips'])
    assert 'sd' not in result['vertebrae'][0]['corners']['TL']


def test_a_row_per_pair_with_its_measurements_or_the_reason(tmp_path):
    presence = np.where(np.arange(NUM_SLOTS) < 6, 0.8, 0.2)
    presence[3] = 0.1
    keypoints = lordotic(15)
    keypoints[8, 1] += 12.5  # the anterior wall of L4 is 37.5 px high, the posterior one 50
    gap = image_record(keypoints, np.full(NUM_KEYPOINTS, 0.75), presence, (800, 900), sd=np.ones(NUM_KEYPOINTS))
    write_predictions(tmp_path, {'a.png': gap, 'b.png': record(15, count=2, side='left')}, MODEL)
    rows = list(csv.DictReader((tmp_path / 'measurements.csv').open()))
    assert [(row['file_name'], row['upper'], row['lower']) for row in rows] == [
        ('a.png', 'L5', 'S1'), ('a.png', 'L4', 'L5'), ('a.png', 'L3', 'L4'), ('a.png', 'L2', 'L3'),
        ('a.png', 'L1', 'L2'), ('b.png', 'L5', 'S1'),
    ]  # fmt: skip
    slipped, missing, bare = rows[1], rows[2], rows[5]
    assert (slipped['slip_percent'], slipped['grade'], slipped['review_needed']) == ('15.0', '1', 'False')
    assert float(slipped['slip_low']) < 15 < float(slipped['slip_high'])
    assert float(slipped['probability_I']) > 0.99 and slipped['no_slip_because'] == ''
    assert float(slipped['disc_height_middle']) == pytest.approx(12, abs=0.1)  # 100 deep, 12 px apart
    assert float(slipped['upper_wedge_ratio']) == 0.75 and float(slipped['disc_angle']) == 0.0
    assert missing['slip_percent'] == '' and missing['no_slip_because'] == 'L3 is absent'
    assert missing['review_needed'] == 'True'
    assert bare['slip_percent'] == '45.0' and bare['slip_low'] == '' and bare['review_needed'] == ''


def test_the_summary_has_the_alignment_and_why_a_person_must_look(tmp_path):
    write_predictions(tmp_path, {'a.png': record(60), 'b.png': record(count=4)}, MODEL)
    first, second = csv.DictReader((tmp_path / 'summary.csv').open())
    assert float(first['lordosis_L1_S1']) == float(first['sacral_slope']) == 0.0  # all endplates are level
    assert second['lordosis_L1_S1'] == '' and second['lordosis_L4_S1'] == '0.0'
    assert first['review'] == ''


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


def test_the_highest_level_is_one_that_has_a_name(tmp_path):
    """Vertebrae above the last slot have none."""
    long = record(20)
    long['vertebrae'] = [*long['vertebrae'], long['vertebrae'][-1] | dict(slot=NUM_SLOTS, level=None)]
    write_predictions(tmp_path, {'long.png': long}, MODEL)
    (row,) = csv.DictReader((tmp_path / 'summary.csv').open())
    assert row['highest_level'] == 'L1'


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


def test_where_the_lowest_vertebra_is_no_sacrum_nothing_is_said_of_levels():
    result = record(20, levels_known=False)
    assert [(each['slot'], each['level']) for each in result['vertebrae']] == [(slot, None) for slot in range(6)]
    assert result['facing'] == 'unknown' and result['slips'] == []
    assert all(row['value'] is None and row['reason'] == 'levels are unknown' for row in result['measurements'])
    assert result['review'] == ['it is unknown which level each vertebra is']


def test_vertebrae_above_the_last_slot_are_listed_without_a_level():
    above = lordotic().reshape(NUM_SLOTS, NUM_CORNERS, 2)[7:9] - [0, 300]
    extra = above, np.array([[0.9] * 4, [0.2] * 4]), np.array([0.8, 0.3])
    plain, result = record(count=10), record(count=10, extra=extra)
    assert result['num_vertebrae'] == 11 and result['vertebrae'][:10] == plain['vertebrae']
    eleventh = result['vertebrae'][10]
    assert (eleventh['slot'], eleventh['level'], eleventh['presence']) == (10, None, 0.8)
    assert eleventh['corners']['BR'] == dict(x=above[0, 3, 0], y=above[0, 3, 1], score=0.9)
    assert result['measurements'] == plain['measurements']


def test_a_picture_says_whose_it_is_and_shows_what_was_drawn(tmp_path):
    drawn = np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    write_png(tmp_path / 'ours.png', drawn)
    with Image.open(tmp_path / 'ours.png') as picture:
        picture.load()
        assert picture.text == dict(Software='spondylo_mm')
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / 'ours.png')), drawn)
    cv2.imwrite(str(tmp_path / 'theirs.png'), drawn)
    (tmp_path / 'empty.png').touch()
    assert [is_picture_of_ours(tmp_path / f'{name}.png') for name in ('ours', 'theirs', 'empty', 'none')] == [
        True, False, False, False,
    ]  # fmt: skip
    assert not is_picture_of_ours(tmp_path)


@pytest.mark.parametrize('name', ['film.png', 'film.jpg', 'deep/film.png'])
def test_a_folder_for_pictures_holds_no_film(tmp_path, name):
    write_png(tmp_path / 'ours.png', np.zeros((20, 20, 3), np.uint8))
    for harmless in ('notes.txt', '.part-1.png'):
        (tmp_path / harmless).write_text('neither a film nor taken for a result')
    check_pictures_folder(tmp_path)
    check_pictures_folder(tmp_path / 'not yet there')
    (tmp_path / name).parent.mkdir(exist_ok=True)
    cv2.imwrite(str(tmp_path / name), np.zeros((20, 20), np.uint8))
    with pytest.raises(InputError, match=f'{name}: lies where pictures of results go.*choose another output folder$'):
        check_pictures_folder(tmp_path)


def test_a_picture_that_is_more_than_a_png_can_have_is_named(tmp_path):
    with pytest.raises(InputError, match='a.png: 2000000x16 pixels are more than a PNG can have'):
        write_png(tmp_path / 'a.png', np.zeros((16, 2_000_000, 3), np.uint8))
    assert not list(tmp_path.iterdir())
