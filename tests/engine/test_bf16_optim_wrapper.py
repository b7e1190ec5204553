"""Mixed precision on the CPU."""

from __future__ import annotations

import pytest
import torch
from mmpose.registry import OPTIM_WRAPPERS
from torch import nn

from spondylo_mm.apis.training import train


def test_convolutions_are_bf16_and_what_is_learned_is_float32():
    model = nn.Conv2d(1, 2, 3)
    before = model.weight.detach().clone()
    wrapper = OPTIM_WRAPPERS.build(
        dict(type='Bf16OptimWrapper', optimizer=torch.optim.SGD(model.parameters(), lr=0.1), accumulative_counts=2)
    )
    for step in range(2):
        with wrapper.optim_context(model):
            output = model(torch.ones(1, 1, 5, 5))
        assert output.dtype is torch.bfloat16
        wrapper.update_params(output.float().sum())
        assert torch.equal(model.weight, before) is (step == 0)  # every second batch is a step
    assert model.weight.dtype is torch.float32
    torch.testing.assert_close(model.weight, before - 0.1 * 9)


def test_a_run_learns_as_one_of_full_precision_does(tiny_config, phantoms, tmp_path, monkeypatch):
    monkeypatch.setattr('spondylo_mm.apis.training.cpu_computes_bf16', lambda: True)  # an emulated one is as exact
    options = ('train_cfg.max_epochs=1',)
    weights = []
    for amp in (None, 'bf16'):
        work_dir = tmp_path / str(amp)
        train(str(tiny_config), data_root=str(phantoms), work_dir=str(work_dir), amp=amp, options=options)
        weights.append(torch.load(work_dir / 'epoch_1.pth', weights_only=True)['state_dict'])
    full, mixed = (torch.cat([value.float().flatten() for value in each.values()]) for each in weights)
    assert not torch.equal(full, mixed)
    assert (full - mixed).norm() < 0.05 * full.norm()


@pytest.mark.skipif(torch.cuda.is_available(), reason='--amp is then of the GPU')
def test_the_config_says_which_precision(tiny_config, phantoms, tmp_path, monkeypatch):
    monkeypatch.setattr('spondylo_mm.apis.training.cpu_computes_bf16', lambda: True)
    train(
        str(tiny_config),
        data_root=str(phantoms),
        work_dir=str(tmp_path),
        amp='auto',
        options=('train_cfg.max_epochs=1',),
    )
    assert "type='Bf16OptimWrapper'" in next(tmp_path.glob('*.py')).read_text()
