"""Monte-Carlo dropout as users see it: a standard deviation beside every corner. The rest is in test_testing.py."""

import json

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from spondylo_mm.anatomy import NUM_CORNERS, NUM_KEYPOINTS
from spondylo_mm.apis.coarse_to_fine import closeup_regions, spine_region
from spondylo_mm.apis.inferencer import BATCH_SIZE, SpineInferencer, record_of
from spondylo_mm.apis.predictions import write_predictions
from spondylo_mm.codecs.corner_sd import corner_sd, heatmap_sd
from spondylo_mm.codecs.vertebra_centers import VertebraCenters
from spondylo_mm.errors import InputError
from spondylo_mm.models.mc_dropout import thinned

PASSES = 3


@pytest.fixture(scope='module')
def uncertain(tiny_config, trained, phantoms):
    """An inferencer with Monte-Carlo dropout: ``uncertain(seed=0, …)``."""

    def build(**options) -> SpineInferencer:
        settings = dict(data_root=str(phantoms), device='cpu', mc_dropout=PASSES) | options
        return SpineInferencer(tiny_config, trained, **settings)

    return build


@pytest.fixture
def sees_vertebrae_everywhere(monkeypatch):
    """The tiny model is sure of nothing, and finds nothing twice."""
    monkeypatch.setattr('spondylo_mm.apis.coarse_to_fine.PRESENCE_THRESHOLD', 0.0)
    monkeypatch.setattr('spondylo_mm.apis.coarse_to_fine._SAME', 50.0)


def deviations(inferencer, part='keypoint_sd'):
    samples = inferencer.predict(inferencer.dataset_of_split('val'), on_error=pytest.fail)
    return np.array([sample.pred_instances[part][0] for sample in samples])


def test_every_corner_has_a_deviation_no_less_than_its_part_between_passes(uncertain):
    sd, between = deviations(uncertain()), deviations(uncertain(), 'keypoint_sd_between_passes')
    assert sd.shape == between.shape == (3, NUM_KEYPOINTS)
    assert (between > 0).any() and (sd > between).all()


def test_deviations_follow_from_the_seed_and_leave_other_random_numbers_alone(uncertain):
    inferencer = uncertain()
    state = torch.get_rng_state(), np.random.get_state()[1].copy()
    first = deviations(inferencer)
    assert torch.equal(torch.get_rng_state(), state[0]) and (np.random.get_state()[1] == state[1]).all()
    torch.manual_seed(6)
    assert (deviations(inferencer) == first).all() and (deviations(uncertain()) == first).all()
    assert (deviations(uncertain(seed=1)) != first).any()


def test_an_image_has_the_same_deviations_alone_and_among_others_in_any_order(uncertain, phantoms, monkeypatch):
    monkeypatch.setattr('spondylo_mm.apis.predictions.PRESENCE_THRESHOLD', 0.0)
    inferencer, paths = uncertain(), sorted((phantoms / 'Test').iterdir())

    def sds(images) -> dict[str, np.ndarray]:
        return {
            name: np.array([corner['sd'] for one in record['vertebrae'] for corner in one['corners'].values()])
            for name, record in inferencer(images).items()
        }

    together, backwards = sds(paths), sds(paths[::-1])
    for path in paths:
        assert together[path.name] == pytest.approx(sds(path)[path.name], abs=0.01)
        assert together[path.name] == pytest.approx(backwards[path.name], abs=0.01)


def test_deviations_do_not_depend_on_how_many_images_are_predicted_at_once(uncertain, monkeypatch):
    together = deviations(uncertain())
    monkeypatch.setattr('spondylo_mm.apis.inferencer.BATCH_SIZE', 1)
    assert deviations(uncertain()) == pytest.approx(together, rel=1e-3, abs=0.01)


def test_deviations_are_in_pixels_of_the_image(uncertain):
    """The tiny model's heatmaps are 16 x 16, its Gaussians 1 heatmap px wide; blind images are higher than wide."""
    inferencer = uncertain()
    inferencer.model.head.together = False  # each map by itself, as below
    inferencer.model.head.final_layer.bias.data += 0.5  # peaks as high as those of a model that has learned something
    dataset = inferencer.dataset_of_split('test')
    sample = next(inferencer.predict(dataset, on_error=pytest.fail))
    height, width = sample.ori_shape
    assert height > width

    with torch.inference_mode(), thinned(inferencer.model, seed=0):
        batches = [inferencer.model.data_preprocessor(pseudo_collate([dataset[0]])) for _ in range(PASSES)]
        decoded = [inferencer.model.head.decoder.batch_decode(inferencer.model(**batch)) for batch in batches]
    to_image = np.array([width - 1, height - 1]) / 63  # all frames share the centres of their corner pixels
    corners = np.array([keypoints[0][0] * to_image for keypoints, _ in decoded])
    scores = np.array([heights[0][0] for _, heights in decoded])
    assert 0.2 < scores.min() and scores.max() < 0.9
    sd, between = corner_sd(corners, heatmap_sd(scores, np.array([width - 1, height - 1]) / 15, (width, height)))
    assert sample.pred_instances.keypoint_sd[0] == pytest.approx(sd, rel=1e-3)
    assert sample.pred_instances.keypoint_sd_between_passes[0] == pytest.approx(between, rel=1e-3, abs=0.01)


def test_the_reported_corner_is_that_of_the_pass_without_dropout(uncertain):
    plain, both = (
        [
            sample.pred_instances
            for sample in one.predict(one.dataset_of_split('val'), on_error=pytest.fail)
        ]
        for one in (uncertain(mc_dropout=0), uncertain())
    )  # fmt: skip
    for alone, beside in zip(plain, both, strict=True):
        assert (alone.keypoints == beside.keypoints).all() and (alone.presence == beside.presence).all()
        assert 'keypoint_sd' not in alone


def test_a_checkpoint_is_read_once(uncertain, monkeypatch):
    read, load = [], torch.load
    monkeypatch.setattr(torch, 'load', lambda path, **options: read.append(path) or load(path, **options))
    uncertain()
    assert len(read) == 1


def test_predictions_say_how_their_deviations_were_made(uncertain):
    assert uncertain(seed=4).description['mc_dropout'] == dict(passes=PASSES, seed=4)
    assert 'mc_dropout' not in uncertain(mc_dropout=0).description
    json.dumps(uncertain().description)


def test_without_dropout_the_heights_of_the_peaks_tell_how_sure_a_corner_is(uncertain):
    inferencer = uncertain(mc_dropout=0)
    sample = next(inferencer.predict(inferencer.dataset_of_split('test'), on_error=pytest.fail))
    height, width = sample.ori_shape
    sigma = np.array([width - 1, height - 1]) / 15  # as above
    predicted = sample.pred_instances
    expected = heatmap_sd(predicted.keypoint_scores, sigma, (width, height))
    assert predicted.keypoint_spread == pytest.approx(expected, rel=1e-3)


def test_a_corner_found_by_a_closer_look_has_the_deviation_of_that_look(uncertain, sees_vertebrae_everywhere):
    """The closer look enlarges the image: a pixel of its heatmaps is a smaller part of it. Where hardly anything is
    dropped, passes with dropout must find what the whole network finds, and in the same look."""
    once, twice = uncertain(mc_dropout=0), uncertain(options=['model.head.dropout=1e-9'])
    twice.model.test_cfg['coarse_to_fine'] = True
    for inferencer in (once, twice):
        inferencer.model.head.final_layer.bias.data += 0.5  # peaks that say where a corner is
    dataset = once.dataset_of_split('val')
    pairs = list(zip(*(one.predict(dataset, on_error=pytest.fail) for one in (once, twice)), strict=True))
    regions = [spine_region(plain) for plain, _ in pairs]
    assert any(region is not None for region in regions)
    for (plain, closer), region in zip(pairs, regions, strict=True):
        height, width = plain.ori_shape
        extent = np.array([width - 1, height - 1]) if region is None else region[2:] - region[:2]
        found = closer.pred_instances
        moved = (found.keypoints != plain.pred_instances.keypoints).any(axis=-1)
        assert moved.any() == (region is not None)
        expected = heatmap_sd(found.keypoint_scores, extent / 15, (width, height))
        assert found.keypoint_spread[moved] == pytest.approx(expected[moved], rel=1e-3)
        assert found.keypoint_spread.max() < width / 4  # less than anywhere: what a pixel is matters
        assert (found.keypoint_spread == plain.pred_instances.keypoint_spread)[~moved].all()
        assert found.keypoint_sd == pytest.approx(found.keypoint_spread, rel=1e-3)
        assert found.keypoint_sd_between_passes == pytest.approx(0, abs=1e-3)


def test_every_vertebra_has_the_deviation_of_its_own_closeup(uncertain, sees_vertebrae_everywhere):
    far, near = uncertain(mc_dropout=0), uncertain(options=['model.head.dropout=1e-9'])
    near.model.test_cfg['closeups'] = True
    for inferencer in (far, near):
        inferencer.model.head.final_layer.bias.data += 0.5  # peaks that say where a corner is
    dataset, num_moved = far.dataset_of_split('val'), 0
    pairs = zip(*(one.predict(dataset, on_error=pytest.fail) for one in (far, near)), strict=True)
    for plain, closer in pairs:
        found = closer.pred_instances
        moved = (found.keypoints != plain.pred_instances.keypoints).any(axis=-1)[0]
        for slot, (left, top, right, bottom) in closeup_regions(plain).items():
            of_slot = NUM_CORNERS * slot + np.flatnonzero(moved[NUM_CORNERS * slot : NUM_CORNERS * (slot + 1)])
            extent = np.array([right - left, bottom - top])
            expected = heatmap_sd(found.keypoint_scores[0, of_slot], extent / 15, plain.ori_shape[::-1])
            assert found.keypoint_spread[0, of_slot] == pytest.approx(expected, rel=1e-3)
        num_moved += moved.sum()
        assert found.keypoint_sd == pytest.approx(found.keypoint_spread, rel=1e-3)
    assert num_moved > NUM_CORNERS * BATCH_SIZE  # more closeups than fit in one batch


def test_deviations_between_closeups_do_not_depend_on_how_many_are_predicted_at_once(
    uncertain, sees_vertebrae_everywhere, monkeypatch
):
    """The n-th pass of all parts of an image is of the same thinned network."""
    inferencer = uncertain()
    inferencer.model.test_cfg['closeups'] = True
    together = deviations(inferencer, 'keypoint_sd_between_passes')
    monkeypatch.setattr('spondylo_mm.apis.inferencer.BATCH_SIZE', 1)
    alone = deviations(inferencer, 'keypoint_sd_between_passes')
    # where an untrained model has two peaks as high as each other, rounding decides
    assert np.isclose(alone, together, rtol=1e-3, atol=0.01).mean() > 0.9


def test_spacing_and_facing_of_a_sample_reach_its_record():
    body = np.array([[100.0, 20], [140, 40], [100, 60], [140, 80]])  # leaning, so that a stretch matters
    keypoints = np.zeros((1, NUM_KEYPOINTS, 2))
    keypoints[0, :8] = np.concatenate([body + [0, 50], body])
    presence = np.zeros((1, 10))
    presence[0, :2] = 1
    spread = np.ones((1, NUM_KEYPOINTS))
    predicted = InstanceData(keypoints=keypoints, keypoint_scores=spread, presence=presence, keypoint_spread=spread)
    known = dict(spacing=np.array([0.5, 1.0]), facing='right')

    def slip(**metainfo) -> float:
        return record_of(PoseDataSample(metainfo=dict(ori_shape=(300, 200)) | metainfo, pred_instances=predicted))[
            'slips'
        ][0]['percent']

    # Facing right the back is left: the upper BL is (100, 60), the endplate below runs from (100, 70) to (140, 90).
    assert slip(facing='right') == pytest.approx(100 * (0 * 40 + -10 * 20) / (40**2 + 20**2))
    assert slip(**known) == pytest.approx(100 * (0 * 20 + -10 * 20) / (20**2 + 20**2))
    record = record_of(PoseDataSample(metainfo=dict(ori_shape=(300, 200)) | known, pred_instances=predicted))
    assert record['spacing'] == [0.5, 1.0] and (record['width'], record['height']) == (200, 300)


def test_an_image_of_whose_maps_a_pixel_is_no_number_is_written_as_one_without_vertebrae(tmp_path):
    """Of an order-free model. NaN is not JSON: written as it is, it would cost the predictions of all other images."""
    codec = VertebraCenters((256, 256), (64, 64), sigma=1.0)
    body = np.array([[112.0, 200], [144, 200], [112, 216], [144, 216]])
    spine = np.array([body - [0, 22 * level] for level in range(NUM_KEYPOINTS // NUM_CORNERS)])
    drawn = codec.encode(spine.reshape(1, NUM_KEYPOINTS, 2))

    def record(at: float) -> dict:
        maps = np.concatenate([drawn['heatmaps'], drawn['offsets']])
        maps[0, 0, 0] = at
        predicted = InstanceData(**codec.decode_spine(maps))
        predicted.keypoint_spread = np.where(np.isfinite(predicted.keypoint_scores), 1.0, np.nan)
        return record_of(PoseDataSample(metainfo=dict(ori_shape=(256, 256)), pred_instances=predicted))

    assert record(0.0)['num_vertebrae'] > 5
    path = write_predictions(tmp_path, {'whole.png': record(0.0), 'bad.png': record(np.nan)}, {})
    images = json.loads(path.read_text())['images']
    assert images['bad.png']['num_vertebrae'] == 0 and images['whole.png']['num_vertebrae'] > 5


def test_a_facing_that_is_none_is_refused(uncertain):
    with pytest.raises(InputError, match='--facing anterior: choose one of auto, left, right'):
        uncertain(facing='anterior')


def test_levels_are_known_where_the_sacrum_was_seen_and_no_vertebra_is_lost_above_the_last_slot():
    predicted = InstanceData(
        keypoints=np.random.default_rng(0).random((1, NUM_KEYPOINTS, 2)) * 500,
        keypoint_scores=np.ones((1, NUM_KEYPOINTS)),
        keypoint_spread=np.ones((1, NUM_KEYPOINTS)),
        presence=np.ones((1, NUM_KEYPOINTS // 4)),
        sacrum_seen=np.array([0.8]),
        extra_vertebrae=np.full((1, 1, 4, 2), 30.0),
        extra_scores=np.ones((1, 1, 4)),
        extra_presence=np.ones((1, 1)),
    )
    sample = PoseDataSample(metainfo=dict(ori_shape=(500, 500)))
    sample.pred_instances = predicted
    assert [vertebra['level'] for vertebra in record_of(sample)['vertebrae']][::5] == ['S1', 'L1', None]
    assert record_of(sample)['vertebrae'][10]['corners']['TL']['x'] == 30
    predicted.sacrum_seen = np.array([0.3])
    assert {vertebra['level'] for vertebra in record_of(sample)['vertebrae']} == {None}
