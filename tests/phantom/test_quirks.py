"""Each quirk is found in the files themselves, where truth.json says it is."""

from __future__ import annotations

import collections
import json

import numpy as np
import pytest

from spondylo_mm.datasets.formats import faults
from spondylo_mm.errors import InputError
from spondylo_mm.phantom import quirks
from spondylo_mm.phantom.plan import plan
from spondylo_mm.phantom.quirks import AUGMENTED_COPY, CAUDAL_UNLABELLED, YOLO_TEXT, assign

SIZE = 256  # of the dataset fixture
LEVELS = ['S1', 'L5', 'L4', 'L3', 'L2', 'L1', 'T12', 'T11', 'T10', 'T9', 'T8']


@pytest.fixture
def having(dataset):
    """Images with a quirk of the given kind: ``(path, entry of truth, quirk, label content or None)``."""
    root, truth = dataset

    def find(kind):
        found = []
        for path, entry in truth['images'].items():
            for quirk in entry['quirks']:
                if quirk['kind'] == kind:
                    label = root / path.replace('images', 'labels').replace('.jpg', '.json')
                    found.append((path, entry, quirk, json.loads(label.read_text()) if label.exists() else None))
        assert found, f'no {kind} in the dataset'
        return found

    return find


def centers(label):
    return np.array(label['keypoints'])[..., :2].mean(axis=1)


def true_corners(entry, level, key='corners'):
    return np.array(next(list(v[key].values()) for v in entry['vertebrae'] if v['level'] == level))


def test_every_kind_is_there_and_an_image_has_one_at_most(dataset):
    entries = dataset[1]['images'].values()
    assert max(len(entry['quirks']) for entry in entries) == 1
    kinds = {quirk['kind'] for entry in entries for quirk in entry['quirks']}
    assert kinds == {
        faults.UNSORTED,
        faults.STRAY,
        faults.DOUBLED,
        faults.TOO_MANY,
        faults.MISSING_LEVEL,
        faults.LEAK,
        YOLO_TEXT,
        AUGMENTED_COPY,
        CAUDAL_UNLABELLED,
    }
    assert {entry['label_kind'] for entry in entries} == {'tight', 'loose', None}
    assert any(not entry['quirks'] for entry in entries)


def test_unsorted_files_are_reversed_or_shuffled(having):
    ways = set()
    for _, entry, quirk, label in having(faults.UNSORTED):
        ways.add(quirk['how'])
        y = centers(label)[:, 1]
        assert (np.diff(y) < 0).all() == (quirk['how'] == 'reversed')
        assert not (np.diff(y) > 0).all()
        assert len(y) == sum(vertebra['labelled'] for vertebra in entry['vertebrae'])
    assert ways == {'reversed', 'shuffled'}


def test_all_other_files_are_listed_top_to_bottom(dataset):
    root, truth = dataset
    for path, entry in truth['images'].items():
        if entry['label_format'] == 'json' and not any(q['kind'] == faults.UNSORTED for q in entry['quirks']):
            label = json.loads((root / path.replace('images', 'labels').replace('.jpg', '.json')).read_text())
            assert (np.diff(centers(label)[:, 1]) > 0).all()


def test_a_stray_is_a_tiny_box_far_from_the_spine(having):
    for _, entry, quirk, label in having(faults.STRAY):
        x1, y1, x2, y2 = label['boxes'][quirk['entry']]
        assert (x2 - x1, y2 - y1) == (round(18 * SIZE / 640), 2)
        distance = [np.linalg.norm(true_corners(entry, v['level']) - [x1, y1], axis=1) for v in entry['vertebrae']]
        assert np.min(distance[:6]) > 0.9 * 150 * SIZE / 640
        assert len(label['boxes']) == 1 + sum(v['labelled'] for v in entry['vertebrae'])


def test_a_stray_of_a_full_size_image_is_18_by_2_pixels():
    marks = [quirks.Mark('L3', np.array([[300.0, 200], [360, 200], [300, 250], [360, 250]]))]
    spoiled, (record,) = quirks.damage('stray', marks, 640, 640, np.random.default_rng(1))
    stray = spoiled[record['entry']]
    assert np.ptp(stray.corners, axis=0).tolist() == [18, 2] and stray.is_boxed_exactly


def iou(a, b):
    inside = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod()
    return inside / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - inside)


def test_a_doubled_vertebra_is_under_half_a_spacing_away_and_overlaps(having):
    for _, entry, quirk, label in having(faults.DOUBLED):
        extra, boxes = quirk['entry'], np.array(label['boxes'], float)
        others = np.delete(centers(label), extra, axis=0)
        distance = np.linalg.norm(others - centers(label)[extra], axis=1)
        spacing = np.linalg.norm(np.diff(others, axis=0), axis=1)
        assert distance.min() < 0.5 * np.median(spacing)
        nearest = np.delete(np.arange(len(boxes)), extra)[distance.argmin()]
        assert iou(boxes[extra], boxes[nearest]) > 0.3
        marked = true_corners(entry, quirk['vertebra'], 'marked').mean(axis=0)
        assert np.linalg.norm(marked - centers(label)[nearest]) < 1


def test_a_missing_level_is_visible_unlabelled_and_leaves_a_gap(having):
    for _, entry, quirk, label in having(faults.MISSING_LEVEL):
        assert not next(v for v in entry['vertebrae'] if v['level'] == quirk['vertebra'])['labelled']
        spacing = np.linalg.norm(np.diff(centers(label), axis=0), axis=1)
        gap = spacing.argmax()
        assert spacing[gap] > 1.7 * np.median(spacing)
        missing = true_corners(entry, quirk['vertebra']).mean(axis=0)
        assert centers(label)[gap][1] < missing[1] < centers(label)[gap + 1][1]


def test_eleven_vertebrae_reach_t8(having):
    for _, entry, quirk, label in having(faults.TOO_MANY):
        assert len(label['boxes']) == 11
        assert [vertebra['level'] for vertebra in entry['vertebrae']] == LEVELS
        assert quirk['vertebra'] == 'T8' and quirk['entry'] == 0
        assert np.linalg.norm(true_corners(entry, 'T8', 'marked').mean(axis=0) - centers(label)[0]) < 1


def test_an_unlabelled_sacrum_is_visible(having):
    for _, entry, _, label in having(CAUDAL_UNLABELLED):
        assert [v['labelled'] for v in entry['vertebrae']][:2] == [False, True]
        assert np.linalg.norm(true_corners(entry, 'L5', 'marked').mean(axis=0) - centers(label)[-1]) < 1


def test_text_labels_replace_the_json(dataset, having):
    for path, entry, _, label in having(YOLO_TEXT):
        assert label is None and entry['label_format'] == 'yolo' and entry['label_kind'] == 'loose'
        text = (dataset[0] / path.replace('images', 'labels').replace('.jpg', '.txt')).read_text()
        last = np.array(text.splitlines()[-1].split()[5:], float).reshape(4, 3)
        s1 = true_corners(entry, entry['vertebrae'][0]['level'], 'marked')  # TL TR BL BR
        assert np.abs(last[:, :2] * SIZE - s1[[0, 2, 3, 1]]).max() <= 0.5 + 1e-6
        assert set(last[:, 2]) == {2}


def test_copies_are_the_same_radiograph_in_train_under_another_hash_and_some_are_mirrored(dataset, having):
    mirrored = collections.Counter()
    for path, entry, quirk, _ in having(AUGMENTED_COPY):
        base = dataset[1]['images'][quirk['of']]
        mirrored[quirk['mirrored']] += 1
        assert path.split('.rf.')[0] == quirk['of'].split('.rf.')[0] and path != quirk['of']
        assert entry['split'] == base['split'] == 'train' and entry['patient'] == base['patient']
        assert (entry['facing'] == base['facing']) != quirk['mirrored']
        for one, other in zip(entry['vertebrae'], base['vertebrae'], strict=True):
            assert (one['level'], one['labelled']) == (other['level'], other['labelled'])
            if quirk['mirrored']:
                for corner, partner in (('TL', 'TR'), ('BR', 'BL')):
                    x, y = other['corners'][partner]
                    assert one['corners'][corner] == pytest.approx([SIZE - 1 - x, y], abs=1e-3)
            else:
                assert one['corners'] == other['corners']
        assert [slip['percent'] for slip in entry['slips']] == [slip['percent'] for slip in base['slips']]
        assert (dataset[0] / path).read_bytes() != (dataset[0] / quirk['of']).read_bytes()
    assert mirrored[True] and mirrored[False]


def test_some_blind_images_are_labelled_elsewhere_under_another_name(dataset, having):
    for path, entry, quirk, _ in having(faults.LEAK):
        partner = dataset[1]['images'][quirk['with']]
        assert entry['split'] == 'test' and partner['split'] in ('train', 'val')
        assert entry['patient'] == partner['patient']
        assert path.split('/')[-1].split('-')[0] == entry['patient']
        ratio = np.array([entry['width'], entry['height']]) / SIZE
        for one, other in zip(entry['vertebrae'], partner['vertebrae'], strict=True):
            stretched = (np.array(list(other['corners'].values())) + 0.5) * ratio - 0.5
            assert np.allclose(list(one['corners'].values()), stretched, atol=2e-3)


def test_no_other_patient_is_in_two_places(dataset):
    patients = collections.defaultdict(set)
    for entry in dataset[1]['images'].values():
        if not any(quirk['kind'] == faults.LEAK for quirk in entry['quirks']):
            patients[entry['patient']].add(entry['split'])
    assert all(len(splits) == 1 for splits in patients.values())


@pytest.mark.parametrize('counts', [(2, 10, 1), (8, 3, 1), (20, 20, 0)])
def test_too_few_images_for_every_quirk_are_refused_with_the_minimum(counts):
    specs = plan(dict(zip(('train', 'val', 'test'), counts, strict=True)), 0, 'mixed')
    with pytest.raises(InputError, match='--train 3, --test 1 and 12 images in train and val'):
        assign(specs, 0)


@pytest.mark.parametrize('seed', range(12))
@pytest.mark.parametrize('counts', [(3, 9, 1), (12, 0, 1), (494, 204, 16)])
def test_every_quirk_fits_from_the_minimum_on(counts, seed):
    counts = dict(zip(('train', 'val', 'test'), counts, strict=True))
    specs = assign(plan(counts, seed, 'mixed'), seed)
    found = collections.Counter(spec.quirk for spec in specs)
    assert set(found) - {None} == {*quirks.DAMAGE_RATES, YOLO_TEXT, AUGMENTED_COPY, faults.LEAK}
    if counts['train'] == 494:  # as often as in the real dataset
        assert (found['reversed'], found['shuffled'], found[faults.STRAY], found[faults.LEAK]) == (26, 15, 1, 7)
        assert found[AUGMENTED_COPY] == 2 * 52
        splits = collections.Counter(spec.split for spec in specs if spec.quirk == 'reversed')
        assert splits['train'] > 8 and splits['val'] > 4


def test_labels_of_one_kind_cannot_have_every_quirk():
    with pytest.raises(InputError, match='--style at mixed'):
        assign(plan({'train': 20, 'val': 10, 'test': 2}, 0, 'tight'), 0)
