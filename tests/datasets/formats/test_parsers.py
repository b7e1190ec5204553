"""The two label formats: what they mean, and what happens to what they do not mean."""

import json

import numpy as np
import pytest

from spondylo_mm.datasets.formats import keypointrcnn_json, yolo_pose
from spondylo_mm.errors import InputError

SIZE = (640, 480)
GOOD = [[331, 28, 1], [396, 37, 1], [357, 1, 1], [405, 9, 1]]
BOX = [331, 1, 405, 37]


def as_json(*vertebrae, **more):
    return json.dumps(
        {'boxes': [BOX] * len(vertebrae), 'keypoints': list(vertebrae), 'labels': [0] * len(vertebrae), **more}
    )


def as_yolo(points, box=BOX, size=SIZE):
    (x1, y1, x2, y2), (width, height) = box, size
    values = [0, (x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height]
    values += [value for x, y, visible in points for value in (x / width, y / height, visible)]
    return ' '.join(f'{value:.8g}' for value in values)


def test_json_points_are_pixels_in_the_order_of_the_file():
    label = keypointrcnn_json.parse(as_json(GOOD, GOOD[::-1]), 'a.json', SIZE)
    np.testing.assert_array_equal(label.vertebrae[0].points, [[331, 28], [396, 37], [357, 1], [405, 9]])
    np.testing.assert_array_equal(label.vertebrae[1].points, [[405, 9], [357, 1], [396, 37], [331, 28]])
    np.testing.assert_array_equal(label.vertebrae[0].box, BOX)
    assert [vertebra.index for vertebra in label.vertebrae] == [0, 1]
    assert label.bad == []


def test_yolo_text_says_the_same_as_json_in_shares_of_the_image():
    text = as_yolo(GOOD) + '\n\n' + as_yolo(GOOD[::-1]) + '\n'
    label, twin = (
        yolo_pose.parse(text, 'a.txt', SIZE),
        keypointrcnn_json.parse(as_json(GOOD, GOOD[::-1]), 'a.json', SIZE),
    )
    for vertebra, expected in zip(label.vertebrae, twin.vertebrae, strict=True):
        assert vertebra.index == expected.index
        np.testing.assert_allclose(vertebra.points, expected.points, atol=1e-4)
        np.testing.assert_allclose(vertebra.box, expected.box, atol=1e-4)


def test_a_corner_flagged_visible_by_1_or_2_is_a_corner():
    flagged = [[x, y, visible] for (x, y, _), visible in zip(GOOD, (1, 2, 2, 1), strict=True)]
    assert len(keypointrcnn_json.parse(as_json(flagged), 'a.json', SIZE).vertebrae) == 1


BAD_POINTS = {
    'three corners': (GOOD[:3], '3 corners, not 4'),
    'five corners': (GOOD + GOOD[:1], '5 corners, not 4'),
    'no list': (None, 'None for corners'),
    'a string': ([['331', 28, 1], *GOOD[1:]], "corner ['331', 28, 1] is not"),
    'a truth value': ([[True, 28, 1], *GOOD[1:]], 'is not [x, y, visible]'),
    'two numbers': ([[331, 28], *GOOD[1:]], 'is not [x, y, visible]'),
    'NaN': ([[float('nan'), 28, 1], *GOOD[1:]], 'is not finite'),
    'infinity': ([[float('inf'), 28, 1], *GOOD[1:]], 'is not finite'),
    'more than a float holds': ([[10**400, 28, 1], *GOOD[1:]], 'is not finite'),
    'not labelled': ([[0, 0, 0], *GOOD[1:]], 'marked as not labelled'),
    'outside': ([[700, 28, 1], *GOOD[1:]], 'corner (700, 28) is outside the 640x480 image'),
    'below the image': ([[331, 500, 1], *GOOD[1:]], 'outside'),
    'one point': ([GOOD[0]] * 4, 'enclose 0 square pixels'),
    'a line': ([[10, 10, 1], [20, 10, 1], [30, 10, 1], [40, 10, 1]], 'enclose 0 square pixels'),
}


@pytest.mark.parametrize('points, why', BAD_POINTS.values(), ids=BAD_POINTS)
def test_an_entry_that_is_no_vertebra_is_left_out_with_the_reason(points, why):
    label = keypointrcnn_json.parse(as_json(GOOD, points, GOOD), 'a.json', SIZE)
    assert [vertebra.index for vertebra in label.vertebrae] == [0, 2]
    ((index, reason),) = label.bad
    assert index == 1
    assert why in reason


def test_an_entry_with_a_box_of_strings_is_left_out():
    label = keypointrcnn_json.parse(as_json(GOOD, GOOD, boxes=[BOX, ['a', 1, 2, 3]]), 'a.json', SIZE)
    assert label.bad[0][0] == 1 and 'box' in label.bad[0][1]


def test_a_corner_clicked_just_past_the_edge_is_kept():
    points = [[-3, 28, 1], *GOOD[1:]]
    assert keypointrcnn_json.parse(as_json(points), 'a.json', SIZE).vertebrae[0].points[0, 0] == -3


@pytest.mark.parametrize(
    'text, why',
    [
        (as_json(GOOD)[:60], 'not valid JSON'),
        ('', 'not valid JSON'),
        ('[' * 100_000, 'not valid JSON'),
        ('[1, 2]', 'a JSON list'),
        ('3', 'a JSON int'),
        ('{"boxes": []}', 'no list "keypoints"'),
        ('{"keypoints": {"a": 1}}', 'no list "keypoints"'),
        ('{"keypoints": [], "boxes": [[1, 2, 3, 4]]}', '1 boxes but 0 keypoint lists'),
        ('{"keypoints": [], "boxes": "none"}', 'str boxes but 0'),
    ],
)
def test_a_file_that_is_no_label_is_refused_in_one_line(text, why):
    with pytest.raises(InputError, match='^a.json: ') as error:
        keypointrcnn_json.parse(text, 'a.json', SIZE)
    assert why in str(error.value)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    'line, why',
    [
        ('0 0.5 0.5', '3 numbers in the line, not 17'),
        (as_yolo(GOOD) + ' 1', '18 numbers'),
        (as_yolo(GOOD).replace('0.', 'x.', 1), 'is not a number'),
        (as_yolo(GOOD).replace(as_yolo(GOOD).split()[5], 'nan'), 'not finite'),
        (as_yolo([[x * 640, y, v] for x, y, v in GOOD]), 'outside'),  # pixels where shares belong
    ],
)
def test_a_line_that_is_no_vertebra_is_left_out_with_the_reason(line, why):
    label = yolo_pose.parse(as_yolo(GOOD) + '\n' + line, 'a.txt', SIZE)
    assert len(label.vertebrae) == 1
    assert label.bad[0][0] == 1 and why in label.bad[0][1]
