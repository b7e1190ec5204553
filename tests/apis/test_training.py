"""From a config to a checkpoint."""

import errno
import shutil

import pytest
import torch

from spondylo_mm.apis.training import train
from spondylo_mm.errors import InputError

CONFIG = 'configs/hrnet_w32_spondylo.py'


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)


def test_training_leaves_a_best_and_a_last_checkpoint_without_pickled_objects(trained):
    assert trained.name.startswith('best_spondylo_MRE_epoch_')
    last = trained.parent / 'epoch_2.pth'
    for path in (trained, last):
        content = torch.load(path, weights_only=True)
        assert all(torch.isfinite(value).all() for value in content['state_dict'].values())
    assert content['meta']['epoch'] == 2


def test_a_stopped_run_goes_on_where_it_was(trained, tiny_config, phantoms, tmp_path):
    shutil.copytree(trained.parent, tmp_path / 'work')
    train(
        str(tiny_config),
        data_root=str(phantoms),
        work_dir=str(tmp_path / 'work'),
        resume=True,
        options=('train_cfg.max_epochs=3',),
    )
    meta = torch.load(tmp_path / 'work' / 'epoch_3.pth', weights_only=True)['meta']
    assert (meta['epoch'], meta['iter']) == (3, 3 * 2)  # two batches of four an epoch, none repeated


def test_the_seed_decides_the_weights(tiny_config, phantoms, tmp_path):

    def weights(name: str, seed: int) -> torch.Tensor:
        best = train(
            str(tiny_config),
            data_root=str(phantoms),
            work_dir=str(tmp_path / name),
            seed=seed,
            options=('train_cfg.max_epochs=1',),
        )
        return torch.load(best, weights_only=True)['state_dict']['head.final_layer.weight']

    first = weights('a', 3)
    assert torch.equal(first, weights('b', 3))
    assert not torch.equal(first, weights('c', 4))


def test_pretrained_weights_that_cannot_be_had_are_one_line_with_both_ways_out(monkeypatch, tmp_path):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, 'HF_HUB_OFFLINE', True)
    monkeypatch.setenv('HF_HUB_CACHE', str(tmp_path / 'empty'))
    with pytest.raises(InputError) as error:
        train(CONFIG, work_dir=str(tmp_path / 'work'), data_root=str(tmp_path))
    assert '--from-scratch' in str(error.value) and 'pretrained_cfg_overlay.file=PATH' in str(error.value)


def test_weights_that_are_loaded_when_training_starts_are_missed_in_the_same_words(phantoms, tmp_path):
    options = (f'model.backbone.init_cfg.checkpoint={tmp_path / "resnet50.pth"}', 'train_dataloader.num_workers=0')
    with pytest.raises(InputError) as error:
        train(
            'configs/resnet50_spondylo.py',
            work_dir=str(tmp_path / 'work'),
            data_root=str(phantoms),
            options=(*options, 'train_dataloader.persistent_workers=False'),
        )
    assert 'resnet50.pth cannot be had (FileNotFoundError)' in str(error.value)
    assert '--from-scratch' in str(error.value) and 'model.backbone.init_cfg.checkpoint=PATH' in str(error.value)


def test_pretrained_weights_are_read_from_a_local_file(tmp_path):
    """Weights saved by timm's own classification model must arrive in the backbone's features."""
    import timm
    from mmengine.registry import init_default_scope
    from mmpose.registry import MODELS

    from spondylo_mm.apis.configs import load_config

    torch.manual_seed(5)
    classifier = timm.create_model('hrnet_w18_small', pretrained=False)
    torch.save(classifier.state_dict(), tmp_path / 'imagenet.pth')
    config = load_config(
        'configs/demo.py',
        ['model.backbone.pretrained=True', f'model.backbone.pretrained_cfg_overlay.file={tmp_path / "imagenet.pth"}'],
    )
    init_default_scope(config.default_scope)
    backbone = MODELS.build(config.model).backbone.timm_model.state_dict()
    saved = classifier.state_dict()
    assert all(torch.equal(value, saved[name]) for name, value in backbone.items() if name in saved)
    assert sum(name in saved for name in backbone) > 0.95 * len(backbone)


@pytest.mark.parametrize(
    'changes, message',
    [
        (dict(resume='nowhere.pth'), 'nowhere.pth: no such checkpoint'),
        (dict(resume=True), 'holds no checkpoint'),
        (dict(amp=True), 'needs a GPU'),
        (dict(options=('train_cfg.max_epoch=1',)), 'did you mean max_epochs'),
    ],
)
def test_bad_usage_is_refused_before_training(tiny_config, phantoms, tmp_path, monkeypatch, changes, message):
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    with pytest.raises(InputError, match=message):
        train(str(tiny_config), data_root=str(phantoms), work_dir=str(tmp_path / 'work'), **changes)
    assert not (tmp_path / 'work').exists()


def test_a_missing_or_empty_split_is_named(tiny_config, tmp_path):
    with pytest.raises(InputError, match='train.json: no such annotation file'):
        train(str(tiny_config), data_root=str(tmp_path), work_dir=str(tmp_path / 'work'))


def test_a_full_disk_is_not_blamed_on_the_weights(monkeypatch, tmp_path):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, 'No space left on device', str(tmp_path))

    monkeypatch.setattr('spondylo_mm.apis.training.Runner.from_cfg', full)
    with pytest.raises(OSError, match='No space left'):
        train(CONFIG, work_dir=str(tmp_path / 'work'), data_root=str(tmp_path))
