"""Training in two phases."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from spondylo_mm.engine.hooks.freeze_backbone_hook import FreezeBackboneHook
from spondylo_mm.errors import InputError


class Model(nn.Module):
    """A backbone with a stem frozen for good, a convolution and its BatchNorm; and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2))
        self.backbone[0].requires_grad_(False)
        self.head = nn.Sequential(nn.Conv2d(2, 1, 1), nn.BatchNorm2d(1))


def train_epochs(model: Model, hook: FreezeBackboneHook, epochs: range) -> list[dict[str, torch.Tensor]]:
    """The model's state after each epoch, trained as mmengine's loop does, two steps an epoch."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.1)
    runner = SimpleNamespace(model=model, epoch=epochs.start)
    hook.before_train(runner)
    states = []
    for runner.epoch in epochs:
        hook.before_train_epoch(runner)
        model.train()
        for step in range(2):
            hook.before_train_iter(runner, step)
            optimizer.zero_grad()
            model.head(model.backbone(torch.rand(2, 1, 4, 4))).square().sum().backward()
            optimizer.step()
        states.append({name: value.clone() for name, value in model.state_dict().items()})
    return states


def changed(before: dict, after: dict) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_the_backbone_stays_as_it_is_in_the_first_phase_and_learns_in_the_second():
    torch.manual_seed(0)
    model = Model()
    start = {name: value.clone() for name, value in model.state_dict().items()}
    first, second, third = train_epochs(model, FreezeBackboneHook(2), range(3))
    head = {name for name in start if name.startswith('head.')}
    assert changed(start, second) == changed(first, second) == head  # BatchNorm statistics too, and no weight decay
    assert changed(second, third) == set(start) - {'backbone.0.weight', 'backbone.0.bias'}  # frozen for good


def test_a_run_resumed_in_the_second_phase_has_nothing_frozen():
    model = Model()
    start = {name: value.clone() for name, value in model.state_dict().items()}
    (after,) = train_epochs(model, FreezeBackboneHook(2), range(2, 3))
    assert 'backbone.1.weight' in changed(start, after)


def test_a_negative_number_of_epochs_is_refused():
    with pytest.raises(InputError, match='num_epochs=-1'):
        FreezeBackboneHook(-1)
