import json
from functools import partial

import numpy as np
import pytest
from PIL import Image

from spondylo_mm.apis.configs import load_config

COLUMN = [[[50, y, 1], [90, y, 1], [50, y + 18, 1], [90, y + 18, 1]] for y in range(20, 140, 24)]


def save(root, split, stem, keypoints=COLUMN):
    image, label = root / 'images' / split / f'{stem}.jpg', root / 'labels' / split / f'{stem}.json'
    for path in (image, label):
        path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(
        np.random.default_rng(len(list(root.rglob('*')))).integers(0, 255, (200, 160), dtype=np.uint8)
    ).save(image)
    label.write_text(json.dumps({'boxes': [[50, p[0][1], 90, p[2][1]] for p in keypoints], 'keypoints': keypoints}))


@pytest.fixture
def raw(tmp_path):
    save(tmp_path / 'raw', 'train', '0001-F-050Y1')
    save(tmp_path / 'raw', 'val', '0002-F-050Y1')
    return tmp_path / 'raw'


@pytest.fixture
def prepare_data(run_tool):
    return partial(run_tool, 'prepare_data.py')


def test_the_real_radiographs_are_1_train_4_val_and_16_blind(prepare_data, real_data, tmp_path):
    status, out, errors = prepare_data(real_data / 'spondylo_mini', '--out', tmp_path / 'out')
    assert (status, errors) == (0, [])
    lines = {line.split()[0]: ' '.join(line.split()[1:]) for line in out.splitlines()}
    assert lines['train'] == '1 images, 1 labelled, 8 vertebrae'
    assert lines['val'] == '4 images, 4 labelled, 26 vertebrae'
    assert lines['test'] == '16 images, 0 labelled, 0 vertebrae'
    assert lines['order'] == 'on disk BL,BR,TL,TR (4x), TL,BL,BR,TR (1x)'
    assert lines['repairs'] == lines['leaks'] == lines['unreadable'] == 'none'
    assert lines['next'] == f'python tools/train.py configs/hrnet_w32_spondylo.py --data-root {tmp_path / "out"}'
    counts = {}
    for split in ('train', 'val', 'test'):
        content = json.loads((tmp_path / 'out' / 'annotations' / f'{split}.json').read_text())
        counts[split] = len(content['images']), len(content['annotations'])
    assert counts == {'train': (1, 1), 'val': (4, 4), 'test': (16, 0)}


def test_the_next_command_counts_from_where_the_labels_are_counted(prepare_data, raw, tmp_path):
    """As bash reads it: the braces are three options."""
    status, out, _ = prepare_data(raw, '--out', tmp_path / 'out', '--anchor', 'cranial')
    (line,) = [line for line in out.splitlines() if line.split()[0] == 'next']
    config, option = line.split()[3], line.split()[-1]
    splits = ('train', 'val', 'test')
    loaded = load_config(config, [option.replace('{train,val,test}', split) for split in splits])
    assert status == 0 and {loaded[f'{split}_dataloader'].dataset.anchor for split in splits} == {'cranial'}


def test_every_repair_is_a_line_of_the_summary(prepare_data, raw):
    save(raw, 'val', '0003-F-050Y1_jpg.rf.aa', COLUMN[::-1])
    save(raw, 'val', '0003-F-050Y1_jpg.rf.bb', [*COLUMN, COLUMN[0][:3] + [[0, 0, 0]]])
    save(raw, 'test', '0001-F-050Y1')
    (raw / 'labels' / 'test' / '0001-F-050Y1.json').unlink()
    (raw / 'notes').mkdir()
    Image.new('L', (9, 9)).save(raw / 'notes' / 'figure.png')
    (raw / 'images' / 'train' / '0001-F-050Y1.png').write_bytes(b'')
    status, out, errors = prepare_data(raw, '--out', raw.parent / 'out')
    assert (status, errors) == (0, [])
    for text in (
        'repairs           unsorted 1, bad_vertebra 1',
        '_jpg.rf.aa.json: vertebrae are listed from bottom to top: sorted along the spine (unsorted)',
        '_jpg.rf.bb.json: vertebra 5: a corner is marked as not labelled: dropped (bad_vertebra)',
        'leaks             leak 1',
        '--drop-leaks leaves them out',
        '2 files of 1 radiographs',
        'repeated          1 images',
        'ignored           1 images',
    ):
        assert text in out


def test_strict_refuses_what_it_would_repair(prepare_data, raw):
    save(raw, 'val', '0003-F-050Y1', COLUMN[::-1])
    status, out, errors = prepare_data(raw, '--strict')
    assert (status, out) == (2, '')
    (error,) = errors
    assert error.startswith('error: labels/val/0003-F-050Y1.json: vertebrae are listed from bottom to top')
    assert not (raw / 'annotations').exists()


def test_a_validation_patient_seen_in_training_is_refused_until_dropped(prepare_data, raw):
    save(raw, 'train', '0002-F-049Y1')
    status, out, errors = prepare_data(raw)
    assert (status, out) == (2, '')
    (error,) = errors
    assert (
        'images/train/0002-F-049Y1.jpg' in error and 'images/val/0002-F-050Y1.jpg' in error and '--drop-leaks' in error
    )
    assert not (raw / 'annotations').exists()
    status, out, errors = prepare_data(raw, '--drop-leaks')
    assert (status, errors) == (0, [])
    assert 'train             1 images' in out and 'dropped (leak)' in out


def test_the_cranial_anchor_is_kept_in_the_files(prepare_data, raw):
    assert prepare_data(raw, '--anchor', 'cranial', '--format', 'mendeley')[0] == 0
    content = json.loads((raw / 'annotations' / 'val.json').read_text())
    assert content['info']['anchor'] == 'cranial'
    assert content['annotations'][0]['presence'] == [0] * 5 + [1] * 5


BAD_LABELS = {
    'truncated': ('{"boxes": [[1, 2', 'not valid JSON'),
    'a list': ('[[1, 2], [3, 4]]', 'a JSON list'),
    'three corners': (json.dumps({'keypoints': [points[:3] for points in COLUMN]}), '3 corners, not 4'),
    'NaN': (json.dumps({'keypoints': [[[float('nan'), 1, 1]] * 4]}), 'is not finite'),
    'strings': (json.dumps({'keypoints': [[['1', '2', '1']] * 4]}), 'is not [x, y, visible]'),
}


@pytest.mark.parametrize('text, why', BAD_LABELS.values(), ids=BAD_LABELS)
def test_a_bad_label_is_named_in_one_line_and_the_rest_is_written(prepare_data, raw, text, why):
    save(raw, 'val', '0003-F-050Y1')
    (raw / 'labels' / 'val' / '0003-F-050Y1.json').write_text(text)
    status, out, errors = prepare_data(raw)
    assert status == 2
    (error,) = errors
    assert error.startswith('error: labels/val/0003-F-050Y1.json: ') and why in error
    content = json.loads((raw / 'annotations' / 'val.json').read_text())
    assert [image['source'] for image in content['images']] == ['0002-F-050Y1']


@pytest.mark.parametrize('share, why', [(0.5, 'truncated'), (0, 'the file is empty'), (None, 'not an image')])
def test_a_bad_image_is_named_in_one_line_and_the_rest_is_written(prepare_data, raw, share, why):
    save(raw, 'val', '0003-F-050Y1')
    path = raw / 'images' / 'val' / '0003-F-050Y1.jpg'
    whole = path.read_bytes()
    path.write_bytes(b'a text file' if share is None else whole[: int(share * len(whole))])
    status, _, errors = prepare_data(raw)
    assert status == 2
    (error,) = errors
    assert error.startswith('error: images/val/0003-F-050Y1.jpg: ') and why in error
    assert len(json.loads((raw / 'annotations' / 'val.json').read_text())['images']) == 1


@pytest.mark.parametrize('label', ['truncated', 'a list'])
def test_where_no_label_is_usable_nothing_is_written(prepare_data, raw, label):
    for path in raw.glob('labels/*/*.json'):
        path.write_text(BAD_LABELS[label][0])
    status, out, errors = prepare_data(raw, '--out', raw.parent / 'out')
    assert (status, out, len(errors)) == (2, '', 1)
    assert not (raw.parent / 'out').exists()


@pytest.mark.parametrize('out', ['file', 'file/below'])
def test_an_output_that_cannot_be_written_is_one_line(prepare_data, raw, out):
    (raw.parent / 'file').write_text('a file')
    status, _, errors = prepare_data(raw, '--out', raw.parent / out)
    assert (status, len(errors)) == (2, 1)


def test_a_missing_source_is_one_line(prepare_data, tmp_path):
    assert prepare_data(tmp_path / 'nowhere') == (
        2,
        '',
        [f'error: {tmp_path / "nowhere"}: no such folder: give the folder that the dataset was extracted to'],
    )


def test_an_unknown_option_is_bad_usage(prepare_data):
    assert prepare_data('x', '--format', 'dicom')[0] == 2
