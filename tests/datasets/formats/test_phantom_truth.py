"""Phantoms read with their whole truth instead of their label files."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from spondylo_mm.anatomy import CORNERS, EMPTY, LABELLED, NUM_CORNERS, NUM_SLOTS
from spondylo_mm.datasets.formats.detect import detect
from spondylo_mm.datasets.prepare import prepare
from spondylo_mm.errors import InputError
from spondylo_mm.phantom.writer import write_dataset

COUNTS = dict(train=24, val=3, test=2)


@pytest.fixture(scope='module')
def phantoms(tmp_path_factory):
    """Their folder and its ``truth.json``."""
    root = tmp_path_factory.mktemp('phantoms') / 'raw'
    return root, write_dataset(root, COUNTS, seed=3, size=128)


def annotations(out, split):
    content = json.loads((out / 'annotations' / f'{split}.json').read_text())
    names = {image['id']: image['file_name'] for image in content['images']}
    return {names[each['image_id']]: each for each in content['annotations']}


def test_every_visible_vertebra_is_labelled_where_it_is_and_all_other_slots_are_empty(phantoms, tmp_path):
    root, truth = phantoms
    prepare(root, tmp_path, format='phantom-truth', strict=True)
    for split, count in COUNTS.items():
        spines = annotations(tmp_path, split)
        assert len(spines) == count  # the blind ones as well
        for name, spine in spines.items():
            (entry,) = [entry for path, entry in truth['images'].items() if path.endswith(name.rsplit('/', 1)[-1])]
            corners = [[vertebra['corners'][corner] for corner in CORNERS] for vertebra in entry['vertebrae']]
            keypoints = np.array(spine['keypoints']).reshape(NUM_SLOTS, NUM_CORNERS, 3)
            np.testing.assert_allclose(keypoints[: len(corners), :, :2], corners, atol=1e-3)
            assert spine['presence'] == [LABELLED] * len(corners) + [EMPTY] * (NUM_SLOTS - len(corners))
            assert spine['levels_known'] == (entry['transition'] is None)


def test_it_holds_vertebrae_that_annotators_left_out(phantoms, tmp_path):
    root, truth = phantoms
    prepare(root, tmp_path / 'labels')
    prepare(root, tmp_path / 'truth', format='phantom-truth')
    labelled, true = (
        sum(spine['num_keypoints'] for spine in annotations(tmp_path / out, 'train').values())
        for out in ('labels', 'truth')
    )
    unlabelled = sum(
        not vertebra['labelled']
        for entry in truth['images'].values()
        if entry['split'] == 'train'
        for vertebra in entry['vertebrae']
    )
    assert unlabelled > 0 and true == labelled + NUM_CORNERS * unlabelled


def test_it_is_taken_only_where_it_is_asked_for(phantoms, tmp_path):
    assert detect(phantoms[0]) == 'mendeley'
    with pytest.raises(InputError, match=r'truth\.json'):
        prepare(tmp_path, format='phantom-truth')


@pytest.fixture
def spoiled(phantoms, tmp_path):
    """Writes a copy of the phantoms with another ``truth.json``; returns its folder."""
    root, truth = phantoms
    copy = tmp_path / 'phantoms'
    shutil.copytree(root, copy)

    def spoil(change) -> Path:
        content = json.loads(json.dumps(truth))
        change(content['images'])
        (copy / 'truth.json').write_text(json.dumps(content))
        return copy

    return spoil


def first_of(images: dict) -> dict:
    return next(iter(images.values()))


def test_an_image_that_the_truth_does_not_describe_is_named(phantoms, spoiled, tmp_path):
    first = next(iter(phantoms[1]['images']))
    root = spoiled(lambda images: images[first].update(width=images[first]['width'] + 1))
    prepared = prepare(root, tmp_path / 'out', format='phantom-truth')
    assert [row.file for row in prepared.unreadable] == [first]


@pytest.mark.parametrize('kept', ['size', 'time'])
def test_phantoms_drawn_anew_are_read_anew(phantoms, spoiled, tmp_path, kept):
    """In one process, as a program that draws and prepares does, and in whatever the new file is as the old one."""
    _, truth = phantoms
    name = next(name for name, entry in truth['images'].items() if entry['split'] == 'train')

    def prepared_with(x: float) -> tuple[float, os.stat_result]:
        root = spoiled(lambda images: images[name]['vertebrae'][0]['corners'].update(TL=[x, 64.0]))
        if kept == 'time':
            os.utime(root / 'truth.json', (1, 1))
        prepare(root, tmp_path / 'out', format='phantom-truth')
        spine = annotations(tmp_path / 'out', 'train')['images/train/' + name.rsplit('/', 1)[-1]]
        return spine['keypoints'][0], (root / 'truth.json').stat()

    (before, old), (after, new) = (prepared_with(x) for x in (61.25, 63.75 if kept == 'size' else 63.5))
    assert (old.st_size == new.st_size) == (kept == 'size') and (old.st_mtime_ns == new.st_mtime_ns) == (kept == 'time')
    assert (before, after) == (61.25, 63.75 if kept == 'size' else 63.5)


@pytest.mark.parametrize('content', ['{', '[]', '{}', '{"images": []}', '{"images": null}', '[' * 100_000])
def test_a_damaged_truth_is_named(content, phantoms, tmp_path):
    shutil.copytree(phantoms[0], tmp_path / 'phantoms')
    (tmp_path / 'phantoms' / 'truth.json').write_text(content)
    with pytest.raises(InputError, match=r'truth\.json: not the truth of phantoms: draw the phantoms again'):
        prepare(tmp_path / 'phantoms', tmp_path / 'out', format='phantom-truth')
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    'change, message',
    [
        (lambda images: images.update(x=None), "'x': of no split (train, val, test)"),
        (lambda images: first_of(images).pop('split'), 'of no split'),
        (lambda images: first_of(images).update(split='training'), 'of no split'),
        (lambda images: first_of(images).pop('width'), 'size [None, 128] is not [width, height]'),
        (lambda images: first_of(images).update(vertebrae=[]), 'without vertebrae'),
        (lambda images: first_of(images).update(vertebrae=None), 'without vertebrae'),
        (lambda images: first_of(images)['vertebrae'].__setitem__(1, None), 'vertebra 1 without its level or TL, TR'),
        (lambda images: first_of(images)['vertebrae'][0].pop('level'), 'vertebra 0 without its level'),
        (lambda images: first_of(images)['vertebrae'][0].pop('corners'), 'vertebra 0 without its level'),
        (lambda images: first_of(images)['vertebrae'][0]['corners'].pop('BR'), 'vertebra 0 without its level'),
        (lambda images: first_of(images)['vertebrae'][0]['corners'].update(BR=[1]), 'corner BR [1] is not [x, y]'),
        (lambda images: first_of(images)['vertebrae'][0]['corners'].update(TL=[float('nan'), 1]), 'is not finite'),
        (lambda images: first_of(images)['vertebrae'][0]['corners'].update(TL=[1e308, 1]), 'outside the 128x128'),
    ],
)
def test_an_entry_that_says_too_little_is_named_with_its_image(spoiled, tmp_path, change, message):
    root = spoiled(change)
    with pytest.raises(InputError) as error:
        prepare(root, tmp_path / 'out', format='phantom-truth')
    assert str(error.value).startswith(f'{root / "truth.json"}: ') and message in str(error.value)
    assert str(error.value).endswith(': draw the phantoms again with tools/make_phantom.py')
    assert '\n' not in str(error.value) and len(str(error.value)) < 500


@pytest.mark.parametrize('absolute', [False, True])
def test_no_image_outside_the_folder_is_read(spoiled, tmp_path, absolute):
    """What is there is a good phantom, and would be copied."""

    def lead_out(images: dict) -> None:
        name = next(iter(images))
        (tmp_path / 'secret.jpg').write_bytes((tmp_path / 'phantoms' / name).read_bytes())
        images[str(tmp_path / 'secret.jpg') if absolute else '../secret.jpg'] = images.pop(name)

    with pytest.raises(InputError, match=r"truth\.json: '.*': not a path below the folder: draw"):
        prepare(spoiled(lead_out), tmp_path / 'out', format='phantom-truth')


def test_no_link_out_of_the_folder_is_followed(phantoms, spoiled, tmp_path):
    first = next(iter(phantoms[1]['images']))
    root = spoiled(lambda images: None)
    (root / first).rename(tmp_path / 'secret.jpg')
    (root / first).symlink_to(tmp_path / 'secret.jpg')
    prepared = prepare(root, tmp_path / 'out', format='phantom-truth')
    assert [(row.file, row.why.partition(':')[0]) for row in prepared.unreadable] == [(first, 'a link out of phantoms')]
    (root / 'truth.json').rename(tmp_path / 'truth.json')
    (root / 'truth.json').symlink_to(tmp_path / 'truth.json')
    with pytest.raises(InputError, match=r'truth\.json: a link out of phantoms: put what it leads to in its place'):
        prepare(root, tmp_path / 'out', format='phantom-truth')
