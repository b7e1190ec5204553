import json

import numpy as np
import pytest

from spondylo_mm.anatomy import EMPTY, LABELLED, UNKNOWN
from spondylo_mm.datasets.formats.faults import BAD_VERTEBRA, DOUBLED, MISSING_LEVEL, TOO_MANY, UNSORTED
from spondylo_mm.datasets.formats.label import read_label
from spondylo_mm.errors import InputError

SIZE = (640, 640)


def column(count, top=80, spacing=46):
    """Upright vertebrae, topmost first, as annotators list them."""
    return [
        [[200, y, 1], [270, y, 1], [200, y + 36, 1], [270, y + 36, 1]]
        for y in range(top, top + count * spacing, spacing)
    ]


@pytest.fixture
def label(tmp_path):

    def read(keypoints, anchor='caudal', boxes=None):
        path = tmp_path / 'label.json'
        path.write_text(json.dumps({'keypoints': keypoints, **({'boxes': boxes} if boxes else {})}))
        return read_label(path, 'labels/val/label.json', SIZE, anchor)

    return read


def repairs(label):
    return [(repair.vertebra, repair.what) for repair in label.repairs]


def test_slot_0_is_the_lowest_labelled_vertebra(label):
    found = label(column(6))
    np.testing.assert_array_equal(found.slots, range(6))
    np.testing.assert_array_equal(found.corners[0], [[200, 310], [270, 310], [200, 346], [270, 346]])
    assert found.repairs == ()


def test_the_cranial_anchor_puts_the_topmost_labelled_vertebra_into_the_last_slot(label):
    found = label(column(6), anchor='cranial')
    np.testing.assert_array_equal(found.slots, range(4, 10))
    assert found.corners[-1, 0, 1] == 80
    np.testing.assert_array_equal(found.presence, [EMPTY] * 4 + [LABELLED] * 6)


def test_above_the_topmost_labelled_vertebra_nothing_is_known(label):
    np.testing.assert_array_equal(label(column(6)).presence, [LABELLED] * 6 + [UNKNOWN] * 4)


@pytest.mark.parametrize('top, above', [(1, EMPTY), (10, EMPTY), (11, UNKNOWN)])
def test_above_a_vertebra_at_the_image_edge_there_is_none(label, top, above):
    np.testing.assert_array_equal(label(column(6, top=top)).presence, [LABELLED] * 6 + [above] * 4)


def test_of_eleven_the_ten_most_caudal_are_kept(label):
    found = label(column(11))
    assert len(found.corners) == 10
    assert found.corners[0, 0, 1] == 80 + 10 * 46 and found.corners[-1, 0, 1] == 80 + 46
    assert repairs(found) == [(0, TOO_MANY)]
    np.testing.assert_array_equal(label(column(11), anchor='cranial').slots, range(10))


def test_a_missing_level_leaves_its_slot_empty_and_unknown(label):
    keypoints = column(7)
    del keypoints[4]
    found = label(keypoints)
    np.testing.assert_array_equal(found.slots, [0, 1, 3, 4, 5, 6])
    np.testing.assert_array_equal(found.presence[:8], [1, 1, UNKNOWN, 1, 1, 1, 1, UNKNOWN])
    assert repairs(found) == [(3, MISSING_LEVEL)]
    np.testing.assert_array_equal(label(keypoints, anchor='cranial').slots, [3, 4, 6, 7, 8, 9])


@pytest.mark.parametrize('is_reversed', [False, True])
@pytest.mark.parametrize('bad, above', [(0, 2), (2, 1), (4, 2), (6, 2)])
def test_an_unusable_entry_explains_no_missing_level_but_its_own(label, bad, above, is_reversed):
    """Of eight vertebrae the fourth from above is not listed, and another one, near it or far, is unusable."""
    keypoints = column(8)
    del keypoints[3]
    keypoints[bad] = keypoints[bad][:3]
    found = repairs(label(keypoints[::-1] if is_reversed else keypoints))
    entries = [6 - entry if is_reversed else entry for entry in (bad, above)]
    assert [row for row in found if row[1] != UNSORTED] == [(entries[0], BAD_VERTEBRA), (entries[1], MISSING_LEVEL)]


def test_files_listed_from_bottom_to_top_or_out_of_order_are_sorted(label):
    keypoints = column(6)
    for order, how in ((range(5, -1, -1), 'from bottom to top'), ((0, 2, 1, 3, 4, 5), 'out of order')):
        found = label([keypoints[i] for i in order])
        np.testing.assert_array_equal(found.corners, label(keypoints).corners)
        assert repairs(found) == [('', UNSORTED)]
        assert how in found.repairs[0].why


@pytest.mark.parametrize('anchor, lowest', [('caudal', 0), ('cranial', 5)])
def test_the_order_of_the_file_is_told_in_slots_of_what_is_left(label, anchor, lowest):
    keypoints = column(6)
    keypoints[0] = keypoints[0][:3]  # the topmost vertebra cannot be used
    found = label([keypoints[i] for i in (0, 3, 4, 1, 2, 5)], anchor=anchor)
    np.testing.assert_array_equal(found.listed - lowest, [2, 1, 4, 3, 0])


@pytest.mark.parametrize('is_reversed', [False, True])
@pytest.mark.parametrize('bad', range(7))
def test_what_is_left_of_a_file_with_one_bad_vertebra_keeps_its_slots(label, bad, is_reversed):
    """The bad one counts as a level wherever it is, or all above it would be numbered one too low."""
    keypoints = column(7)
    keypoints[bad] = keypoints[bad][:3]
    listed = 6 - bad if is_reversed else bad
    found = label(keypoints[::-1] if is_reversed else keypoints)
    expected = [slot for slot in range(7) if slot != 6 - bad]
    np.testing.assert_array_equal(found.slots, expected)
    assert (listed, BAD_VERTEBRA) in repairs(found)
    assert [what for _, what in repairs(found) if what != UNSORTED] == [BAD_VERTEBRA]
    assert found.presence[6 - bad] == UNKNOWN


def test_a_repair_names_the_entry_of_the_file_even_after_a_bad_one(label):
    keypoints = column(7)
    keypoints[1] = 'no corners'
    keypoints.insert(5, [[x + 2, y + 5, v] for x, y, v in keypoints[4]])
    assert repairs(label(keypoints)) == [(1, BAD_VERTEBRA), (5, DOUBLED)]


@pytest.mark.parametrize('margin, loose', [(0, False), (1, False), (8, True)])
def test_boxes_larger_than_their_corners_are_loose(label, margin, loose):
    keypoints = column(5)
    boxes = [[200 - margin, points[0][1] - margin, 270 + margin, points[2][1] + margin] for points in keypoints]
    assert label(keypoints, boxes=boxes).loose is loose


def test_without_boxes_nothing_is_said_about_them(label):
    assert label(column(5)).loose is None


@pytest.mark.parametrize('names, order', [('BL,BR,TL,TR', (2, 3, 0, 1)), ('TL,BL,BR,TR', (0, 2, 3, 1))])
def test_both_orders_on_disk_are_recognised_and_mean_the_same(label, names, order):
    found = label([[points[i] for i in order] for points in column(5)])
    assert found.order == names
    np.testing.assert_array_equal(found.corners, label(column(5)).corners)


@pytest.mark.parametrize(
    'content, why',
    [
        ({'keypoints': []}, 'it lists none'),
        ({'keypoints': [column(1)[0][:3], column(1)[0][:3]]}, 'vertebra 0: 3 corners, not 4'),
    ],
)
def test_a_file_without_a_usable_vertebra_is_refused(tmp_path, content, why):
    path = tmp_path / 'label.json'
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match='^l: no usable vertebra') as error:
        read_label(path, 'l', SIZE)
    assert why in str(error.value)


def test_a_file_with_more_bad_vertebrae_than_slots_is_refused(label):
    with pytest.raises(InputError, match='12 unusable vertebrae leave no slot'):
        label([*column(2), *['damaged'] * 12])


def test_a_label_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / 'label.json'
    path.write_bytes(b'\xff\xd8\xff\xe0 a JPEG file')
    with pytest.raises(InputError, match='l: not a text file'):
        read_label(path, 'l', SIZE)


def test_a_label_that_is_gone_is_refused(tmp_path):
    with pytest.raises(InputError, match='l: No such file'):
        read_label(tmp_path / 'label.json', 'l', SIZE)


def test_the_real_labels_give_the_pinned_corners_and_no_repair(real_data, real_spine):
    name, truth = real_spine
    (path,) = (real_data / 'spondylo_mini' / 'Train' / 'Keypointrcnn_data' / 'labels').glob(f'*/{name}_jpg*.json')
    found = read_label(path, path.name, SIZE)
    np.testing.assert_array_equal(found.corners, truth)
    assert found.repairs == ()
    assert found.order == ('TL,BL,BR,TR' if int(name[:4]) >= 3700 else 'BL,BR,TL,TR')
    assert found.loose == (int(name[:4]) >= 3700)
    np.testing.assert_array_equal(found.presence[len(truth) :], EMPTY if truth[..., 1].min() <= 10 else UNKNOWN)
