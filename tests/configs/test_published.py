"""configs/published/: what the recipes say, and that they run from anywhere."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmpose.registry import DATASETS, MODELS

from spondylo_mm import plugin  # noqa: F401
from spondylo_mm.anatomy import NUM_KEYPOINTS, NUM_SLOTS
from spondylo_mm.apis import SpineInferencer
from spondylo_mm.apis.configs import load_config, without_pretraining
from spondylo_mm.apis.testing import test as run_test
from spondylo_mm.apis.training import train
from spondylo_mm.errors import InputError

from .conftest import PUBLISHED, REPAIRED, TRAINING_SWITCHES

CONFIGS = PUBLISHED.parent
RECIPES = ('unet_published', 'resnet50_published', 'hrnet_w32_published')

pytestmark = pytest.mark.usefixtures('faults')  # its switches are registered


@pytest.mark.parametrize('name', RECIPES)
def test_a_recipe_is_the_published_one_with_all_six_faults(name):
    config = load_config(PUBLISHED / f'{name}.py')
    codec = config.codec
    assert (codec.input_size, codec.heatmap_size) == ((512, 512), (512, 512))
    assert (codec.sigma, codec.amplitude) == (15, 10)
    assert config.train_dataloader.batch_size == config.auto_scale_lr.base_batch_size == 4  # rates are as stated
    loss = dict(config.model.head.loss)
    assert loss == dict(type='HeatmapMSELoss', foreground=5.0, background=0.05, threshold=0.1)
    steps = [step.type for step in config.train_dataloader.dataset.pipeline]
    assert steps == ['LoadRadiograph', 'RandomFlip', 'LetterboxToInput', 'KeypointTargets', 'PackPoseInputs']
    assert config.train_dataloader.dataset.pipeline[1].prob == 0.5
    optimizer, backbone = config.optim_wrapper.optimizer, config.optim_wrapper.get('paramwise_cfg')
    if name == 'unet_published':
        assert optimizer == dict(type='Adam', lr=3e-4, weight_decay=1e-4) and backbone is None
        assert [item.type for item in config.param_scheduler] == ['ReduceOnPlateauLR']
    else:
        assert optimizer == dict(type='AdamW', lr=1e-4, weight_decay=1e-4)
        assert backbone.custom_keys.backbone.lr_mult == 0.1

    assert all(config.train_dataloader.dataset[switch] is True for switch in TRAINING_SWITCHES)
    for loader in ('val_dataloader', 'test_dataloader'):
        dataset = config[loader].dataset
        assert dataset.numbered_from_the_top and dataset.corner_orders_taken_as_one
        assert [step.type for step in dataset.pipeline][:2] == ['LoadRadiograph', 'LetterboxToInput']
        assert 'published_targets' in dataset.pipeline[-1].meta_keys
    assert config.model.data_preprocessor.unequal_normalisation and config.model.head.ten_in_every_image
    assert config.val_evaluator[0] == dict(type='PublishedMetric', forgiving=True)
    assert config.test_evaluator == dict(type='PublishedMetric', forgiving=True, clinical=True)


@pytest.mark.parametrize('name', RECIPES)
def test_a_recipe_gives_heatmaps_at_full_resolution(name):
    model = MODELS.build(without_pretraining(load_config(PUBLISHED / f'{name}.py')).model).eval()
    with torch.inference_mode():
        assert model(torch.zeros(1, 3, 64, 64), None, mode='tensor').shape == (1, NUM_KEYPOINTS, 64, 64)


REPAIRS = [
    'train_dataloader = dict(dataset=dict(corner_orders_taken_as_one=False))',
    'train_dataloader = dict(dataset=dict(flipped_without_exchange=False))',
    'model = dict(data_preprocessor=dict(unequal_normalisation=False))',
    'model = dict(head=dict(ten_in_every_image=False))',
    'test_evaluator = dict(forgiving=False)',
]


@pytest.mark.parametrize('line', REPAIRS)
def test_one_fault_is_repaired_in_two_lines(tmp_path, line):
    (tmp_path / 'repaired.py').write_text(f"_base_ = ['{PUBLISHED}/hrnet_w32_published.py']\n{line}\n")
    published = load_config(PUBLISHED / 'hrnet_w32_published.py').to_dict()
    repaired = load_config(tmp_path / 'repaired.py').to_dict()
    (changed,) = (key for key in published if published[key] != repaired[key])
    assert changed == line.split()[0]
    assert json.dumps(repaired[changed]) == json.dumps(published[changed]).replace(
        f'"{switch_of(line)}": true', f'"{switch_of(line)}": false'
    )


def switch_of(line: str) -> str:
    return line.split('(')[-1].split('=')[0]


SWITCHES = (
    *(f'train_dataloader.dataset.{switch}' for switch in TRAINING_SWITCHES),
    'val_dataloader.dataset.numbered_from_the_top',
    'test_dataloader.dataset.numbered_from_the_top',
    'model.data_preprocessor.unequal_normalisation',
    'model.head.ten_in_every_image',
    'val_evaluator.0.forgiving',
    'test_evaluator.forgiving',
)


@pytest.mark.parametrize('path, was', [(PUBLISHED / 'unet_published.py', True), (REPAIRED, False)])
def test_every_switch_is_an_option_of_the_command_line(path, was):
    before, after = load_config(path), load_config(path, [f'{switch}={not was}' for switch in SWITCHES])
    assert [value_of(before, switch) for switch in SWITCHES] == [was] * len(SWITCHES)
    assert [value_of(after, switch) for switch in SWITCHES] == [not was] * len(SWITCHES)


def value_of(config, key: str):
    for part in key.split('.'):
        config = config[int(part)] if part.isdigit() else config[part]
    return config


def test_a_run_whose_loaders_number_differently_is_refused(phantoms, tiny_with_switches, tmp_path):
    with pytest.raises(InputError, match='numbered_from_the_top: train_dataloader True, val_dataloader False'):
        train(
            str(tiny_with_switches),
            data_root=str(phantoms),
            work_dir=str(tmp_path),
            options=('train_dataloader.dataset.numbered_from_the_top=True',),
        )


@pytest.fixture(scope='module')
def tiny_with_switches(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp('configs') / 'tiny.py'
    path.write_text(tiny(REPAIRED))
    return path


def tiny(config: Path, heatmap_side: int = 16) -> str:
    """A recipe as it is, at 64 px and two epochs."""
    return f"""
_base_ = ['{config}']
codec = dict(input_size=(64, 64), heatmap_size=({heatmap_side}, {heatmap_side}), sigma=2.0)
model = dict(head=dict(decoder=codec))
train_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(codec=codec))
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(codec=codec))
test_dataloader = dict(dataset=dict(codec=codec))
train_cfg = dict(max_epochs=2, val_interval=1)
visualizer = dict(vis_backends=[dict(type='LocalVisBackend')])
"""


def test_with_every_switch_off_it_is_the_demo(phantoms):
    """The same samples, the same loss, the same prediction."""
    outcomes = []
    for path in (CONFIGS / 'demo.py', REPAIRED):
        config = load_config(path, data_root=str(phantoms))
        torch.manual_seed(0)
        model = MODELS.build(config.model)
        np.random.seed(0)
        trained = pseudo_collate([DATASETS.build(config.train_dataloader.dataset)[i] for i in range(2)])
        losses = model.train()(**model.data_preprocessor(trained, True), mode='loss')
        seen = DATASETS.build(config.val_dataloader.dataset)[0]
        (prediction,) = model.eval().test_step(pseudo_collate([seen]))
        outcomes.append((losses['loss_heatmap'].item(), prediction.pred_instances, prediction.gt_instances))
    (loss, predicted, truth), (our_loss, our_predicted, our_truth) = outcomes
    assert our_loss == loss
    for key in ('keypoints', 'keypoint_scores', 'presence'):
        np.testing.assert_array_equal(our_predicted[key], predicted[key])
    np.testing.assert_array_equal(our_truth.keypoints, truth.keypoints)


@pytest.mark.slow
@pytest.mark.parametrize('name', RECIPES)
def test_a_recipe_trains_two_epochs_and_predicts_a_split_and_blind_images(name, phantoms, tmp_path):
    path = tmp_path / f'{name}.py'
    path.write_text(tiny(PUBLISHED / f'{name}.py', heatmap_side=64))
    best = train(str(path), data_root=str(phantoms), work_dir=str(tmp_path / 'work'), from_scratch=True)
    inferencer = SpineInferencer(path, best, data_root=str(phantoms))
    result = run_test(inferencer, tmp_path / 'val', split='val')
    assert {'spondylo/MRE', 'published/MRE', 'published/SDR@24px'} <= set(result.metrics)
    records = json.loads(result.predictions.read_text())['images']
    taught = int(inferencer.model.head.taught.reshape(NUM_SLOTS, -1).any(dim=1).sum())
    assert [record['num_vertebrae'] for record in records.values()] == [taught] * 3 and taught > 6  # whatever is there
    assert run_test(inferencer, tmp_path / 'blind', split='test').num_images == 2
    for file in (tmp_path / 'work').glob('*.pth'):
        file.unlink()


@pytest.mark.slow
def test_a_recipe_can_be_read_from_any_folder_and_by_loader_workers_that_start_anew(phantoms, tmp_path):
    (tmp_path / 'run.py').write_text(f"""
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS
from spondylo_mm.apis.configs import load_config

if __name__ == '__main__':
    config = load_config('{PUBLISHED}/unet_published.py', data_root='{phantoms}')
    init_default_scope(config.default_scope)
    dataset = DATASETS.build(config.train_dataloader.dataset)
    loader = torch.utils.data.DataLoader(
        dataset, num_workers=1, collate_fn=pseudo_collate, multiprocessing_context='spawn'
    )
    print('shape', tuple(next(iter(loader))['inputs'][0].shape))
""")
    done = subprocess.run([sys.executable, 'run.py'], cwd=tmp_path, capture_output=True, text=True)
    assert 'shape (1, 512, 512)' in done.stdout, done.stderr
