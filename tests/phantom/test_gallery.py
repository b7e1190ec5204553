from __future__ import annotations

import cv2
import numpy as np
import pytest

from spondylo_mm.errors import InputError
from spondylo_mm.phantom import gallery
from spondylo_mm.phantom.gallery import write_gallery
from spondylo_mm.phantom.plan import plan
from spondylo_mm.phantom.radiograph import make_radiograph


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(gallery, 'PHANTOMS', 3)


def test_phantoms_are_shown_with_and_without_their_truth(tmp_path):
    paths = write_gallery(tmp_path / 'out', size=128)
    assert [path.name for path in paths] == ['gallery.jpg', 'gallery_truth.jpg']
    plain, drawn = (cv2.imread(str(path)).astype(int) for path in paths)
    colour = [np.ptp(sheet, axis=2).max() for sheet in (plain, drawn)]
    assert colour[0] < 20 and colour[1] > 100  # a radiograph is grey, the truth in colours


def test_every_vertebra_of_a_phantom_is_drawn(tmp_path):
    """Of however many phantoms there are on the sheet."""
    _, path = write_gallery(tmp_path / 'out', size=128)
    colour = np.ptp(cv2.imread(str(path)).astype(int), axis=2)
    for number, spec in enumerate(plan(dict(train=0, val=0, test=3), 0, 'mixed')):
        truth = make_radiograph(spec, 0, 128).truth
        scale = min(330 / truth['width'], 500 / truth['height'])
        assert len(truth['vertebrae']) > 3
        for vertebra in truth['vertebrae']:
            for x, y in vertebra['corners'].values():
                column, row = round(x * scale) + 334 * number, round(y * scale)
                assert colour[max(row - 2, 0) : row + 3, column - 2 : column + 3].max() > 60, vertebra['level']


def test_real_radiographs_lie_on_the_left_in_proportion(tmp_path):
    white = np.full((300, 100), 255, np.uint8)
    for number in range(2):
        cv2.imwrite(str(tmp_path / f'{number}.png'), white)
    alone = cv2.imread(str(write_gallery(tmp_path / 'alone', size=128)[0]))
    sheet = cv2.imread(str(write_gallery(tmp_path / 'both', tmp_path, size=128)[0]), cv2.IMREAD_GRAYSCALE)
    assert sheet.shape[1] > 1.6 * alone.shape[1]
    first = sheet[:500, :330] > 250
    assert first.any(axis=0).sum() == pytest.approx(500 / 3, abs=4)
    assert first.any(axis=1).sum() == pytest.approx(500, abs=4)


def test_a_squashed_radiograph_is_shown_narrower_than_high(tmp_path):
    cv2.imwrite(str(tmp_path / 'squashed.png'), np.full((200, 200), 255, np.uint8))
    sheet = cv2.imread(str(write_gallery(tmp_path / 'out', tmp_path, size=128)[0]), cv2.IMREAD_GRAYSCALE)
    tile = sheet[:500, :330] > 250
    assert tile.any(axis=1).sum() == pytest.approx(1.47 * tile.any(axis=0).sum(), rel=0.02)


@pytest.mark.parametrize('changed, message', [({'size': 64}, 'size 64'), ({'seed': -1}, 'seed -1')])
def test_bad_values_are_refused_by_name(tmp_path, changed, message):
    with pytest.raises(InputError, match=message):
        write_gallery(tmp_path / 'out', **changed)
    assert not any(tmp_path.iterdir())


def test_a_folder_without_radiographs_is_refused(tmp_path):
    with pytest.raises(InputError, match='holds no radiograph'):
        write_gallery(tmp_path / 'out', tmp_path)
