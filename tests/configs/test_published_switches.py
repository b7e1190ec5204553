"""configs/published/published_faults.py: each of the six faults, on and off."""

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from spondylo_mm import plugin  # noqa: F401
from spondylo_mm.anatomy import BL, BR, EMPTY, LABELLED, NUM_CORNERS, NUM_KEYPOINTS, NUM_SLOTS, TL, TR, UNKNOWN
from spondylo_mm.datasets.formats.coco import Entry, coco_file
from spondylo_mm.datasets.formats.label import Label
from spondylo_mm.datasets.prepare import prepare
from spondylo_mm.datasets.spondylo_dataset import SpondyloDataset
from spondylo_mm.errors import InputError

from .conftest import TRAINING_SWITCHES

CODEC = dict(type='VertebraHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=1.0, above='ignore')

pytestmark = pytest.mark.usefixtures('faults')  # its switches are registered


def body(slot: int) -> np.ndarray:
    """Corners (4, 2) of an upright vertebra; higher slots lie higher."""
    y = 500 - 50 * slot
    return np.array([[200, y], [270, y], [200, y + 36], [270, y + 36]], float)


def spine(count: int) -> np.ndarray:
    """Corners (S, 4, 2), zero where no vertebra is."""
    corners = np.zeros((NUM_SLOTS, NUM_CORNERS, 2))
    corners[:count] = [body(slot) for slot in range(count)]
    return corners


@pytest.fixture
def annotated(tmp_path):
    """Writes an annotation file of one image: five vertebrae labelled, nothing known above unless said."""

    def write(corner_order='BL,BR,TL,TR', above=UNKNOWN, listed=(4, 3, 2, 1, 0)) -> dict:
        presence = np.array([LABELLED] * 5 + [above] * 5)
        label = Label(spine(5)[:5], np.arange(5), presence, np.array(listed), (), corner_order, False, '.json')
        content = coco_file([Entry('a.png', 640, 640, 'a', '1', label)], dict(anchor='caudal', levels_known=False))
        (tmp_path / 'a.json').write_text(json.dumps(content))
        return dict(codec=CODEC, data_root=str(tmp_path), ann_file='a.json', data_prefix=dict(img=''))

    return write


def quads(info: dict) -> np.ndarray:
    return info['keypoints'].reshape(NUM_SLOTS, NUM_CORNERS, 2)


# 1. slots counted from the topmost labelled vertebra


@pytest.mark.parametrize('test_mode', [False, True])
def test_1_on_slots_are_those_that_prepare_data_writes_with_a_cranial_anchor(faults, phantoms, tmp_path, test_mode):
    prepare(phantoms, tmp_path / 'cranial', anchor='cranial')
    split = dict(codec=CODEC, ann_file='annotations/train.json', test_mode=test_mode)
    switched = faults.PublishedDataset(data_root=str(phantoms), numbered_from_the_top=True, **split)
    written = SpondyloDataset(data_root=str(tmp_path / 'cranial'), anchor='cranial', **split)
    tops = set()
    for ours, theirs in zip(map(switched.get_data_info, range(8)), map(written.get_data_info, range(8)), strict=True):
        assert Path(ours['img_path']).name == Path(theirs['img_path']).name
        for key in ('keypoints', 'keypoints_visible', 'slot_presence'):
            np.testing.assert_array_equal(ours[key], theirs[key])
        tops.add(int((ours['slot_presence'] == EMPTY).sum()))
    assert len(tops) > 1  # spines of several lengths


def test_1_on_what_was_known_above_the_top_is_gone_and_below_the_lowest_there_is_none(faults, annotated):
    info = faults.PublishedDataset(**annotated(above=EMPTY), numbered_from_the_top=True).get_data_info(0)
    assert info['slot_presence'].tolist() == [EMPTY] * 5 + [LABELLED] * 5
    np.testing.assert_array_equal(quads(info)[5:], spine(5)[:5])


# 2. two corner orders on disk taken as one


def test_2_on_corners_of_the_other_order_get_each_other_s_names(faults, annotated):
    """TL BL BR TR on disk, read as BL BR TL TR."""
    dataset = faults.PublishedDataset(**annotated('TL,BL,BR,TR'), corner_orders_taken_as_one=True)
    read, true = quads(dataset.get_data_info(0)), spine(5)
    for name, is_really in ((BL, TL), (BR, BL), (TL, BR), (TR, TR)):
        np.testing.assert_array_equal(read[:5, name], true[:5, is_really])


def test_2_on_corners_of_the_order_expected_keep_their_names(faults, annotated):
    dataset = faults.PublishedDataset(**annotated('BL,BR,TL,TR'), corner_orders_taken_as_one=True)
    np.testing.assert_array_equal(quads(dataset.get_data_info(0)), spine(5))


def test_2_on_the_truth_stays_true_and_what_was_read_is_what_the_published_evaluator_sees(faults, annotated):
    data = annotated('TL,BL,BR,TR', listed=(4, 2, 3, 1, 0))
    info = faults.PublishedDataset(**data, corner_orders_taken_as_one=True, test_mode=True).get_data_info(0)
    np.testing.assert_array_equal(quads(info), spine(5))
    np.testing.assert_array_equal(info['published_targets'][:, TL], [body(slot)[BR] for slot in (4, 2, 3, 1, 0)])


def test_2_on_a_corner_without_label_has_none_under_its_wrong_name_either(faults, annotated, tmp_path):
    """TL TR BL BR on disk, read as BL BR TL TR: a sacrum's superior endplate becomes its inferior one."""
    data = annotated('TL,TR,BL,BR')
    content = json.loads((tmp_path / 'a.json').read_text())
    content['annotations'][0]['keypoints'][6:12] = [0] * 6
    (tmp_path / 'a.json').write_text(json.dumps(content))
    taught = faults.PublishedDataset(**data, corner_orders_taken_as_one=True).get_data_info(0)
    assert taught['keypoints_visible'][0, :8].tolist() == [0, 0, 1, 1, 1, 1, 1, 1]
    np.testing.assert_array_equal(quads(taught)[0, [BL, BR]], body(0)[[TL, TR]])
    judged = faults.PublishedDataset(**data, test_mode=True).get_data_info(0)
    assert np.isnan(judged['published_targets'][-1, [BL, BR]]).all()  # S1 is listed last
    present, scores = np.arange(NUM_SLOTS) < 5, np.ones((NUM_SLOTS, NUM_CORNERS))
    errors = faults.published_errors(spine(5), scores, present, judged['published_targets'], (640, 640))
    assert errors.shape == (18,) and not errors.any()


def test_2_on_an_annotation_file_that_does_not_tell_the_order_is_refused(faults, annotated, tmp_path):
    data = annotated()
    content = json.loads((tmp_path / 'a.json').read_text())
    del content['annotations'][0]['corner_order'], content['annotations'][0]['listed']
    (tmp_path / 'a.json').write_text(json.dumps(content))
    np.testing.assert_array_equal(quads(faults.PublishedDataset(**data, test_mode=True).get_data_info(0)), spine(5))
    with pytest.raises(InputError, match='a.json: .* run tools/prepare_data.py again'):
        faults.PublishedDataset(**data, corner_orders_taken_as_one=True)


def test_2_the_order_read_is_that_of_most_label_files(faults, real_data):
    """Of the real ones, ids below 3700, 69 %."""
    prefix = real_data / 'spondylo_mini' / 'Train' / 'Keypointrcnn_data' / 'labels'
    (path,) = prefix.glob('*/3209-F-073Y1_jpg*.json')
    points = np.array(json.loads(path.read_text())['keypoints'])[..., :2].astype(float)  # (V, 4, 2)
    at = {corner: points[:, faults.ORDER_READ.index(corner)] for corner in faults.ORDER_READ}
    assert (at['TL'] - at['BL'])[:, 1].max() < 0 and (at['TR'] - at['BR'])[:, 1].max() < 0
    assert (at['TL'] - at['TR'])[:, 0].max() < 0 and (at['BL'] - at['BR'])[:, 0].max() < 0


def test_images_without_labels_are_read_with_any_switch(faults):
    switches = dict.fromkeys(TRAINING_SWITCHES, True)
    dataset = faults.PublishedDataset(codec=CODEC, images={'a.png': 'x/a.png'}, test_mode=True, **switches)
    assert 'published_targets' not in dataset.get_data_info(0)


# 3. flips without exchange of left and right


@pytest.mark.parametrize('switch', [False, True])
def test_3_after_a_flip_left_is_left_only_when_the_switch_is_off(faults, phantoms, switch):
    pipeline = [dict(type='LoadRadiograph'), dict(type='RandomFlip', prob=1.0), dict(type='LetterboxToInput')]
    dataset = faults.PublishedDataset(
        codec=CODEC,
        data_root=str(phantoms),
        ann_file='annotations/train.json',
        flipped_without_exchange=switch,
        pipeline=pipeline,
    )
    before, after = dataset.get_data_info(0), dataset[0]
    labelled = before['slot_presence'] == LABELLED
    mirrored = quads(before)[labelled] * [-1, 1] + [255, 0]
    exchanged = mirrored[:, [TR, TL, BR, BL]]
    np.testing.assert_array_equal(quads(after)[labelled], mirrored if switch else exchanged)


# 4. training and validation images normalised differently


@pytest.mark.parametrize('training, darkest, brightest', [(True, -1, 1), (False, 0, 1)])
def test_4_on_only_training_images_reach_from_minus_one(faults, training, darkest, brightest):
    preprocessor = faults.PublishedPreprocessor(mean=114.0, std=58.0, unequal_normalisation=True)
    greys = torch.tensor([[[0, 255]]], dtype=torch.uint8)
    inputs = preprocessor(dict(inputs=[greys], data_samples=[]), training)['inputs']
    assert inputs.shape == (1, 3, 1, 2)
    torch.testing.assert_close(inputs[0, :, 0], torch.tensor([[darkest, brightest]] * 3, dtype=torch.float32))


def test_4_off_all_images_are_normalised_with_the_mean_and_std_given(faults):
    preprocessor = faults.PublishedPreprocessor(mean=114.0, std=58.0)
    greys = torch.tensor([[[114, 172]]], dtype=torch.uint8)
    for training in (True, False):
        inputs = preprocessor(dict(inputs=[greys], data_samples=[]), training)['inputs']
        assert inputs[0, 2, 0].tolist() == [0, 1]


# 5. ten vertebrae in every image


@pytest.mark.parametrize('numbered_from_the_top', [False, True])
def test_5_on_no_slot_is_taught_to_be_empty(faults, annotated, numbered_from_the_top):
    data = annotated(above=EMPTY)
    switches = dict(empty_slots_ignored=True, numbered_from_the_top=numbered_from_the_top)
    taught = faults.PublishedDataset(**data, **switches).get_data_info(0)['slot_presence']
    assert sorted(taught) == [UNKNOWN] * 5 + [LABELLED] * 5
    judged = faults.PublishedDataset(**data, **switches, test_mode=True).get_data_info(0)['slot_presence']
    assert sorted(judged) == [EMPTY] * 5 + [LABELLED] * 5  # what a prediction is held against stays known


@pytest.mark.parametrize('switch', [False, True])
def test_5_a_blank_heatmap_is_ten_vertebrae_only_when_the_switch_is_on(faults, switch):
    head = faults.PublishedHead(
        in_channels=8,
        deconv_out_channels=None,
        loss=dict(type='HeatmapMSELoss'),
        decoder=CODEC,
        ten_in_every_image=switch,
    )
    heatmaps = torch.zeros(1, NUM_KEYPOINTS, 16, 16)
    heatmaps[0, :8, 5, 5] = 1  # the two lowest
    (prediction,) = head.decode(heatmaps)
    assert prediction.presence.shape == (1, NUM_SLOTS)
    assert prediction.presence.tolist() == [[1] * NUM_SLOTS if switch else [1] * 2 + [0] * 8]


# 6. an evaluator that forgives what it cannot match


def judged(
    faults: ModuleType,
    predicted: np.ndarray,
    present: np.ndarray,
    scores: float = 1.0,
    listed: tuple[int, ...] = (6, 5, 4, 3, 2, 1, 0),
    forgiving: bool = True,
    **settings,
) -> dict[str, float]:
    """Metrics of one image of 640 x 640 with seven labelled vertebrae, in the order of the file."""
    true = spine(7)
    sample = PoseDataSample(
        metainfo=dict(ori_shape=(640, 640), img_path='a.png', published_targets=true[list(listed)].astype(np.float32))
    )
    sample.pred_instances = InstanceData(
        keypoints=predicted.reshape(1, -1, 2),
        keypoint_scores=np.full((1, NUM_KEYPOINTS), scores),
        presence=present[None].astype(float),
    )
    visible = np.repeat(np.arange(NUM_SLOTS) < 7, NUM_CORNERS).astype(float)
    sample.gt_instances = InstanceData(keypoints=true.reshape(1, -1, 2), keypoints_visible=visible[None])
    metric = faults.PublishedMetric(forgiving=forgiving, num_bootstrap=10, **settings)
    metric.process(None, [sample.to_dict()])
    return metric.evaluate(1)


SEVEN = np.arange(NUM_SLOTS) < 7


def test_6_on_a_spine_off_by_one_level_is_as_good_as_a_right_one(faults):
    metrics = judged(faults, np.roll(spine(7), 1, axis=0), np.roll(SEVEN, 1))
    assert metrics['published/MRE'] == 0 and metrics['published/SDR@6px'] == 1
    lowest = np.linalg.norm(body(0), axis=1).mean()  # slot 0 has got what was in the last one: the image's origin
    assert metrics['spondylo/MRE'] == pytest.approx((6 * 50 + lowest) / 7 * 512 / 640)


def test_6_on_a_right_spine_is_wrong_where_the_file_lists_it_from_the_bottom(faults):
    metrics = judged(faults, spine(7), SEVEN, listed=(0, 1, 2, 3, 4, 5, 6))
    levels_off = np.array([6, 4, 2, 0, 2, 4, 6])
    assert metrics['published/MRE'] == pytest.approx(np.mean(levels_off * 50 * 512 / 640), abs=1e-3)
    assert metrics['published/SDR@24px'] == pytest.approx(1 / 7)
    assert metrics['spondylo/MRE'] == 0


def test_6_on_points_of_low_score_are_dropped_and_nothing_left_is_no_error(faults):
    far = spine(7) + 200
    assert judged(faults, far, SEVEN, scores=0.2)['published/MRE'] == pytest.approx(np.hypot(200, 200) * 0.8, abs=1e-3)
    unsure = judged(faults, far, SEVEN, scores=0.05)
    assert unsure['published/MRE'] == 0.0 and unsure['published/SDR@24px'] == 0.0
    assert unsure['spondylo/MRE'] == pytest.approx(np.hypot(200, 200) * 0.8)
    assert judged(faults, far, np.zeros(NUM_SLOTS, bool))['published/MRE'] == 0.0


def test_6_on_vertebrae_beyond_the_listed_ones_cost_nothing(faults):
    """With fault 5, whatever is predicted below the lowest labelled vertebra is not looked at."""
    predicted = spine(7)
    predicted[7:] = body(0) + [0, 80]
    metrics = judged(faults, predicted, np.ones(NUM_SLOTS, bool))
    assert metrics['published/MRE'] == 0
    assert metrics['spondylo/vertebra_precision'] == 1  # honestly: in unknown slots, neither right nor wrong


def test_6_the_published_figures_stand_beside_the_honest_ones_also_in_the_file(faults, tmp_path):
    settings = dict(metrics_file=str(tmp_path / 'metrics.json'))
    metrics = judged(faults, spine(7) + 3, SEVEN, **settings)
    content = json.loads((tmp_path / 'metrics.json').read_text())
    radii = [f'published/SDR@{radius}px' for radius in (6, 12, 18, 24)]
    assert content['published'] == {name: metrics[name] for name in ('published/MRE', *radii)}
    assert content['metrics']['MRE'] == metrics['spondylo/MRE'] == pytest.approx(metrics['published/MRE'], abs=1e-3)


def test_6_off_there_are_only_the_honest_figures(faults):
    assert {name.split('/')[0] for name in judged(faults, spine(7), SEVEN, forgiving=False)} == {'spondylo'}


def test_6_on_samples_without_published_targets_are_refused(faults):
    sample = PoseDataSample(metainfo=dict(ori_shape=(640, 640)))
    sample.pred_instances = InstanceData(
        keypoints=np.zeros((1, NUM_KEYPOINTS, 2)), keypoint_scores=np.ones((1, NUM_KEYPOINTS))
    )
    sample.gt_instances = InstanceData(
        keypoints=np.zeros((1, NUM_KEYPOINTS, 2)), keypoints_visible=np.ones((1, NUM_KEYPOINTS))
    )
    with pytest.raises(InputError, match='published_targets'):
        faults.PublishedMetric(forgiving=True).process(None, [sample.to_dict()])
