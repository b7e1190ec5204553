from __future__ import annotations

import collections
import hashlib
import json

import cv2
import numpy as np
import pytest

from spondylo_mm.clinical.meyerding import meyerding_grade
from spondylo_mm.errors import InputError
from spondylo_mm.phantom.writer import write_dataset

ON_DISK = {'tight': ('BL', 'BR', 'TL', 'TR'), 'loose': ('TL', 'BL', 'BR', 'TR')}  # of the two kinds of real label file


def digests(root):
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob('*')
        if path.is_file()
    }


def test_files_are_the_same_for_any_number_of_processes_and_others_for_another_seed(tmp_path):
    counts = {'train': 9, 'val': 4, 'test': 2}
    for name, seed, processes in (('one', 5, 1), ('two', 5, 2), ('other', 6, 1)):
        write_dataset(tmp_path / name, counts, seed=seed, size=128, quirks=True, processes=processes)
    one, two, other = (digests(tmp_path / name) for name in ('one', 'two', 'other'))
    assert one == two
    assert len(one) == 9 + 4 + 2 + 9 + 4 + 1
    assert set(one.values()).isdisjoint(other.values())


def test_an_image_does_not_depend_on_how_many_there_are(tmp_path):
    for name, count in (('few', 2), ('more', 4)):
        write_dataset(tmp_path / name, {'train': count, 'val': 0, 'test': 0}, seed=1, size=128)
    few, more = digests(tmp_path / 'few'), digests(tmp_path / 'more')
    del few['truth.json']
    assert few.items() <= more.items()


def test_the_layout_is_that_of_the_real_dataset(dataset):
    root, truth = dataset
    files = collections.Counter(
        path.parent.relative_to(root).as_posix() + path.suffix for path in root.rglob('*') if path.is_file()
    )
    base, labels = 'Train/Keypointrcnn_data', collections.Counter()
    for entry in truth['images'].values():
        if entry['label_format']:
            labels[f'{base}/labels/{entry["split"]}' + {'json': '.json', 'yolo': '.txt'}[entry['label_format']]] += 1
    assert files == {f'{base}/images/train.jpg': 22, f'{base}/images/val.jpg': 10, 'Test.jpg': 3, '..json': 1, **labels}
    assert sum(labels.values()) == 32


def test_images_are_grey_and_of_the_size_in_the_truth(dataset):
    root, truth = dataset
    for path, entry in truth['images'].items():
        image = cv2.imread(str(root / path), cv2.IMREAD_UNCHANGED)
        assert image.shape == (entry['height'], entry['width'])
        if entry['split'] == 'test':
            assert entry['height'] > 1.15 * entry['width']
        else:
            assert image.shape == (256, 256)


def test_labels_are_the_marked_corners_of_the_labelled_vertebrae_in_whole_pixels(dataset):
    root, truth = dataset
    checked = 0
    for path, entry in truth['images'].items():
        if entry['label_format'] != 'json' or any('entry' in quirk or 'how' in quirk for quirk in entry['quirks']):
            continue
        label = json.loads((root / path.replace('images', 'labels').replace('.jpg', '.json')).read_text())
        names = ON_DISK[entry['label_kind']]
        expected = [
            [vertebra['marked'][name] for name in names]
            for vertebra in reversed(entry['vertebrae'])
            if vertebra['labelled']
        ]
        points = np.array(label['keypoints'])
        assert points.dtype.kind == 'i'
        assert np.abs(points[..., :2] - expected).max() <= 0.5 + 1e-4
        assert (points[..., 2] == {'tight': 1, 'loose': 2}[entry['label_kind']]).all()
        assert len(label['boxes']) == len(label['labels']) == len(points)
        checked += 1
    assert checked > 10


def test_the_truth_lists_every_visible_vertebra_from_s1_up(dataset):
    order = ['S1', 'L5', 'L4', 'L3', 'L2', 'L1', 'T12', 'T11', 'T10', 'T9', 'T8']
    orders = {None: order, 'L6': ['S1', 'L6', *order[1:]], 'sacralised L5': order[1:]}
    for entry in dataset[1]['images'].values():
        levels = [vertebra['level'] for vertebra in entry['vertebrae']]
        assert levels == orders[entry['transition']][: len(levels)] and 3 <= len(levels) <= 11
        corners = np.array([list(vertebra['corners'].values()) for vertebra in entry['vertebrae']])
        assert (corners >= 0).all() and (corners <= [entry['width'] - 1, entry['height'] - 1]).all()
        if entry['split'] == 'test':
            assert not any(vertebra['labelled'] for vertebra in entry['vertebrae'])


def test_the_slips_in_the_truth_can_be_measured_from_its_corners(dataset, slip_of_pair):
    for entry in dataset[1]['images'].values():
        corners = {
            v['level']: np.array([v['corners'][name] for name in ('TL', 'TR', 'BL', 'BR')]) for v in entry['vertebrae']
        }
        assert len(entry['slips']) == len(entry['vertebrae']) - 1
        for slip in entry['slips']:
            measured = slip_of_pair(corners[slip['upper']], corners[slip['lower']], entry['facing'], entry['spacing'])
            assert measured == pytest.approx(slip['percent'], abs=5e-3)
            assert slip['grade'] == meyerding_grade(measured)


def test_slips_are_as_many_as_asked_for(tmp_path):
    for share in (0.0, 1.0):
        truth = write_dataset(tmp_path / str(share), {'train': 8, 'val': 0, 'test': 0}, size=128, slips=share)
        spines = [
            [slip['grade'] for slip in entry['slips'] if slip['percent'] > 0] for entry in truth['images'].values()
        ]
        assert [max(grades, default=0) > 0 for grades in spines] == [bool(share)] * 8


def test_without_quirks_there_are_none(tmp_path):
    truth = write_dataset(tmp_path / 'out', {'train': 6, 'val': 2, 'test': 1}, size=128)
    assert not any(entry['quirks'] for entry in truth['images'].values())
    assert truth == json.loads((tmp_path / 'out' / 'truth.json').read_text())
    assert truth['schema'] == 1 and truth['seed'] == 0


@pytest.mark.parametrize(
    'changed, message',
    [
        ({'size': 64}, 'size 64: must be at least 128'),
        ({'seed': -1}, 'seed -1'),
        ({'processes': 0}, 'processes 0'),
        ({'slips': 1.1}, 'slips 1.1: is a share'),
        ({'style': 'neat'}, "style 'neat'.*tight, loose, mixed"),
        ({'counts': {'train': -1, 'val': 2, 'test': 0}}, 'train -1.*below 0'),
        ({'counts': {'train': 0, 'val': 0, 'test': 0}}, 'at least one image'),
    ],
)
def test_bad_values_are_refused_by_name(tmp_path, changed, message):
    with pytest.raises(InputError, match=message):
        write_dataset(tmp_path / 'out', **{'counts': {'train': 1, 'val': 0, 'test': 0}} | changed)
    assert not any(tmp_path.iterdir())


def test_a_folder_with_something_in_it_is_refused_and_an_empty_one_taken(tmp_path):
    (tmp_path / 'full').mkdir()
    (tmp_path / 'full' / 'mine.txt').write_text('keep')
    (tmp_path / 'empty').mkdir()
    counts = {'train': 1, 'val': 0, 'test': 0}
    with pytest.raises(InputError, match='full: is not empty'):
        write_dataset(tmp_path / 'full', counts)
    with pytest.raises(InputError, match='mine.txt: is a file'):
        write_dataset(tmp_path / 'full' / 'mine.txt', counts)
    assert (tmp_path / 'full' / 'mine.txt').read_text() == 'keep'
    write_dataset(tmp_path / 'empty', counts, size=128)
    assert (tmp_path / 'empty' / 'truth.json').exists()


@pytest.mark.parametrize('processes', [1, 2])
def test_an_interrupted_run_leaves_nothing_behind(tmp_path, processes):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dataset(
            tmp_path / 'out', {'train': 12, 'val': 0, 'test': 0}, size=128, processes=processes, progress=interrupt
        )
    assert not any(tmp_path.iterdir())


def test_progress_counts_every_image(tmp_path):
    seen = []
    write_dataset(tmp_path / 'out', {'train': 2, 'val': 1, 'test': 1}, size=128, progress=lambda *at: seen.append(at))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
