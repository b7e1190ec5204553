"""Presence is calibrated on the validation images when they have been validated."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from spondylo_mm.apis.configs import load_config
from spondylo_mm.apis.training import train
from spondylo_mm.codecs.centers import calibration
from spondylo_mm.engine.hooks.presence_calibration_hook import _augmented_validation


@pytest.fixture
def centers(write_tiny, tmp_path):
    return write_tiny(tmp_path / 'centers.py', 'demo_centers.py', 0.8)


@pytest.mark.parametrize('average', [False, True])
def test_the_best_checkpoint_holds_what_its_validation_taught(centers, phantoms, tmp_path, monkeypatch, average):
    seen = []

    def fit(judged):
        seen.append(judged)
        return calibration.UNCALIBRATED + len(seen)

    monkeypatch.setattr('spondylo_mm.engine.hooks.presence_calibration_hook.fit_calibration', fit)
    if average:
        with centers.open('a') as file:
            file.write("\ncustom_hooks = [dict(type='EMAHook', momentum=0.5)]\n")
    best = train(str(centers), data_root=str(phantoms), work_dir=str(tmp_path / 'work'), from_scratch=True)
    epoch = int(best.stem.split('_')[-1])
    state = torch.load(best, weights_only=True)['state_dict']
    assert len(seen) == 2 and len(seen[0]) == 3  # validations, images
    assert (state['head.presence_calibration'] == torch.from_numpy(calibration.UNCALIBRATED) + epoch).all()


def test_each_image_is_judged_once_on_however_many_processes(centers, phantoms, monkeypatch):
    """Of three images two processes would judge four, so that none has less to do than the other."""
    config = load_config(centers, data_root=str(phantoms))
    init_default_scope(config.default_scope)
    runner = SimpleNamespace(cfg=config, build_dataloader=Runner.build_dataloader, seed=0)
    judged = []
    for rank in range(2):
        monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda rank=rank: (rank, 2))
        for batch in _augmented_validation(runner):
            judged += [sample.img_id for sample in batch['data_samples']]
    assert len(judged) == len(set(judged)) == 3


def test_a_model_with_slots_has_none(trained):
    state = torch.load(trained, weights_only=True)['state_dict']
    assert not any('presence_calibration' in name for name in state)
