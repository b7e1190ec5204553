"""A calibration is fitted once, lies beside its checkpoint and is used by whoever predicts with it."""

import json
import shutil

import numpy as np
import pytest

from spondylo_mm.anatomy import NUM_KEYPOINTS
from spondylo_mm.apis import SpineInferencer
from spondylo_mm.apis.sd_calibration import calibration_path, read_sd_scale
from spondylo_mm.errors import InputError


@pytest.fixture
def checkpoint(trained, tmp_path):
    return shutil.copy(trained, tmp_path / 'best.pth')


@pytest.fixture
def build(tiny_config, checkpoint, phantoms, monkeypatch):
    """An inferencer of the tiny model, whose presence is too low to be shown, made to show every vertebra."""
    monkeypatch.setattr('spondylo_mm.evaluation.functional.sd_calibration.PRESENCE_THRESHOLD', 0.0)

    def inferencer(**options) -> SpineInferencer:
        return SpineInferencer(tiny_config, checkpoint, data_root=str(phantoms), device='cpu', **options)

    return inferencer


def spreads(inferencer, key='keypoint_spread') -> np.ndarray:
    samples = inferencer.predict(inferencer.dataset_of_split('val'), on_error=pytest.fail)
    return np.array([sample.pred_instances[key][0] for sample in samples])


def test_the_factor_fitted_once_is_used_by_every_later_prediction(build, checkpoint):
    inferencer = build()
    before = spreads(inferencer)
    path = inferencer.calibrate('val')
    content = json.loads(path.read_text())
    assert path == calibration_path(checkpoint) and content['split'] == 'val' and content['images'] == 3
    assert content['corners'] <= 3 * NUM_KEYPOINTS
    assert inferencer.description['sd_scale'] == build().description['sd_scale'] == content['sd_scale']
    assert spreads(inferencer) == pytest.approx(content['sd_scale'] * before)
    assert (spreads(build()) == spreads(inferencer)).all()
    assert (spreads(build(calibrated=False)) == before).all()


def test_it_is_fitted_to_deviations_without_one_and_repeats(build):
    first = json.loads(build().calibrate('val').read_text())
    assert json.loads(build().calibrate('val').read_text()) == first
    assert json.loads(build(mc_dropout=2).calibrate('val').read_text()) == first


def test_only_the_part_within_a_pass_is_scaled(build):
    inferencer = build(mc_dropout=3)
    sd, between = (spreads(inferencer, key) for key in ('keypoint_sd', 'keypoint_sd_between_passes'))
    inferencer.calibrate('val')
    scale = inferencer.description['sd_scale']
    assert (spreads(inferencer, 'keypoint_sd_between_passes') == between).all()
    assert spreads(inferencer, 'keypoint_sd') == pytest.approx(np.sqrt(between**2 + scale**2 * (sd**2 - between**2)))


def test_too_few_labels_leave_no_file(build, checkpoint, monkeypatch):
    monkeypatch.setattr('spondylo_mm.evaluation.functional.sd_calibration.PRESENCE_THRESHOLD', 2.0)
    with pytest.raises(InputError, match='--calibrate: 0 corners of split val are labelled and found'):
        build().calibrate('val')
    assert not calibration_path(checkpoint).exists()


def test_a_calibration_that_fails_leaves_the_inferencer_as_it_was(build, tiny_config, checkpoint, phantoms, tmp_path):
    build().calibrate('val')
    data = shutil.copytree(phantoms, tmp_path / 'data')
    film = build().dataset_of_split('val').get_data_info(1)['file_name']
    (data / film).write_bytes((data / film).read_bytes()[:500])
    inferencer = SpineInferencer(tiny_config, checkpoint, data_root=str(data), device='cpu', mc_dropout=2)
    factor = inferencer.description['sd_scale']
    with pytest.raises(InputError, match=film):
        inferencer.calibrate('val')
    assert factor is not None and inferencer.description['sd_scale'] == factor and inferencer.mc_dropout == 2


@pytest.mark.parametrize(
    'content, message',
    [
        ('{', 'is not a calibration'),
        ('[]', 'is not a calibration'),
        ('{"sd_scale": 1.0}', 'is not a calibration'),
        ('{"sd_scale": 1.0, "checkpoint_sha256": "1"}', 'is of other weights than best.pth'),
        *(
            (f'{{"sd_scale": {factor}, "checkpoint_sha256": "0"}}', 'is no positive number')
            for factor in ('0', '-1', 'Infinity', 'NaN', '"1"', 'true', 'null')
        ),
    ],
)
def test_a_file_that_is_no_calibration_of_these_weights_is_refused(tmp_path, content, message):
    calibration_path(tmp_path / 'best.pth').write_text(content)
    with pytest.raises(InputError, match=f'best.calibration.json: .*{message}.*--calibrate, or remove it'):
        read_sd_scale(tmp_path / 'best.pth', '0')


def test_a_calibration_of_other_weights_stops_predictions_but_not_a_new_calibration(build, checkpoint):
    calibration_path(checkpoint).write_text('{"sd_scale": 1.0, "checkpoint_sha256": "1"}')
    with pytest.raises(InputError, match='of other weights'):
        build()
    assert build(calibrated=False).description['sd_scale'] is None
