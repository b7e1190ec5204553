"""The reference model at full size: 31.78 M parameters, 512 x 512, one training step and one prediction on the CPU."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, MODELS

from spondylo_mm import plugin  # noqa: F401
from spondylo_mm.apis.configs import load_config, without_pretraining

REFERENCE = Path(__file__).parents[2] / 'configs' / 'hrnet_w32_spondylo.py'


@pytest.fixture(scope='module')
def config(phantoms):
    config = without_pretraining(load_config(REFERENCE, data_root=str(phantoms)))
    init_default_scope(config.default_scope)
    return config


@pytest.fixture(scope='module')
def model(config):
    torch.manual_seed(0)
    return MODELS.build(config.model)


@pytest.mark.slow
def test_the_reference_has_the_published_number_of_parameters(model):
    assert sum(parameter.numel() for parameter in model.parameters()) == pytest.approx(31.78e6, abs=5e3)


@pytest.mark.slow
def test_heatmaps_are_at_stride_four(model):
    with torch.inference_mode():
        assert model.eval()(torch.zeros(1, 3, 512, 512), None, mode='tensor').shape == (1, 40, 128, 128)


@pytest.mark.slow
def test_the_backbone_learns_ten_times_slower_than_the_head(config, model):
    groups = build_optim_wrapper(model, config.optim_wrapper).optimizer.param_groups
    rate = {id(parameter): group['lr'] for group in groups for parameter in group['params']}
    assert {rate[id(parameter)] for parameter in model.head.parameters()} == {1e-4}
    assert {rate[id(parameter)] for parameter in model.backbone.parameters()} == {1e-4 * 0.1}


@pytest.mark.slow
def test_one_training_step_changes_head_and_backbone(config, model):
    dataset = DATASETS.build(config.train_dataloader.dataset)
    model.train()
    before = [model.head.final_layer.weight.clone(), model.backbone.timm_model.conv1.weight.clone()]
    optim_wrapper = build_optim_wrapper(model, config.optim_wrapper)
    losses = model.train_step(pseudo_collate([dataset[0], dataset[1]]), optim_wrapper)
    assert torch.isfinite(losses['loss'])
    after = [model.head.final_layer.weight, model.backbone.timm_model.conv1.weight]
    assert not any(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.slow
def test_one_prediction_is_in_pixels_of_the_image(config, model):
    dataset = DATASETS.build({**config.test_dataloader.dataset, 'ann_file': 'annotations/test.json'})
    (sample,) = model.eval().test_step(pseudo_collate([dataset[0]]))
    height, width = sample.ori_shape
    assert (height, width) != (512, 512)
    keypoints = sample.pred_instances.keypoints
    assert keypoints.shape == (1, 40, 2) and np.isfinite(keypoints).all()
    assert (keypoints >= 0).all() and (keypoints <= [width - 1, height - 1]).all()
    assert sample.pred_instances.presence.shape == (1, 10)
