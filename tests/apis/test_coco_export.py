"""Predictions as a COCO file: what reads labels reads them."""

import json

import numpy as np
import pytest
from xtcocotools.coco import COCO

from spondylo_mm.anatomy import CORNERS, KEYPOINT_NAMES
from spondylo_mm.apis import SpineInferencer
from spondylo_mm.apis.coco_export import write_coco
from spondylo_mm.apis.testing import test as run_test
from spondylo_mm.datasets.spondylo_dataset import SpondyloDataset


@pytest.fixture
def run(tiny_config, trained, phantoms, tmp_path, monkeypatch):
    """The folder of a run that finds every vertebra, with ``coco.json``."""
    monkeypatch.setattr('spondylo_mm.apis.predictions.PRESENCE_THRESHOLD', 0.0)
    inferencer = SpineInferencer(tiny_config, trained, device='cpu', spacing=(0.3, 0.2))
    run_test(inferencer, tmp_path, images=[str(phantoms / 'Test')], report=False, coco=True)
    return tmp_path


def test_labels_read_back_are_the_predictions(run):
    records = json.loads((run / 'predictions.json').read_text())['images']
    dataset = SpondyloDataset(
        codec={}, data_root=str(run), ann_file='coco.json', pipeline=[], test_mode=True, data_prefix=dict(img='')
    )
    assert len(dataset) == len(records) == 2
    for i in range(len(dataset)):
        info = dataset.get_data_info(i)
        record = records[info['file_name']]
        keypoints = {name: info['keypoints'][0, k] for k, name in enumerate(KEYPOINT_NAMES)}
        listed = {
            f'{vertebra["level"]}_{name}': (vertebra['corners'][name]['x'], vertebra['corners'][name]['y'])
            for vertebra in record['vertebrae']
            for name in CORNERS
        }
        assert info['keypoints_visible'].sum() == len(listed) > 20
        for name, place in listed.items():
            np.testing.assert_allclose(keypoints[name], place, atol=1e-3)
        np.testing.assert_allclose(info['spacing'], [0.3, 0.2], rtol=1e-6)


def test_annotations_are_results_in_cocos_sense(run):
    content = json.loads((run / 'coco.json').read_text())
    labels = COCO(str(run / 'coco.json'))
    results = labels.loadRes(content['annotations'])
    assert sorted(results.getImgIds()) == [1, 2]
    for result in results.loadAnns(results.getAnnIds()):
        assert 0 < result['score'] < 1 and len(result['keypoints']) == 3 * len(KEYPOINT_NAMES)
        x, y, width, height = content['annotations'][result['id'] - 1]['bbox']
        points = np.reshape(result['keypoints'], (-1, 3))
        seen = points[points[:, 2] > 0]
        np.testing.assert_allclose([*seen[:, :2].min(0), *seen[:, :2].max(0)], [x, y, x + width, y + height], atol=0.01)


def test_an_image_without_a_vertebra_has_no_annotation(tmp_path):
    nothing = dict(width=30, height=40, spacing=None, vertebrae=[])
    write_coco(tmp_path / 'coco.json', {'a.png': nothing}, dict(version='0'))
    content = json.loads((tmp_path / 'coco.json').read_text())
    assert content['images'] == [dict(id=1, file_name='a.png', width=30, height=40)] and content['annotations'] == []


def test_an_eleventh_vertebra_has_no_keypoints(tmp_path):
    """``predictions.json`` lists vertebrae above the tenth; COCO's keypoints end with T9."""

    def vertebra(slot, x):
        return dict(
            slot=slot, level=None, corners=dict(TL=dict(x=x, y=2.0, score=0.5), BR=dict(x=x + 6, y=9.0, score=0.5))
        )

    def film(*vertebrae):
        return dict(width=30, height=40, spacing=None, vertebrae=list(vertebrae))

    records = {'eleven.png': film(vertebra(9, 3.0), vertebra(10, 20.0)), 'only.png': film(vertebra(10, 20.0))}
    write_coco(tmp_path / 'coco.json', records, dict(version='0'))
    (annotation,) = json.loads((tmp_path / 'coco.json').read_text())['annotations']
    keypoints = dict(zip(KEYPOINT_NAMES, np.reshape(annotation['keypoints'], (-1, 3)).tolist(), strict=True))
    seen = {name: place for name, place in keypoints.items() if place[2]}
    assert seen == {'T9_TL': [3.0, 2.0, 2.0], 'T9_BR': [9.0, 9.0, 2.0]}
    assert annotation['image_id'] == 1 and annotation['bbox'] == [3.0, 2.0, 6.0, 7.0]
