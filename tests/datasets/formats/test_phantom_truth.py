"""Phantoms read with their whole truth instead of their label files."""

import json
import shutil

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


def test_an_image_that_the_truth_does_not_describe_is_named(phantoms, tmp_path):
    root, truth = phantoms
    spoiled = json.loads(json.dumps(truth))
    first = next(iter(spoiled['images']))
    spoiled['images'][first]['width'] += 1
    for path in root.rglob('*.jpg'):
        copy = tmp_path / path.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    (tmp_path / 'truth.json').write_text(json.dumps(spoiled))
    prepared = prepare(tmp_path, tmp_path / 'out', format='phantom-truth')
    assert [row.file for row in prepared.unreadable] == [first]


@pytest.mark.parametrize('content', ['{', '[]', '{}'])
def test_a_damaged_truth_is_named(content, phantoms, tmp_path):
    shutil.copytree(phantoms[0], tmp_path / 'phantoms')
    (tmp_path / 'phantoms' / 'truth.json').write_text(content)
    with pytest.raises(InputError, match=r'truth\.json: not the truth of phantoms: draw them again'):
        prepare(tmp_path / 'phantoms', tmp_path / 'out', format='phantom-truth')
    assert not (tmp_path / 'out').exists()
