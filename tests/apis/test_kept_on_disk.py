"""What is known of each film lies on the disk, and the files that are made of it never hold all of it."""

import json
import resource
import tracemalloc
from collections.abc import Mapping

import cv2
import numpy as np
import pytest

from spondylo_mm.anatomy import NUM_KEYPOINTS, NUM_SLOTS
from spondylo_mm.apis.coco_export import write_coco
from spondylo_mm.apis.kept_on_disk import KeptOnDisk
from spondylo_mm.apis.predictions import image_record, write_predictions
from spondylo_mm.apis.report import write_report

FILMS = 150
MODEL = dict(config='a.py', checkpoint='a.pth', version='0')


@pytest.fixture
def kept(tmp_path):
    with KeptOnDisk(tmp_path / 'predictions.json') as kept:
        yield kept


def test_what_is_looked_up_is_what_was_added_in_its_order(kept):
    values = {'b': dict(x=0.1 + 0.2, y=None), 'ä\udcff': ['line\nbreak'], 'a': 3}
    for name, value in values.items():
        kept.add(name, value)
        assert kept[name] == value  # which moves to another place of the file than the next one is written to
    assert dict(kept) == values and list(kept) == list(values) and len(kept) == 3
    assert 'c' not in kept and kept.get('c', 0) == 0


def test_what_was_added_twice_is_the_later(kept):
    for value in (1, 2):
        kept.add('a', value)
    assert dict(kept) == dict(a=2)


def test_it_leaves_nothing_in_the_folder_whatever_happens(kept, tmp_path):
    kept.add('a', 1)
    assert not list(tmp_path.iterdir())  # as after a kill


def test_a_disk_without_room_is_reported_for_the_file_that_was_to_be_made(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError) as error, KeptOnDisk(tmp_path / 'predictions.json') as kept:
            kept.add('a', 'long' * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert error.value.filename == str(tmp_path / 'predictions.json')


@pytest.fixture
def films(kept, tmp_path):
    """``films(count)``: the records of so many on the disk, and the file that stands for all."""
    corners = np.tile([[150, 0], [250, 0], [150, 35], [250, 35.0]], (NUM_SLOTS, 1, 1))
    corners += np.array([0, 420])[None, None] - 45 * np.arange(NUM_SLOTS)[:, None, None] * np.array([0, 1])
    cv2.imwrite(str(tmp_path / 'film.png'), np.zeros((500, 400), np.uint8))
    found = corners.reshape(NUM_KEYPOINTS, 2), np.ones(NUM_KEYPOINTS), np.ones(NUM_SLOTS), (400, 500)
    record = image_record(*found, side='left', spread=np.ones(NUM_KEYPOINTS))

    def make(count: int) -> tuple[Mapping, Mapping]:
        for number in range(len(kept), count):
            kept.add(f'{number}.png', record)
        return kept, dict.fromkeys(kept, str(tmp_path / 'film.png'))

    return make


WRITERS = {
    'predictions.json': lambda folder, records, _: write_predictions(folder, records, MODEL),
    'coco.json': lambda folder, records, _: write_coco(folder / 'coco.json', records, MODEL),
    'report.html': lambda folder, records, films: write_report(folder / 'report.html', records, films, MODEL),
}


@pytest.mark.parametrize('name', WRITERS)
def test_a_file_of_many_films_takes_no_more_memory_than_one_of_a_few(name, films, tmp_path):
    def peak(count: int) -> int:
        of = films(count)
        tracemalloc.start()
        WRITERS[name](tmp_path, *of)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(2)  # what is made once and kept, such as compiled patterns
    few, many = peak(FILMS // 10), peak(FILMS)  # in this order: those of the first are among those of the second
    grown = (many - few) / (0.9 * FILMS)
    assert grown < 300 < len(json.dumps(films(FILMS)[0]['0.png'])) / 20  # bytes: of names, and of a record
    assert (tmp_path / name).stat().st_size > FILMS * 300 * 3
