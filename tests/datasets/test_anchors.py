"""Counting slots from the top of one caudal annotation file."""

import json

import numpy as np
import pytest
from mmengine.registry import init_default_scope

from spondylo_mm import plugin  # noqa: F401
from spondylo_mm.anatomy import EMPTY, LABELLED, LEVELS, NUM_CORNERS, NUM_SLOTS, UNKNOWN
from spondylo_mm.datasets.anchors import counted_from_the_top, level_names, slot_names
from spondylo_mm.datasets.prepare import prepare
from spondylo_mm.datasets.spondylo_dataset import SpondyloDataset
from spondylo_mm.errors import InputError

CODEC = dict(input_size=(64, 64), above='ignore')


def annotation(presence: list[int], **more) -> dict:
    """Corner c of the vertebra in slot s is labelled at (100 s + c, 7), where the slot is."""
    keypoints = [
        value
        for slot in range(NUM_SLOTS)
        for corner in range(NUM_CORNERS)
        for value in ((100 * slot + corner, 7, 2) if presence[slot] == LABELLED else (0, 0, 0))
    ]
    return dict(keypoints=keypoints, presence=presence, **more)


def x_of(counted: dict) -> list:
    """x of the first corner of each slot."""
    return np.array(counted['keypoints']).reshape(NUM_SLOTS, NUM_CORNERS, 3)[:, 0, 0].tolist()


def test_the_topmost_labelled_vertebra_gets_the_last_slot_and_a_missing_level_keeps_its_place():
    presence = [LABELLED] * 2 + [UNKNOWN] + [LABELLED] * 4 + [UNKNOWN] * 3
    counted = counted_from_the_top(annotation(presence, listed=[6, 5, 4, 3, 1, 0], levels_known=True))
    assert counted['presence'] == [EMPTY] * 3 + presence[:7]
    assert x_of(counted) == [0, 0, 0, 0, 100, 0, 300, 400, 500, 600]
    assert counted['listed'] == [9, 8, 7, 6, 4, 3]
    assert counted['levels_known'] is False  # slot 3 is S1 here and L4 by its name


def test_a_half_labelled_sacrum_moves_with_the_rest():
    half = annotation([LABELLED] * 6 + [UNKNOWN] * 4)
    half['keypoints'][6:12] = [0] * 6  # S1 without its inferior endplate
    visible = np.array(counted_from_the_top(half)['keypoints']).reshape(NUM_SLOTS, NUM_CORNERS, 3)[..., 2] > 0
    assert visible[4].tolist() == [True, True, False, False] and visible[5:].all() and not visible[:4].any()
    alone = annotation([LABELLED] + [UNKNOWN] * 9)
    alone['keypoints'][6:12] = [0] * 6
    assert counted_from_the_top(alone)['presence'] == [EMPTY] * 9 + [LABELLED]


def test_what_is_not_labelled_at_all_is_not_moved():
    blind = annotation([EMPTY] + [UNKNOWN] * 9)
    assert counted_from_the_top(blind) == blind


def test_a_foreign_annotation_without_presence_is_counted_too():
    foreign = annotation([LABELLED] * 4 + [UNKNOWN] * 6)
    del foreign['presence']
    assert x_of(counted_from_the_top(foreign)) == [0] * 6 + [0, 100, 200, 300]


def test_one_caudal_file_read_cranially_is_what_prepare_data_writes_cranially(phantoms, tmp_path):
    prepare(phantoms, tmp_path / 'cranial', anchor='cranial')
    split = dict(codec=CODEC, ann_file='annotations/train.json', anchor='cranial')
    read, written = (SpondyloDataset(data_root=str(root), **split) for root in (phantoms, tmp_path / 'cranial'))
    empty_below = set()
    for ours, theirs in zip(map(read.get_data_info, range(8)), map(written.get_data_info, range(8)), strict=True):
        for key in ('keypoints', 'keypoints_visible', 'slot_presence'):
            np.testing.assert_array_equal(ours[key], theirs[key])
        assert ours['slot_presence'][-1] == LABELLED
        empty_below.add(int((ours['slot_presence'] == EMPTY).sum()))
    assert len(empty_below) > 1  # spines of several lengths: one vertebra, several slots


def test_a_cranial_file_cannot_be_read_caudally(phantoms, tmp_path):
    prepare(phantoms, tmp_path, anchor='cranial')
    with pytest.raises(InputError, match='train.json: slots are counted from the cranial end.*without --anchor'):
        SpondyloDataset(codec=CODEC, data_root=str(tmp_path), ann_file='annotations/train.json')


def test_an_anchor_that_does_not_exist_is_refused(phantoms):
    with pytest.raises(InputError, match="anchor='sacral'.*caudal, cranial"):
        SpondyloDataset(codec=CODEC, data_root=str(phantoms), ann_file='annotations/val.json', anchor='sacral')


def test_every_sample_says_where_its_slots_are_counted_from(phantoms):
    init_default_scope('mmpose')
    pipeline = [
        dict(type='LoadRadiograph'),
        dict(type='StretchToInput'),
        dict(type='PackPoseInputs', meta_keys=('img_path',)),
    ]
    split = dict(codec=CODEC, data_root=str(phantoms), ann_file='annotations/val.json', pipeline=pipeline)
    assert SpondyloDataset(anchor='cranial', **split)[0]['data_samples'].anchor == 'cranial'
    assert SpondyloDataset(**split)[0]['data_samples'].anchor == 'caudal'
    assert 'data_samples' not in SpondyloDataset(**split | dict(pipeline=[]))[0]


def test_only_slots_counted_from_the_sacrum_are_levels():
    assert level_names('caudal') == slot_names('caudal') == LEVELS
    assert level_names('cranial') == (None,) * NUM_SLOTS
    assert slot_names('cranial')[0] == 'slot 0' and len(set(slot_names('cranial'))) == NUM_SLOTS
    assert json.dumps(level_names('cranial')[:1]) == '[null]'
