from __future__ import annotations

import json
import logging

import numpy as np
import pytest

from spondylo_mm.anatomy import NUM_KEYPOINTS, NUM_SLOTS

torch = pytest.importorskip('torch')


@pytest.fixture(scope='module')
def mm():
    """What the metric needs of the MM stack, imported the one way that works without compiled ops."""
    from types import SimpleNamespace

    from spondylo_mm import compat

    compat.import_mmpose()
    from mmengine.evaluator import Evaluator
    from mmengine.structures import InstanceData
    from mmpose.registry import METRICS
    from mmpose.structures import PoseDataSample

    import spondylo_mm.evaluation.metrics.spondylo_metric  # noqa: F401 (registers it)

    return SimpleNamespace(
        Evaluator=Evaluator, InstanceData=InstanceData, METRICS=METRICS, PoseDataSample=PoseDataSample
    )


@pytest.fixture
def sample(mm, column, labelled):
    """A data sample as the model returns it: ``n`` labelled vertebrae, image 512 x 512, predictions off by (3, 4)."""

    def _sample(n=6, offset=(3.0, 4.0), scores=0.9, as_tensor=False, presence=None, **metainfo):
        convert = torch.as_tensor if as_tensor else np.asarray
        predicted = mm.InstanceData(
            keypoints=convert((column + offset).reshape(1, NUM_KEYPOINTS, 2)),
            keypoint_scores=convert(np.where(labelled(n), scores, 0.05)[None]),
        )
        if presence is not None:
            predicted.presence = convert(presence[None])
        true = mm.InstanceData(
            keypoints=column.reshape(1, NUM_KEYPOINTS, 2).astype(np.float32),
            keypoints_visible=labelled(n)[None].astype(np.float32),
        )
        metainfo = dict(ori_shape=(512, 512), img_path='images/a.png') | metainfo
        return mm.PoseDataSample(metainfo=metainfo, pred_instances=predicted, gt_instances=true)

    return _sample


def evaluate(mm, samples, **kwargs):
    evaluator = mm.Evaluator(mm.METRICS.build(dict(type='SpondyloMetric', num_bootstrap=50, **kwargs)))
    for one in samples:  # as the validation loop does, batch by batch
        evaluator.process(data_samples=[one], data_batch=None)
    return evaluator.evaluate(len(samples))


@pytest.mark.parametrize('as_tensor', [False, True])
def test_metrics_of_a_validation_loop(mm, sample, as_tensor):
    values = evaluate(mm, [sample(as_tensor=as_tensor), sample(n=8, as_tensor=as_tensor)])
    assert values['spondylo/MRE'] == pytest.approx(5.0) and values['spondylo/SDR@6px'] == 1
    assert values['spondylo/vertebra_F1'] == values['spondylo/identification'] == values['spondylo/count_accuracy'] == 1
    assert all(key.startswith('spondylo/') for key in values) and not any('mm' in key for key in values)


def test_width_and_height_come_from_ori_shape_in_this_order(mm, sample):
    # 1024 high, 2048 wide, three channels; spacing 0.1 mm in x and 0.2 mm in y.
    values = evaluate(mm, [sample(ori_shape=(1024, 2048, 3), spacing=np.array([0.1, 0.2]))])
    assert values['spondylo/MRE'] == pytest.approx(5 * 512 / 2048)
    assert values['spondylo/MRE_mm'] == pytest.approx(np.hypot(0.3, 0.8))
    nowhere = sample(ori_shape=(1024, 2048, 3), spacing=np.array([0.1, 0.2]), offset=(np.nan, 0.0))
    assert evaluate(mm, [nowhere])['spondylo/MRE_mm'] == pytest.approx(np.hypot(2048 * 0.1, 1024 * 0.2))


def test_an_aspect_measures_as_a_spacing_of_that_ratio_and_gives_no_mm(mm, sample):
    """Discs of 12 x 80 px; of pixels twice as high as wide they are twice as high against their depth."""

    def disc_height(**proportions):
        metric = mm.METRICS.build(dict(type='SpondyloMetric', clinical=True))
        metric.process(None, [sample(facing='left', **proportions).to_dict()])
        (score,) = metric.results
        return score.clinical.true['disc_height_middle', 'L4/L5'], np.isfinite(score.strict_mm).any()

    plain, _ = disc_height()
    assert plain == pytest.approx(15) and disc_height(pixel_aspect=0.5) == (pytest.approx(30), False)
    assert disc_height(spacing=np.array([0.1, 0.2])) == (pytest.approx(30), True)


def test_presence_comes_from_the_corner_scores_unless_the_model_gives_it(mm, sample):
    assert evaluate(mm, [sample(scores=0.4)])['spondylo/vertebra_recall'] == 0
    given = np.where(np.arange(NUM_SLOTS) < 6, 0.8, 0.2)
    assert evaluate(mm, [sample(scores=0.4, presence=given)])['spondylo/vertebra_recall'] == 1
    assert evaluate(mm, [sample(scores=0.4)])['spondylo/MRE'] == pytest.approx(5.0)  # low scores drop nothing


def test_slots_known_to_be_empty_come_from_the_metainfo(mm, sample):
    seven = np.where(np.arange(NUM_SLOTS) < 7, 0.9, 0.1)
    empty = np.where(np.arange(NUM_SLOTS) < 6, 1, 0)
    assert evaluate(mm, [sample(presence=seven)])['spondylo/vertebra_precision'] == 1  # unknown: not judged
    values = evaluate(mm, [sample(presence=seven, slot_presence=empty)])
    assert values['spondylo/vertebra_precision'] == pytest.approx(6 / 7) and values['spondylo/count_accuracy'] == 0


def test_metrics_file_holds_everything_and_is_strict_json(mm, sample, tmp_path):
    path = tmp_path / 'deep' / 'metrics.json'
    values = evaluate(mm, [sample(), sample(n=0, scores=0.0)], metrics_file=str(path), seed=3)
    content = json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(f'{name} is not JSON'))
    assert {f'spondylo/{name}': value for name, value in content['metrics'].items()} == values
    assert set(content['intervals']) == set(content['metrics'])
    assert content['num_images'] == 2 and content['num_vertebrae'] == 6
    assert len(content['per_level']) == NUM_SLOTS and len(content['per_corner']) == 4
    assert content['per_level'][9]['MRE'] is None
    assert 'seed 3' in content['definitions']['intervals']
    assert [p.name for p in path.parent.iterdir()] == ['metrics.json']


@pytest.fixture
def log(mm):
    """Lines (level, text) of the current MMLogger."""
    from mmengine.logging import MMLogger

    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append((record.levelname, record.getMessage()))
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    yield lines
    logger.removeHandler(handler)


def test_what_has_no_data_says_so_in_one_line(mm, sample, log):
    values = evaluate(mm, [sample(n=0, scores=0.0)])
    assert np.isnan(list(values.values())).all()
    warnings = [text for level, text in log if level == 'WARNING']
    assert len(warnings) == 1 and warnings[0].startswith('no data for MRE') and 'count_accuracy' in warnings[0]


def test_an_invalid_prediction_is_named_with_its_image(mm, sample, log):
    bad = sample(img_path='images/b.png')
    bad.pred_instances.keypoints[0, 5] = np.nan
    values = evaluate(mm, [sample(), bad])
    assert values['spondylo/MRE'] == pytest.approx((47 * 5 + np.hypot(512, 512)) / 48)
    warnings = [text for level, text in log if level == 'WARNING']
    assert len(warnings) == 1 and '1 corners in 1 images' in warnings[0] and 'images/b.png' in warnings[0]


def test_padded_samples_of_a_distributed_run_are_dropped(mm, sample):
    evaluator = mm.Evaluator(mm.METRICS.build(dict(type='SpondyloMetric', num_bootstrap=0)))
    evaluator.process(data_samples=[sample(), sample(offset=(0.0, 100.0))], data_batch=None)
    assert evaluator.evaluate(1)['spondylo/MRE'] == pytest.approx(5.0)


def test_a_model_with_other_keypoints_is_refused(mm, sample):
    other = sample()
    other.pred_instances = mm.InstanceData(keypoints=np.zeros((1, 38, 2)), keypoint_scores=np.zeros((1, 38)))
    with pytest.raises(ValueError, match=r'pred_instances.keypoints: shape \(1, 38, 2\)'):
        evaluate(mm, [other])


def test_clinical_metrics_are_added_on_request_and_reach_file_and_table(mm, sample, tmp_path):
    from spondylo_mm.evaluation.functional.table import format_table

    path = tmp_path / 'metrics.json'
    one = sample(facing='left')  # a straight column: nothing tells its facing
    one.pred_instances.keypoint_spread = np.ones((1, NUM_KEYPOINTS))
    values = evaluate(mm, [one, sample(facing='left')], clinical=True, metrics_file=str(path))
    assert values['spondylo/slip_MAE'] == pytest.approx(0, abs=1e-9)  # all corners are off by the same
    assert values['spondylo/grade_accuracy'] == values['spondylo/slip_measured'] == 1
    assert values['spondylo/slip_coverage'] == 1  # of the image that has deviations
    content = json.loads(path.read_text())
    assert set(content['intervals']) == set(content['metrics'])
    assert np.sum(content['clinical']['confusion']['counts']) == 10
    assert 'grade accuracy, %' in format_table(content)
    assert 'spondylo/slip_MAE' not in evaluate(mm, [sample()])


def test_without_a_facing_there_is_nothing_to_grade(mm, sample, log):
    values = evaluate(mm, [sample()], clinical=True)
    assert np.isnan(values['spondylo/slip_MAE']) and np.isnan(values['spondylo/grade_kappa'])
    assert any('grade_kappa' in text for level, text in log if level == 'WARNING')


@pytest.mark.parametrize(('seen', 'measured'), [(0.6, 1), (0.4, 0)])
def test_without_a_sacrum_seen_no_level_is_known_and_nothing_is_measured(mm, sample, seen, measured):
    one = sample(facing='left')
    one.pred_instances.sacrum_seen = np.array([seen])
    assert evaluate(mm, [one], clinical=True)['spondylo/slip_measured'] == measured


def test_corners_that_no_label_taught_are_not_measured_as_predictions_leave_them_out(mm, sample):
    """A model that was taught S1's upper endplate alone puts its lower corners anywhere; L5/S1 needs none of them."""
    one = sample(facing='left')
    one.pred_instances.keypoints[0, 2:4] = 0
    assert evaluate(mm, [one], clinical=True)['spondylo/slip_measured'] == 0.8  # four of five pairs
    one.pred_instances.keypoint_taught = np.ones((1, NUM_KEYPOINTS), dtype=bool)
    one.pred_instances.keypoint_taught[0, 2:4] = False
    assert evaluate(mm, [one], clinical=True)['spondylo/slip_measured'] == 1


def test_slots_counted_from_the_top_are_no_levels_and_nothing_is_compared(mm, sample):
    values = evaluate(mm, [sample(anchor='cranial')] * 2, clinical=True)
    assert np.isnan(values['spondylo/slip_measured']) and np.isnan(values['spondylo/grade_accuracy'])
