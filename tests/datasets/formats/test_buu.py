"""One BUU-LSPINE label: eleven endplates whose levels are known by their place."""

import numpy as np
import pytest

from spondylo_mm.anatomy import BL, BR, EMPTY, LABELLED, LEVELS, TL, TR, UNKNOWN
from spondylo_mm.datasets.formats.buu import read_label
from spondylo_mm.datasets.formats.faults import BAD_DIAGNOSIS, BAD_VERTEBRA
from spondylo_mm.errors import InputError

SIZE = (300, 500)  # width, height
TOP = 60.0  # y of L1's superior endplate; 35 px from level to level, bodies 25 px high


def endplates() -> list[list]:
    """The rows of a spine that steps 4 px to the right from endplate to endplate, L1 on top."""
    rows = []
    for row in range(11):
        y = TOP + 35 * (row // 2) + 25 * (row % 2)
        rows.append([100 + 4 * row, y, 150.25 + 4 * row, y - 3, 0])
    return rows


@pytest.fixture
def label(tmp_path):
    """Writes rows as a CSV and reads them."""

    def read(rows, **kwargs):
        text = rows if isinstance(rows, str) else '\n'.join(','.join(map(str, row)) for row in rows) + '\n'
        (tmp_path / 'a.csv').write_text(text)
        return read_label(tmp_path / 'a.csv', 'LA/a.csv', SIZE, **kwargs)

    return read


def changed(row: int, value: int, to: object) -> list[list]:
    rows = endplates()
    rows[row][value] = to
    return rows


def test_each_row_is_the_endplate_that_its_place_says(label):
    found = label(endplates())
    assert [LEVELS[slot] for slot in found.slots] == ['S1', 'L5', 'L4', 'L3', 'L2', 'L1']
    l5, l1 = found.corners[1], found.corners[5]
    np.testing.assert_array_equal(l1[[TL, TR]], [[100, 60], [150.25, 57]])
    np.testing.assert_array_equal(l1[[BL, BR]], [[104, 85], [154.25, 82]])
    np.testing.assert_array_equal(l5, [[132, 200], [182.25, 197], [136, 225], [186.25, 222]])
    assert found.levels_known and found.repairs == () and found.listed.tolist() == [5, 4, 3, 2, 1, 0]


def test_of_s1_only_the_superior_endplate_is_labelled(label):
    s1 = label(endplates()).corners[0]
    np.testing.assert_array_equal(s1[[TL, TR]], [[140, 235], [190.25, 232]])
    assert np.isnan(s1[[BL, BR]]).all()


def test_left_is_left_in_whichever_order_the_ends_are_listed(label):
    rows = [[x2, y2, x1, y1, code] for x1, y1, x2, y2, code in endplates()]
    np.testing.assert_array_equal(label(rows).corners, label(endplates()).corners)
    assert label(rows).order == 'TR,TL,BR,BL' and label(endplates()).order == 'TL,TR,BL,BR'
    assert not label(rows).repairs


def test_what_lies_above_l1_is_unknown_unless_l1_is_at_the_edge_of_the_film(label):
    assert label(endplates()).presence.tolist() == [LABELLED] * 6 + [UNKNOWN] * 4
    at_the_edge = [[x1, y1 - TOP + 10, x2, y2 - TOP + 10, code] for x1, y1, x2, y2, code in endplates()]
    assert label(at_the_edge).presence.tolist() == [LABELLED] * 6 + [EMPTY] * 4  # 7 px of 500 is no room


def test_diagnoses_are_kept_by_level_superior_endplate_first(label):
    rows = endplates()
    rows[8][4], rows[9][4], rows[6][4], rows[10][4] = 3, '4.0', ' 1', 2
    assert label(rows).diagnosis == {
        'L1': ['normal', 'normal'],
        'L2': ['normal', 'normal'],
        'L3': ['normal', 'normal'],
        'L4': ['left laterolisthesis', 'normal'],
        'L5': ['anterolisthesis', 'retrolisthesis'],
        'S1': ['right laterolisthesis'],
    }


@pytest.mark.parametrize('code', [5, -1, 'x', '', '3.5', 'nan'])
def test_a_diagnosis_that_means_nothing_costs_no_corner(label, code):
    found = label(changed(6, 4, code))
    np.testing.assert_array_equal(found.corners, label(endplates()).corners)
    (repair,) = found.repairs
    assert repair.what == BAD_DIAGNOSIS and repair.vertebra == 3 and f'L4: diagnosis {code}' in repair.why
    assert found.diagnosis['L4'] == [None, 'normal']


ROWS = endplates()
BAD_ROWS = {
    'text': (changed(4, 1, 'abc'), "row 4: 'abc' is not a number"),
    'NaN': (changed(5, 0, 'nan'), 'row 5 is not finite'),
    'infinite': (changed(4, 2, 'inf'), 'row 4 is not finite'),
    'empty value': (changed(4, 2, ''), "row 4: '' is not a number"),
    'four values': ([row[:4] if i == 4 else row for i, row in enumerate(ROWS)], '4 values in row 4, not 5'),
    'six values': ([[*row, 0] if i == 5 else row for i, row in enumerate(ROWS)], '6 values in row 5, not 5'),
    'outside': (changed(5, 2, 307), r'corner (307, 152) is outside the 300x500 image'),
    'above the film': (changed(4, 1, -11), r'corner (116, -11) is outside'),
    'a point': ([[120, 130, 121, 130, 0] if i == 4 else row for i, row in enumerate(ROWS)], 'an endplate is 1 px long'),
    'crossed': ([[116, 160, 166, 120, 0] if i == 4 else row for i, row in enumerate(ROWS)], 'its endplates cross'),
    'exchanged': ([ROWS[5] if i == 4 else ROWS[4] if i == 5 else row for i, row in enumerate(ROWS)], 'lies below'),
    'twice the same': ([ROWS[4] if i == 5 else row for i, row in enumerate(ROWS)], 'enclose 0 square pixels'),
}


@pytest.mark.parametrize('rows, why', BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_vertebra_with_a_bad_row_is_left_out_and_the_others_keep_their_levels(label, rows, why):
    found = label(rows)
    (repair,) = found.repairs
    assert (repair.file, repair.vertebra, repair.what) == ('LA/a.csv', 2, BAD_VERTEBRA)
    assert repair.why.startswith('L3: ') and why in repair.why and repair.why.endswith(': dropped')
    assert [LEVELS[slot] for slot in found.slots] == ['S1', 'L5', 'L4', 'L2', 'L1']
    assert found.presence[LEVELS.index('L3')] == UNKNOWN  # it is there; where, nobody knows
    assert 'L3' not in found.diagnosis


def test_a_body_with_one_dent_is_a_body(label):
    rows = endplates()
    rows[5] = [145, 137, 170.25, 152, 0]  # the lower left corner is bitten off; the other three turns are right
    assert not label(rows).repairs


def test_without_s1_the_slot_of_the_sacrum_stays_unknown_and_l5_stays_l5(label):
    found = label(changed(10, 0, 'nan'))
    assert found.repairs[0].vertebra == 5
    assert LEVELS[found.slots[0]] == 'L5' and found.presence[0] == UNKNOWN


@pytest.mark.parametrize(
    'rows, why',
    [
        (ROWS[:10], '10 rows, as an AP view has, not 11'),
        (ROWS[:9], '9 rows, not 11'),
        ([*ROWS, ROWS[-1]], '12 rows, not 11'),
        ('', '0 rows, not 11'),
        ('{"keypoints": []}', '1 rows, not 11'),
        ([row[:4] for row in ROWS], 'no usable vertebra; vertebra 0: L1: 4 values'),
        ([*ROWS[:4], *ROWS[6:8], *ROWS[4:6], *ROWS[8:]], 'L4 lies above L3: the rows are out of order'),
        ([*ROWS[:10], [100, 70, 150, 70, 0]], 'S1 lies above L4'),
        (changed(10, 1, 'x')[::-1], 'out of order|no usable'),
    ],
)
def test_rows_that_cannot_be_what_their_places_say_refuse_the_file(label, rows, why):
    with pytest.raises(InputError, match=f'LA/a.csv: .*({why})'):
        label(rows)


def test_a_label_written_on_windows_or_by_a_spreadsheet_is_read(label):
    text = '\ufeff' + '\r\n'.join(', '.join(map(str, row)) for row in endplates()) + '\r\n\r\n'
    np.testing.assert_array_equal(label(text).corners, label(endplates()).corners)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / 'a.csv').write_bytes(b'\x89PNG\xff\xfe')
    with pytest.raises(InputError, match='LA/a.csv: not a text file'):
        read_label(tmp_path / 'a.csv', 'LA/a.csv', SIZE)


def test_counted_from_the_top_slots_are_no_levels(label):
    found = label(endplates(), anchor='cranial')
    assert found.slots.tolist() == [4, 5, 6, 7, 8, 9] and not found.levels_known
    assert found.presence.tolist() == [EMPTY] * 4 + [LABELLED] * 6
    assert found.listed.tolist() == [9, 8, 7, 6, 5, 4]
    without_s1 = label(changed(10, 0, 'nan'), anchor='cranial')
    assert without_s1.presence.tolist() == [EMPTY] * 4 + [UNKNOWN] + [LABELLED] * 5


def test_an_l5_that_has_slipped_off_the_sacrum_is_no_disorder(label):
    """Its centre is level with S1's endplate, in front of it."""
    rows = endplates()
    rows[8:] = [[40, 215, 80, 245, 3], [30, 240, 65, 270, 3], [100, 250, 150, 225, 0]]
    found = label(rows)
    assert not found.repairs and len(found.slots) == 6
