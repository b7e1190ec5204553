"""Training in two phases: first the head alone, then everything."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmpose.registry import HOOKS
from torch.nn.modules.batchnorm import _BatchNorm

from ...errors import InputError
from ..bare_model import bare_model


@HOOKS.register_module()
class FreezeBackboneHook(Hook):
    """Keep the backbone as it is, BatchNorm statistics included, for the first epochs.

    A head of random weights sends random gradients; those of the first epochs would spoil what the backbone has been
    pretrained to. What the model's config freezes for good (``frozen_stages``) stays frozen.

    Args:
        num_epochs: epochs 1 to ``num_epochs`` train the head alone.

    Raises:
        InputError: a negative number.
    """

    def __init__(self, num_epochs: int) -> None:
        if num_epochs < 0:
            raise InputError(f'FreezeBackboneHook: num_epochs={num_epochs}: give 0 or more')
        self.num_epochs = num_epochs

    def before_train(self, runner: Any) -> None:
        backbone = self._backbone(runner)
        self._trainable = [parameter for parameter in backbone.parameters() if parameter.requires_grad]
        self._set_trainable(runner)

    def before_train_epoch(self, runner: Any) -> None:
        self._set_trainable(runner)

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        if batch_idx == 0 and runner.epoch < self.num_epochs:  # the loop has just put the whole model in training mode
            for module in self._backbone(runner).modules():
                if isinstance(module, _BatchNorm):
                    module.eval()

    def _set_trainable(self, runner: Any) -> None:
        is_frozen = runner.epoch < self.num_epochs
        for parameter in self._trainable:
            parameter.requires_grad_(not is_frozen)
            if is_frozen:
                parameter.grad = None  # optimizers skip what has no gradient: no step, no weight decay, no momentum

    @staticmethod
    def _backbone(runner: Any) -> Any:
        return bare_model(runner.model).backbone
