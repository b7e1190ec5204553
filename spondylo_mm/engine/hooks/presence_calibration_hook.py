"""From heights of peaks to probabilities, before a checkpoint of the best model is written."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from mmengine.dist import all_gather_object
from mmengine.hooks import EMAHook, Hook
from mmpose.registry import HOOKS
from torch import nn
from torch.utils.data import DataLoader

from ...codecs.centers.calibration import fit_calibration
from ...datasets.wrappers import configs_inside
from ..bare_model import bare_model


@HOOKS.register_module()
class PresenceCalibrationHook(Hook):
    """After each validation, learn from the validation images how likely a vertebra is where the model sees one
    (``codecs.centers.calibration``), and give it to the head.

    The images are augmented as those of the training are: a film that shows no sacrum, or a vertebra cut off by its
    edge, is rare otherwise. Heads that cannot be calibrated are left alone. Checkpoints are written after this
    (``ResumableCheckpointHook``); one of an epoch without validation has the calibration of the last that had one.
    """

    def __init__(self) -> None:
        self._loader: DataLoader | None = None

    def after_val_epoch(self, runner: Any, metrics: dict | None = None) -> None:
        heads = list(_heads(runner))
        if not hasattr(heads[0], 'presence_calibration'):
            return
        if self._loader is None:
            self._loader = _augmented_validation(runner)
        model = bare_model(runner.model)
        was_training = model.training
        model.eval()
        judged = []
        with torch.no_grad():
            for batch in self._loader:
                batch = model.data_preprocessor(batch, training=False)
                judged += heads[0].judge(model.extract_feat(batch['inputs']), batch['data_samples'])
        model.train(was_training)
        judged = [each for part in all_gather_object(judged) for each in part]
        fitted = torch.from_numpy(fit_calibration(judged))
        for head in heads:
            head.presence_calibration.copy_(fitted)


def _heads(runner: Any) -> Iterator[nn.Module]:
    """The model's head, and that of its average over steps, where there is one."""
    yield bare_model(runner.model).head
    for hook in runner.hooks:
        if isinstance(hook, EMAHook):
            yield hook.ema_model.module.head


def _augmented_validation(runner: Any) -> DataLoader:
    settings = copy.deepcopy(runner.cfg.val_dataloader)
    trained = configs_inside(runner.cfg.train_dataloader.dataset, 'train_dataloader.dataset')
    settings.dataset.pipeline = trained[0].pipeline  # of joined folders, the first
    # each image once, on however many processes
    settings.sampler = dict(type='SeededSampler', shuffle=False, round_up=False)
    settings.persistent_workers = False
    return runner.build_dataloader(settings, seed=runner.seed)
