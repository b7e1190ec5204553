from __future__ import annotations

import json

import cv2
import pytest

from spondylo_mm.errors import InputError
from spondylo_mm.phantom.buu_writer import label_csv, write_buu_dataset

CORNERS = {'TL': [10.0, 20.0], 'TR': [60.5, 18.25], 'BL': [11.0, 44.0], 'BR': [61.0, 42.0]}
LEVELS = ['S1', 'L5', 'L4', 'L3', 'L2', 'L1', 'T12']


def entry(**percents: float) -> dict:
    """An image's entry of truth.json: all vertebrae on one place, slips as given."""
    return dict(
        vertebrae=[dict(level=level, corners=CORNERS) for level in LEVELS],
        slips=[dict(upper=level, lower='', percent=percents.get(level, 0.0), grade=0) for level in LEVELS[1:]],
    )


def test_a_label_has_eleven_rows_from_l1_down_to_the_upper_edge_of_s1():
    rows = label_csv(entry()).splitlines()
    upper, lower = '10.0000,20.0000,60.5000,18.2500,0', '11.0000,44.0000,61.0000,42.0000,0'
    assert rows == [upper, lower] * 5 + [upper]


@pytest.mark.parametrize('percent, code', [(5, 3), (80, 3), (4.9, 0), (-7.9, 0), (-8, 4)])
def test_a_slip_is_diagnosed_in_both_rows_of_the_slipped_vertebra(percent, code):
    codes = [row.split(',')[-1] for row in label_csv(entry(L4=percent)).splitlines()]
    assert codes == ['0'] * 6 + [str(code)] * 2 + ['0'] * 3


def test_every_image_shows_l1_to_s1_in_its_true_aspect_with_a_csv_beside_it(tmp_path):
    truth = write_buu_dataset(tmp_path / 'out', 12, seed=2, size=128)
    assert json.loads((tmp_path / 'out' / 'truth.json').read_text()) == truth
    assert len(truth['images']) == 12 and len({image['patient'] for image in truth['images'].values()}) == 12
    for path, image in truth['images'].items():
        assert path.startswith('LA/') and path.endswith('Y1.jpg')
        pixels = cv2.imread(str(tmp_path / 'out' / path), cv2.IMREAD_UNCHANGED)
        assert pixels.shape == (image['height'], image['width']) and image['height'] > 1.15 * image['width']
        assert len((tmp_path / 'out' / path).with_suffix('.csv').read_text().splitlines()) == 11
        labelled = [vertebra['level'] for vertebra in image['vertebrae'] if vertebra['labelled']]
        assert labelled == LEVELS[:6] and image['spacing'][0] == pytest.approx(image['spacing'][1], rel=0.02)


def test_files_are_the_same_for_any_number_of_processes(tmp_path):
    for name, processes in (('one', 1), ('two', 2)):
        write_buu_dataset(tmp_path / name, 4, seed=3, size=128, processes=processes)
    one, two = (
        {path.name: path.read_bytes() for path in sorted((tmp_path / name).rglob('*.*'))} for name in ('one', 'two')
    )
    assert one == two and len(one) == 9


def test_bad_values_are_refused_by_name(tmp_path):
    for changed, message in (
        ({'size': 64}, 'size 64'),
        ({'count': 0}, 'at least one image'),
        ({'seed': -1}, 'seed -1'),
    ):
        with pytest.raises(InputError, match=message):
            write_buu_dataset(tmp_path / 'out', **{'count': 2} | changed)
    assert not any(tmp_path.iterdir())
