"""Checkpoints that hold tensors and plain values only, so that no one who loads them has to unpickle code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmpose.registry import HOOKS

_ARRAY, _HISTORY = '__ndarray__', '__history__'


def to_plain(value: Any) -> Any:
    """Replace numpy arrays and mmengine's log histories by tagged dicts of tensors; :func:`from_plain` undoes it
    exactly."""
    if isinstance(value, np.ndarray):
        return {_ARRAY: torch.from_numpy(value.copy())}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, HistoryBuffer):
        logged, counts = value.data
        return {_HISTORY: [to_plain(logged), to_plain(counts), value.max_length]}
    return _map_containers(value, to_plain)


def from_plain(value: Any) -> Any:
    """The inverse of :func:`to_plain`."""
    if isinstance(value, dict) and _ARRAY in value:
        return value[_ARRAY].cpu().numpy()
    if isinstance(value, dict) and _HISTORY in value:
        logged, counts, max_length = value[_HISTORY]
        return HistoryBuffer(from_plain(logged).tolist(), from_plain(counts).tolist(), max_length)
    return _map_containers(value, from_plain)


def _map_containers(value: Any, function: Callable) -> Any:
    if isinstance(value, dict):
        return type(value)((key, function(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return type(value)(function(item) for item in value)
    return value


@HOOKS.register_module()
class PlainCheckpointHook(Hook):
    """Let every checkpoint be read with ``torch.load(…, weights_only=True)``, when testing and when resuming.

    mmengine keeps its log history and the dataset's metainfo in checkpoints as pickled objects, and falls back to full
    unpickling to read them, which runs whatever code the file holds.
    """

    _parts = ('meta', 'message_hub', 'param_schedulers')

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        for part in self._parts:
            if part in checkpoint:
                checkpoint[part] = to_plain(checkpoint[part])

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        for part in self._parts:
            if part in checkpoint:
                checkpoint[part] = from_plain(checkpoint[part])
