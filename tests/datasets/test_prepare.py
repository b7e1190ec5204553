import csv
import json
import os
import shutil
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spondylo_mm.anatomy import CORNERS, NUM_SLOTS
from spondylo_mm.datasets.formats.faults import DOUBLED, KINDS, STRAY, TOO_MANY
from spondylo_mm.datasets.prepare import prepare
from spondylo_mm.errors import InputError
from spondylo_mm.phantom.writer import write_dataset

COLUMN = [[[50, y, 1], [90, y, 1], [50, y + 18, 1], [90, y + 18, 1]] for y in range(20, 140, 24)]


@pytest.fixture
def dataset(tmp_path):
    """A small healthy dataset: two training, one validation and one blind radiograph, of four patients."""
    root = tmp_path / 'raw'
    add(root, 'train', '0001-F-050Y1_jpg.rf.aa')
    add(root, 'train', '0002-M-060Y1_jpg.rf.bb')
    add(root, 'val', '0003-F-040Y1_jpg.rf.cc')
    add(root, 'test', '0004-F-030Y1')
    return root


def add(root, split, stem, keypoints=COLUMN):
    folder = root / 'Test' if split == 'test' else root / 'Train' / 'images' / split
    folder.mkdir(parents=True, exist_ok=True)
    seed = zlib.crc32(f'{split}{stem}'.encode())
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (200, 160), dtype=np.uint8)).save(
        folder / f'{stem}.jpg'
    )
    if split != 'test':
        labels = root / 'Train' / 'labels' / split
        labels.mkdir(parents=True, exist_ok=True)
        (labels / f'{stem}.json').write_text(json.dumps({'keypoints': keypoints}))


def read(out, split):
    return json.loads((out / 'annotations' / f'{split}.json').read_text())


def report(out):
    with open(out / 'annotations' / 'report.csv', newline='') as file:
        return list(csv.DictReader(file))


def files(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob('*') if path.is_file()}


def test_images_are_copied_beside_their_annotations(dataset, tmp_path):
    before = files(dataset)
    prepare(dataset, tmp_path / 'out')
    for split, count in (('train', 2), ('val', 1), ('test', 1)):
        images = read(tmp_path / 'out', split)['images']
        assert len(images) == count
        for image in images:
            assert image['file_name'].startswith(f'images/{split}/')
            with Image.open(tmp_path / 'out' / image['file_name']) as copied:
                assert copied.size == (image['width'], image['height']) == (160, 200)
    assert read(tmp_path / 'out', 'test')['annotations'] == []
    assert [image['patient'] for image in read(tmp_path / 'out', 'train')['images']] == ['0001', '0002']
    assert files(dataset) == before


def test_in_place_only_annotations_are_written(dataset):
    before = files(dataset)
    prepare(dataset)
    added = set(files(dataset)) - set(before)
    assert added == {f'annotations/{name}' for name in ('train.json', 'val.json', 'test.json', 'report.csv')}
    assert read(dataset, 'val')['images'][0]['file_name'] == 'Train/images/val/0003-F-040Y1_jpg.rf.cc.jpg'


def test_the_same_data_gives_the_same_bytes(dataset, tmp_path):
    prepare(dataset, tmp_path / 'one')
    prepare(dataset, tmp_path / 'two')
    prepare(dataset, tmp_path / 'two')
    assert files(tmp_path / 'one') == files(tmp_path / 'two')


def test_the_output_may_lie_inside_the_source(dataset):
    prepare(dataset, dataset / 'prepared')
    first = files(dataset / 'prepared')
    prepare(dataset, dataset / 'prepared')
    assert files(dataset / 'prepared') == first


def test_the_files_say_what_they_were_made_from(dataset, tmp_path):
    prepare(dataset, tmp_path / 'out', anchor='cranial')
    info = read(tmp_path / 'out', 'train')['info']
    assert info['anchor'] == 'cranial' and info['levels_known'] is False
    add(dataset, 'val', '0003-F-040Y1_jpg.rf.cc', COLUMN[1:])
    prepare(dataset, tmp_path / 'out')
    assert read(tmp_path / 'out', 'train')['info']['data_sha256'] != info['data_sha256']


def test_a_split_that_is_gone_leaves_no_old_file(dataset, tmp_path):
    prepare(dataset, tmp_path / 'out')
    shutil.rmtree(dataset / 'Test')
    prepare(dataset, tmp_path / 'out')
    assert not (tmp_path / 'out' / 'annotations' / 'test.json').exists()


def test_a_repair_is_a_row_and_can_be_refused(dataset, tmp_path):
    add(dataset, 'val', '0005-F-040Y1', [*COLUMN, [[150, 190, 1], [153, 190, 1], [150, 193, 1], [153, 193, 1]]])
    prepare(dataset, tmp_path / 'out')
    (row,) = report(tmp_path / 'out')
    assert (row['file'], row['vertebra'], row['what']) == ('Train/labels/val/0005-F-040Y1.json', '5', STRAY)
    with pytest.raises(InputError, match=r'0005-F-040Y1.json: vertebra 5: .* \(stray\); 1 in all'):
        prepare(dataset, tmp_path / 'strict', strict=True)
    assert not (tmp_path / 'strict').exists()


def test_conversions_are_no_repairs(dataset, tmp_path):
    """Either order on disk, YOLO text, augmented copies: --strict has nothing to say."""
    add(dataset, 'train', '0001-F-050Y1_jpg.rf.dd', [[points[i] for i in (0, 2, 3, 1)] for points in COLUMN])
    label = dataset / 'Train' / 'labels' / 'val' / '0003-F-040Y1_jpg.rf.cc.json'
    label.unlink()
    lines = [
        [0, 70 / 160, (y + 9) / 200, 40 / 160, 18 / 200] + [v for x, y, _ in points for v in (x / 160, y / 200, 2)]
        for points in COLUMN
        for y in (points[0][1],)
    ]
    label.with_suffix('.txt').write_text('\n'.join(' '.join(map(str, line)) for line in lines))
    prepared = prepare(dataset, tmp_path / 'out', strict=True)
    assert len(prepared.radiographs) == 5
    keypoints = read(tmp_path / 'out', 'val')['annotations'][0]['keypoints']
    assert keypoints == pytest.approx(
        [value for points in COLUMN[::-1] for x, y, _ in points for value in (x, y, 2)] + [0] * 60
    )


@pytest.mark.parametrize(
    'damage',
    [
        lambda root: (root / 'Train/images/val/0003-F-040Y1_jpg.rf.cc.jpg').write_bytes(b''),
        lambda root: (root / 'Train/images/val/0003-F-040Y1_jpg.rf.cc.jpg').unlink(),
        lambda root: (root / 'Train/labels/val/0003-F-040Y1_jpg.rf.cc.json').write_text('{"keypoints": [[[1, 2'),
        lambda root: (root / 'Train/labels/val/0003-F-040Y1_jpg.rf.cc.json').unlink(),
        lambda root: (root / 'Test/0004-F-030Y1.jpg').write_text('a text file'),
    ],
)
def test_a_file_that_cannot_be_read_stops_nothing_and_is_named(dataset, tmp_path, damage):
    damage(dataset)
    prepared = prepare(dataset, tmp_path / 'out')
    assert len(prepared.radiographs) == 3
    (row,) = prepared.unreadable
    assert [row.file] == [line['file'] for line in report(tmp_path / 'out') if line['what'] == 'unreadable']
    assert '0003-F-040Y1' in row.file or '0004-F-030Y1' in row.file
    assert not row.why.startswith(str(dataset))
    with pytest.raises(InputError, match='unreadable'):
        prepare(dataset, tmp_path / 'strict', strict=True)


def test_a_patient_in_train_and_val_is_refused_unless_dropped(dataset, tmp_path):
    add(dataset, 'train', '0003-M-041Y1_jpg.rf.ee')
    with pytest.raises(
        InputError, match=r'images/train/0003-M-041Y1.*patient 0003 is also in val.*1 in all: give --drop-leaks'
    ):
        prepare(dataset, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
    prepare(dataset, tmp_path / 'out', drop_leaks=True)
    assert [image['patient'] for image in read(tmp_path / 'out', 'train')['images']] == ['0001', '0002']
    assert [image['patient'] for image in read(tmp_path / 'out', 'val')['images']] == ['0003']
    assert [row['what'] for row in report(tmp_path / 'out')] == ['leak']
    prepare(dataset, tmp_path / 'strict', strict=True, drop_leaks=True)  # given up on purpose: nothing left to refuse


def test_a_blind_image_seen_in_training_is_only_reported(dataset, tmp_path):
    add(dataset, 'test', '0001-F-050Y1')
    prepared = prepare(dataset, tmp_path / 'out')
    assert [(row.file, row.what) for row in prepared.leaks] == [('Test/0001-F-050Y1.jpg', 'leak')]
    assert len(read(tmp_path / 'out', 'test')['images']) == 2
    with pytest.raises(InputError, match='leak'):
        prepare(dataset, tmp_path / 'strict', strict=True)
    prepare(dataset, tmp_path / 'out', drop_leaks=True)
    assert [image['patient'] for image in read(tmp_path / 'out', 'test')['images']] == ['0004']
    assert len(read(tmp_path / 'out', 'train')['images']) == 2


def test_the_same_file_under_two_names_is_a_leak(dataset, tmp_path):
    shutil.copy(dataset / 'Train/images/val/0003-F-040Y1_jpg.rf.cc.jpg', dataset / 'Test/other.jpg')
    prepared = prepare(dataset, tmp_path / 'out')
    assert [row.why for row in prepared.leaks] == [
        'the same file is also in val, Train/images/val/0003-F-040Y1_jpg.rf.cc.jpg'
    ]


def empty(root):
    shutil.rmtree(root)
    root.mkdir()


@pytest.mark.parametrize(
    'damage, why',
    [
        (shutil.rmtree, 'no such folder'),
        (empty, 'no radiograph in images/<split>'),
        (lambda root: shutil.rmtree(root / 'Train'), '1 radiographs but no labels: to predict them, use tools/test.py'),
        (lambda root: shutil.rmtree(root / 'Train' / 'images'), 'no image of this name beside the label'),
        (lambda root: shutil.rmtree(root / 'Train' / 'labels'), 'no label of this name beside the image'),
        (lambda root: (shutil.rmtree(root / 'Test'), (root / 'Train').rename(root / 'films')), None),
        (
            lambda root: (
                shutil.rmtree(root / 'Test'),
                os.rename(root / 'Train' / 'images', root / 'Train' / 'pictures'),
                shutil.rmtree(root / 'Train' / 'labels'),
            ),
            '3 images, but none of them in images/<split>',
        ),
    ],
)
def test_where_nothing_can_be_used_nothing_is_written(dataset, tmp_path, damage, why):
    damage(dataset)
    if why is None:  # any top folder will do
        assert len(prepare(dataset, tmp_path / 'out').radiographs) == 3
        return
    with pytest.raises(InputError) as error:
        prepare(dataset, tmp_path / 'out')
    assert why in str(error.value) and str(error.value).startswith(f'{dataset}: ')
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('choice', [{'format': 'dicom'}, {'anchor': 'sacral'}])
def test_an_unknown_choice_is_refused(dataset, choice):
    with pytest.raises(InputError, match='choose of auto, mendeley, buu, phantom-truth and caudal, cranial'):
        prepare(dataset, **choice)


def test_a_write_that_fails_leaves_everything_as_it_was(dataset, tmp_path, monkeypatch):
    out = tmp_path / 'out'
    prepare(dataset, out)
    before = files(out)
    add(dataset, 'val', '0009-F-040Y1')
    copy = shutil.copyfile

    def fails_at_last(source, target):
        if '0009' in str(source):
            raise OSError(28, 'No space left on device', str(target))
        return copy(source, target)

    monkeypatch.setattr(shutil, 'copyfile', fails_at_last)
    for target in (out, tmp_path / 'new'):
        with pytest.raises(OSError, match='No space left'):
            prepare(dataset, target)
    assert files(out) == before
    assert not (tmp_path / 'new').exists()


def test_an_output_that_is_a_file_is_an_error_of_the_disk(dataset, tmp_path):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / 'annotations').write_text('a file')
    with pytest.raises(OSError):
        prepare(dataset, tmp_path / 'out')
    assert set(files(tmp_path / 'out')) == {'annotations'}


def assert_found_as_injected(root: Path, out: Path):
    """Every injected quirk is a row of the report and the reverse, and every corner is where the truth has it."""
    truth = json.loads((root / 'truth.json').read_text())['images']
    prepare(root, out, drop_leaks=False)
    injected = {
        (Path(path).stem, quirk['kind'], str(quirk['entry']) if quirk['kind'] in (STRAY, DOUBLED, TOO_MANY) else None)
        for path, entry in truth.items()
        for quirk in entry['quirks']
        if quirk['kind'] in KINDS
    }
    reported = {
        (Path(row['file']).stem, row['what'], row['vertebra'] if row['what'] in (STRAY, DOUBLED, TOO_MANY) else None)
        for row in report(out)
    }
    assert reported == injected

    by_stem = {Path(path).stem: entry for path, entry in truth.items()}
    copies = 0
    for split in ('train', 'val'):
        content = read(out, split)
        for image, annotation in zip(content['images'], content['annotations'], strict=True):
            entry = by_stem[Path(image['file_name']).stem]
            vertebrae = [vertebra for vertebra in entry['vertebrae'] if vertebra['labelled']][:NUM_SLOTS]
            keypoints = np.array(annotation['keypoints']).reshape(NUM_SLOTS, 4, 3)
            order = [vertebra['level'] for vertebra in entry['vertebrae']]
            lowest = order.index(vertebrae[0]['level'])  # not the first where the annotator began higher
            slots = [order.index(vertebra['level']) - lowest for vertebra in vertebrae]
            expected = [[vertebra['marked'][corner] for corner in CORNERS] for vertebra in vertebrae]
            np.testing.assert_array_equal(np.nonzero(keypoints[:, 0, 2])[0], slots)
            np.testing.assert_allclose(keypoints[slots][..., :2], expected, atol=0.501)
            copies += any(quirk['kind'] == 'augmented_copy' for quirk in entry['quirks'])
    assert copies > 0


@pytest.mark.parametrize('seed', [1, 2])
def test_every_injected_quirk_is_found_and_none_invented(tmp_path, seed):
    write_dataset(tmp_path / 'raw', {'train': 12, 'val': 6, 'test': 2}, seed, size=256, quirks=True)
    assert_found_as_injected(tmp_path / 'raw', tmp_path / 'out')


@pytest.mark.slow
@pytest.mark.parametrize('seed', range(10, 14))
def test_every_injected_quirk_of_a_larger_dataset_is_found(tmp_path, seed):
    write_dataset(tmp_path / 'raw', {'train': 60, 'val': 30, 'test': 8}, seed, quirks=True)
    assert_found_as_injected(tmp_path / 'raw', tmp_path / 'out')
