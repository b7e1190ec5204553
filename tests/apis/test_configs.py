"""Configs and the command line's changes to them."""

from pathlib import Path

import pytest

from spondylo_mm.apis.configs import (
    DATALOADERS,
    choose_device,
    from_random_weights,
    load_config,
    pretrained_weights,
    without_pretraining,
)
from spondylo_mm.errors import InputError

CONFIGS = Path(__file__).parents[2] / 'configs'
REFERENCE = CONFIGS / 'hrnet_w32_spondylo.py'


@pytest.mark.parametrize('path', sorted(CONFIGS.glob('*.py')), ids=lambda path: path.stem)
def test_every_config_states_one_codec_for_model_and_data(path):
    config = load_config(path)
    assert config.model.head.decoder == config.codec
    assert all(config[loader].dataset.codec == config.codec for loader in DATALOADERS)


def test_an_option_changes_what_it_names_with_its_type():
    config = load_config(
        REFERENCE,
        ['train_cfg.max_epochs=3', 'train_dataloader.dataset.pipeline.1.prob=0.5', 'model.test_cfg.flip_test=True'],
    )
    assert config.train_cfg.max_epochs == 3
    assert config.train_dataloader.dataset.pipeline[1].prob == 0.5
    assert config.model.test_cfg.flip_test is True


@pytest.mark.parametrize(
    'option, hint',
    [
        ('train_cfg.max_epoch=3', 'did you mean max_epochs'),
        ('nonsense=1', 'has no key'),
        ('train_dataloader.dataset.pipeline.99.prob=1', 'has no key'),
        ('work_dir.x=1', 'has no key'),
        ('codec.sigma=3', 'reach nothing'),
        ('train_cfg.max_epochs=many', 'give a number'),
        ('model.head.decoder.sigma=3', 'codec and model.head.decoder disagree'),
        ('val_dataloader.dataset.codec.sigma=3', 'val_dataloader.dataset.codec and model.head.decoder disagree'),
        ('train_cfg.max_epochs', 'KEY=VALUE'),
        ('train_dataloader.dataset.codec.input_size=[1,(2', 'bracket'),
    ],
)
def test_a_wrong_option_is_refused_with_a_hint(option, hint):
    with pytest.raises(InputError, match=hint):
        load_config(REFERENCE, [option])


def test_where_there_are_no_workers_none_are_kept():
    """torch refuses to; the user has only said how many."""
    config = load_config(REFERENCE, ['train_dataloader.num_workers=0'])
    assert config.train_dataloader.persistent_workers is False
    assert config.val_dataloader.num_workers > 0 and config.val_dataloader.persistent_workers is True


def test_the_data_root_reaches_every_loader():
    config = load_config(REFERENCE, data_root='elsewhere')
    assert {config[loader].dataset.data_root for loader in DATALOADERS} == {'elsewhere'}


@pytest.mark.parametrize('content', [None, 'model = (', 'a = 1', '_base_ = ["./missing.py"]'])
def test_what_is_no_model_config_is_refused_by_name(tmp_path, content):
    path = tmp_path / 'mine.py'
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match='mine.py'):
        load_config(path)


@pytest.mark.parametrize(('name', 'meant'), [('train_confg', 'train_cfg'), ('optim_wraper', 'optim_wrapper')])
def test_a_misspelt_name_is_refused_and_not_passed_over(tmp_path, name, meant):
    variant = tmp_path / 'variant.py'
    variant.write_text(f"_base_ = ['{REFERENCE}']\n{name} = dict()\n")
    with pytest.raises(InputError, match=f'nothing reads {name}: did you mean {meant}'):
        load_config(variant)


def test_a_config_may_name_what_it_uses_in_several_places(tmp_path):
    variant = tmp_path / 'variant.py'
    variant.write_text(f"_base_ = ['{REFERENCE}']\nmodel_small = test_pipeline = first = dict()\n")
    assert load_config(variant).first == {}


def test_config_and_checkpoint_exchanged_are_told_apart(tmp_path):
    (tmp_path / 'best.pth').touch()
    with pytest.raises(InputError, match='best.pth: holds weights: give the config first'):
        load_config(tmp_path / 'best.pth')


def test_pretraining_is_the_reference_s_default_and_can_be_switched_off():
    config = load_config(REFERENCE)
    assert pretrained_weights(config)
    assert not pretrained_weights(without_pretraining(config))
    assert not pretrained_weights(load_config(CONFIGS / 'demo.py'))


@pytest.mark.parametrize(
    'name, weights',
    [
        ('hrnet_w32_spondylo', 'hrnet_w32'),
        ('resnet50_spondylo', 'torchvision://resnet50.imagenet1k_v2'),
        ('hrnet_w32_coco_spondylo', 'https://download.openmmlab.com/mmpose/'),
    ],
)
def test_the_option_that_names_a_file_of_weights_exists_and_is_what_is_loaded(name, weights):
    path = CONFIGS / f'{name}.py'
    found, option = pretrained_weights(load_config(path))
    assert found.startswith(weights)
    value = load_config(path, [f'{option}=mine.pth']).model.backbone
    for key in option.split('.')[2:]:
        value = value[key]
    assert value == 'mine.pth'
    assert pretrained_weights(without_pretraining(load_config(path))) is None


def test_stages_are_frozen_as_long_as_their_weights_are_pretrained():
    """A run that resumes, or a test, finds them as they were trained; one from scratch must train them."""
    path = CONFIGS / 'resnet50_spondylo.py'
    assert without_pretraining(load_config(path)).model.backbone.frozen_stages == 1
    assert 'frozen_stages' not in from_random_weights(load_config(path)).model.backbone


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    assert choose_device('auto') == 'cpu'
    with pytest.raises(InputError, match='no GPU'):
        choose_device('cuda')
    with pytest.raises(InputError, match='not usable'):
        choose_device('toaster')


@pytest.mark.parametrize('line', ["data_root = 'mine'", 'codec = dict(sigma=3.0)'])
def test_a_variant_that_changes_a_name_and_not_its_uses_is_refused(tmp_path, line):
    path = tmp_path / 'mine.py'
    path.write_text(f"_base_ = ['{REFERENCE}']\n{line}\n")
    with pytest.raises(InputError, match='disagree'):
        load_config(path)
