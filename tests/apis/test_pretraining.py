"""The weights a backbone starts from."""

import pytest
import timm
import torch
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from torch import nn

from spondylo_mm import plugin  # noqa: F401
from spondylo_mm.apis.configs import load_config
from spondylo_mm.apis.pretraining import (
    Pretraining,
    load_pretraining,
    no_waiting_for_the_network,
    take_pretraining,
)
from spondylo_mm.errors import InputError


def with_file(path) -> dict:
    options = ['model.backbone.pretrained=True', f'model.backbone.pretrained_cfg_overlay.file={path}']
    config = load_config('configs/demo.py', options)
    init_default_scope(config.default_scope)
    return config.model


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)


@pytest.mark.parametrize('suffix', ['pth', 'safetensors'])
def test_timm_s_weights_are_read_from_a_local_file(suffix, tmp_path):
    """Weights saved by timm's own classification model must arrive in the backbone's features."""
    from safetensors.torch import save_file

    torch.manual_seed(5)
    saved = timm.create_model('hrnet_w18_small', pretrained=False).state_dict()
    path = tmp_path / f'imagenet.{suffix}'
    save_file(saved, path) if suffix == 'safetensors' else torch.save(saved, path)
    model, pretraining = take_pretraining(with_file(path))
    backbone = MODELS.build(model.backbone)
    load_pretraining(backbone, pretraining)
    loaded = backbone.timm_model.state_dict()
    assert all(torch.equal(value, saved[name]) for name, value in loaded.items())


def test_weights_of_another_architecture_are_refused_by_name(tmp_path):
    torch.save(timm.create_model('hrnet_w18_small_v2', pretrained=False).state_dict(), tmp_path / 'v2.pth')
    model, pretraining = take_pretraining(with_file(tmp_path / 'v2.pth'))
    backbone = MODELS.build(model.backbone)
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    with pytest.raises(InputError, match=r'v2.pth: belongs to another model .*expected .*--allow-partial'):
        load_pretraining(backbone, pretraining)
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())
    load_pretraining(backbone, pretraining, allow_partial=True)
    assert any(not torch.equal(value, before[name]) for name, value in backbone.state_dict().items())


def test_a_backbone_with_a_weight_that_the_file_lacks_is_refused(tmp_path):
    backbone = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    weights = backbone.state_dict()
    del weights['1.bias']
    torch.save(weights | {'fc.weight': torch.ones(1)}, tmp_path / 'a.pth')
    with pytest.raises(InputError, match='lacks 1.bias'):
        load_pretraining(backbone, Pretraining(str(tmp_path / 'a.pth')))


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_pretraining(nn.Linear(1, 1), Pretraining(str(tmp_path / 'nowhere.pth')))


def test_an_address_is_downloaded_once(tmp_path, monkeypatch):
    monkeypatch.setattr('torch.hub.get_dir', lambda: str(tmp_path / 'cache'))
    source, target = nn.Linear(2, 2), nn.Linear(2, 2)
    torch.save(source.state_dict(), tmp_path / 'a.pth')
    address = (tmp_path / 'a.pth').as_uri()
    load_pretraining(target, Pretraining(address))
    assert torch.equal(target.weight, source.weight)
    (tmp_path / 'a.pth').unlink()
    load_pretraining(nn.Linear(2, 2), Pretraining(address))


def test_timm_s_downloads_and_random_weights_are_left_to_their_makers():
    for model in (dict(backbone=dict(pretrained=True)), dict(backbone=dict(init_cfg=dict(type='Kaiming')))):
        assert take_pretraining(model) == (model, None)


def test_where_the_server_of_weights_cannot_be_reached_nobody_asks_it_five_times(monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr('urllib.request.getproxies', dict)
    monkeypatch.setattr('spondylo_mm.apis.pretraining._HUB', ('nowhere.invalid', 443))  # a name that never resolves
    with no_waiting_for_the_network():
        assert constants.HF_HUB_OFFLINE is True
    assert constants.HF_HUB_OFFLINE is False
    monkeypatch.setattr('urllib.request.getproxies', lambda: dict(https='proxy'))
    with no_waiting_for_the_network():  # the proxy may reach what we cannot
        assert constants.HF_HUB_OFFLINE is False


def test_mmengine_loads_checkpoints_without_unpickling(tmp_path):
    from mmengine.runner import load_checkpoint

    torch.save(dict(state_dict={}, code=nn.Linear(1, 1)), tmp_path / 'a.pth')
    with pytest.raises(InputError, match='not opened for safety'):
        load_checkpoint(nn.Linear(1, 1), str(tmp_path / 'a.pth'))
    with pytest.raises(InputError, match='download it'):
        load_checkpoint(nn.Linear(1, 1), 'https://nowhere.invalid/a.pth')
