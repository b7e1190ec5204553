"""What the dataset hands to the pipeline."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope

from spondylo_mm import plugin  # noqa: F401
from spondylo_mm.anatomy import FLIP_INDICES, KEYPOINT_NAMES, NUM_KEYPOINTS, NUM_SLOTS, UNKNOWN
from spondylo_mm.datasets.spondylo_dataset import SpondyloDataset
from spondylo_mm.errors import InputError

CODEC = dict(input_size=(64, 64), above='ignore')


def coco() -> dict:
    """Two images, one with S1 and L5 labelled and nothing above, one without annotation."""
    keypoints = np.zeros((NUM_KEYPOINTS, 3))
    keypoints[:8] = [[10 + k, 20 + k, 2] for k in range(8)]
    return dict(
        images=[
            dict(id=1, file_name='images/a.jpg', width=90, height=120, spacing=[0.5, 0.25]),
            dict(id=2, file_name='images/b.jpg', width=90, height=120),
        ],
        annotations=[
            dict(id=1, image_id=1, keypoints=keypoints.reshape(-1).tolist(), presence=[1, 1] + [0] * 8, bbox=[9] * 4)
        ],
        categories=[dict(id=1, name='spine', keypoints=list(KEYPOINT_NAMES))],
    )


def dataset(folder: Path, content: object = None, **kwargs) -> SpondyloDataset:
    (folder / 'a.json').write_text(json.dumps(coco() if content is None else content))
    return SpondyloDataset(codec=CODEC, data_root=str(folder), ann_file='a.json', **kwargs)


def test_an_annotation_becomes_keypoints_presence_and_spacing(tmp_path):
    info = dataset(tmp_path).get_data_info(0)
    assert info['img_path'] == str(tmp_path / 'images' / 'a.jpg') and info['file_name'] == 'images/a.jpg'
    np.testing.assert_array_equal(info['keypoints'][0, :8], [[10 + k, 20 + k] for k in range(8)])
    assert info['keypoints_visible'].tolist() == [[1] * 8 + [0] * 32]  # COCO's 2 becomes MMPose's 1
    assert info['slot_presence'].tolist() == [1, 1] + [0] * 8
    assert info['spacing'].tolist() == [0.5, 0.25]
    assert info['codec'] == CODEC and tuple(info['flip_indices']) == FLIP_INDICES


def test_training_reads_labelled_images_and_testing_all(tmp_path):
    assert len(dataset(tmp_path)) == 1
    everything = dataset(tmp_path, test_mode=True)
    assert len(everything) == 2
    blind = everything.get_data_info(1)
    assert not blind['keypoints_visible'].any() and (blind['slot_presence'] == -1).all()


def test_no_labelled_box_reaches_the_pipeline(tmp_path):
    assert 'bbox' not in dataset(tmp_path).get_data_info(0)


def test_a_foreign_file_without_presence_knows_its_labelled_slots_only(tmp_path):
    content = coco()
    del content['annotations'][0]['presence']
    assert dataset(tmp_path, content).get_data_info(0)['slot_presence'].tolist() == [1, 1] + [-1] * (NUM_SLOTS - 2)


def test_images_by_path_need_no_annotation_file():
    images = SpondyloDataset(codec=CODEC, images={'a.png': 'x/a.png', 'b.png': 'b.png'}, test_mode=True)
    assert [info['img_path'] for info in map(images.get_data_info, range(2))] == ['x/a.png', 'b.png']


def test_regions_of_an_image_are_each_what_it_is_alone(tmp_path):
    (tmp_path / 'images').mkdir()
    image = np.random.default_rng(0).integers(0, 256, (120, 90), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / 'images' / 'a.jpg'), image)
    pipeline = [dict(type=name) for name in ('LoadRadiograph', 'StretchToInput', 'KeypointTargets', 'PackPoseInputs')]
    init_default_scope('mmpose')
    radiographs = dataset(tmp_path, pipeline=pipeline, test_mode=True)
    regions = [np.array([0.0, 0, 89, 119]), np.array([10.0, 20, 40, 60])]
    whole, part = radiographs.regions(0, regions)
    assert torch.equal(whole['inputs'], radiographs[0]['inputs'])
    assert torch.equal(part['inputs'], radiographs.regions(0, regions[1:])[0]['inputs'])
    assert part['data_samples'].input_scale == pytest.approx(np.array([30, 40]) * 64 / 63)
    assert whole['data_samples'].spacing.tolist() == part['data_samples'].spacing.tolist() == [0.5, 0.25]


@pytest.mark.parametrize(
    'change, message',
    [
        (lambda c: c.update(images=[]), 'holds no labelled images'),
        (lambda c: c['categories'][0].update(keypoints=list(KEYPOINT_NAMES[:38])), 'has 38 keypoints'),
        (lambda c: c.pop('categories'), 'not a COCO keypoint file'),
        (lambda c: c.update(info=['made by hand']), 'not a COCO keypoint file'),
        (lambda c: c.update(images=None), 'not a COCO keypoint file'),
        (lambda c: c.update(annotations=None), 'not a COCO keypoint file'),
        (lambda c: c['images'][0].pop('id'), 'not a COCO keypoint file'),
        (lambda c: c['images'][0].update(id=[1]), r'\[1\] for the id of an image, not a number'),
        (lambda c: c['annotations'][0].update(image_id=None), 'None for the id of an image, not a number'),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_name(tmp_path, change, message):
    content = coco()
    change(content)
    with pytest.raises(InputError, match=f'a.json: {message}'):
        dataset(tmp_path, content)


@pytest.mark.parametrize(
    'spacing',
    [
        [0, 0],
        [-1, 1],
        [0.5],
        [0.5, 0.5, 0.5],
        ['a', 'b'],
        'ab',
        0.5,
        [True, True],
        [1e-300, 1e-300],
        [139, 139],
        [5, 0.1],
    ],
)
def test_a_spacing_that_no_radiograph_has_is_refused_with_its_image(tmp_path, spacing):
    content = coco()
    content['images'][0]['spacing'] = spacing
    with pytest.raises(InputError, match=r'a.json: image 1 has the spacing .*, not x and y in mm per pixel') as error:
        dataset(tmp_path, content)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    'presence, message',
    [
        ([0, 1] + [0] * 8, 'has keypoints in slot 0, whose presence is not 1'),
        ([1, -1] + [0] * 8, 'has keypoints in slot 1, whose presence is not 1'),
        ([1, 1] + [7] * 8, 'has presence other than 1, 0 and -1'),
        ([1, 1] + [0.5] * 8, 'has presence other than 1, 0 and -1'),
    ],
)
def test_presence_that_contradicts_the_keypoints_is_refused(tmp_path, presence, message):
    content = coco()
    content['annotations'][0]['presence'] = presence
    with pytest.raises(InputError, match=f'a.json: the annotation of image 1 {message}'):
        dataset(tmp_path, content)


def test_a_foreign_file_need_not_say_how_it_was_made(tmp_path):
    for info in (None, {}):
        assert len(dataset(tmp_path, coco() | dict(info=info))) == 1


def test_a_truncated_file_is_refused_by_name(tmp_path):
    (tmp_path / 'a.json').write_text(json.dumps(coco())[:-20])
    with pytest.raises(InputError, match='a.json: not a COCO keypoint file'):
        SpondyloDataset(codec=CODEC, data_root=str(tmp_path), ann_file='a.json')


def test_of_unlabelled_films_no_empty_labels_are_kept():
    films = {f'{number}.png': f'/films/{number}.png' for number in range(100)}
    dataset = SpondyloDataset(codec={}, images=films, pipeline=[], test_mode=True)
    assert dataset.data_bytes.nbytes / len(films) < 300  # what is kept of each; keypoints alone are 320
    info = dataset.get_data_info(7)
    assert info['img_path'] == '/films/7.png' and info['keypoints'].shape == (1, NUM_KEYPOINTS, 2)
    assert not info['keypoints_visible'].any() and (info['slot_presence'] == UNKNOWN).all()
