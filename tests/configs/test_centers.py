"""The order-free recipes: the reference's in everything but codec and head, and what they make of phantoms."""

import json
from pathlib import Path

import numpy as np
import pytest

from spondylo_mm import plugin  # noqa: F401
from spondylo_mm.anatomy import NUM_SLOTS
from spondylo_mm.apis import SpineInferencer
from spondylo_mm.apis.coarse_to_fine import CLOSEUP_MOST_ENLARGED, MOST_ENLARGED
from spondylo_mm.apis.configs import load_config
from spondylo_mm.apis.testing import test as run_test
from spondylo_mm.apis.training import train
from spondylo_mm.apis.visualizing import visualize
from spondylo_mm.errors import InputError

CONFIGS = Path(__file__).parents[2] / 'configs'
PAIRS = [
    ('hrnet_w32_centers_spondylo', 'hrnet_w32_spondylo'),
    ('phantoms_only_centers', 'phantoms_only'),
    ('demo_centers', 'demo'),
]


@pytest.mark.parametrize(('centers', 'slots'), PAIRS)
def test_only_codec_head_and_enlargement_differ_from_the_model_with_slots(centers, slots):
    ours, theirs = (load_config(CONFIGS / f'{name}.py').to_dict() for name in (centers, slots))
    assert ours['codec']['type'] == 'VertebraCenters' and ours['codec']['sigma'] < theirs['codec']['sigma']
    assert ours['model']['head']['type'] == 'VertebraCentersHead'
    for key in ('type', 'loss', 'decoder'):
        ours['model']['head'].pop(key), theirs['model']['head'].pop(key)
    enlarged = []
    for config in (ours, theirs):
        config['model']['test_cfg'].pop('coarse_to_fine', None)
        affine = config['train_dataloader']['dataset']['pipeline'][2]
        assert affine.pop('type') == 'RandomSpineAffine'
        enlarged.append(affine.pop('scale')[1])
        affine.clear()
        config.pop('train_pipeline')  # the loader's is what counts
        codec = config.pop('codec')
        for loader in ('train', 'val', 'test'):
            assert config[f'{loader}_dataloader']['dataset'].pop('codec') == codec
        config.pop('filename', None)
    assert ours == theirs and enlarged[0] >= enlarged[1]


@pytest.mark.parametrize(('centers', 'slots'), PAIRS)
def test_a_closer_look_enlarges_no_further_than_training_did(centers, slots):
    config = load_config(CONFIGS / f'{centers}.py')
    largest = config.train_dataloader.dataset.pipeline[2].scale[1]
    assert largest >= MOST_ENLARGED or not config.model.test_cfg.get('coarse_to_fine')


def test_closeups_enlarge_no_further_than_training_did_and_are_all_that_their_recipe_adds():
    ours, theirs = (load_config(CONFIGS / f'phantoms_only_{name}.py').to_dict() for name in ('closeups', 'centers'))
    assert (ours['model']['test_cfg'].pop('closeups'), theirs['model']['test_cfg'].pop('closeups')) == (True, False)
    affine, wide = (config['train_dataloader']['dataset']['pipeline'].pop(2) for config in (ours, theirs))
    assert (
        affine['along_spine'] and affine['scale'][1] >= CLOSEUP_MOST_ENLARGED and affine['scale'][0] == wide['scale'][0]
    )
    for config in (ours, theirs):
        for schedule in ('train_cfg', 'param_scheduler', 'train_pipeline', 'filename'):
            config.pop(schedule, None)
        config['default_hooks']['checkpoint'].pop('interval')
    assert ours == theirs


@pytest.fixture(scope='module')
def tiny(write_tiny, tmp_path_factory) -> Path:
    return write_tiny(tmp_path_factory.mktemp('configs') / 'tiny_centers.py', 'demo_centers.py', 0.8)


@pytest.mark.slow
def test_two_epochs_and_every_tool(tiny, phantoms, tmp_path):
    best = train(str(tiny), data_root=str(phantoms), work_dir=str(tmp_path / 'work'), from_scratch=True)
    inferencer = SpineInferencer(tiny, best, data_root=str(phantoms), mc_dropout=2)
    result = run_test(inferencer, tmp_path / 'out', split='val')
    assert result.num_images == 3 and np.isfinite(result.metrics['spondylo/MRE'])
    images = json.loads(result.predictions.read_text())['images']
    assert all(vertebra['slot'] < NUM_SLOTS for image in images.values() for vertebra in image['vertebrae'])
    blind = run_test(SpineInferencer(tiny, best, flip_test=True), tmp_path / 'blind', images=[str(phantoms / 'Test')])
    assert blind.num_images == 2
    visualize(inferencer, tmp_path / 'worst', split='val', worst=1, heatmaps=True, on_error=pytest.fail)
    assert len(list((tmp_path / 'worst' / 'pictures').glob('*_heatmaps.png'))) == 1


def test_slots_counted_from_the_top_are_refused(tiny, phantoms):
    cranial = [f'{loader}_dataloader.dataset.anchor=cranial' for loader in ('train', 'val', 'test')]
    with pytest.raises(InputError, match='VertebraCenters.*caudal'):
        load_config(tiny, cranial, data_root=str(phantoms))
