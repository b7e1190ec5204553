"""Weights from a checkpoint into a model, or one line that says why not."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from torch import nn

from ..errors import InputError

_SHOWN = 3  # names of mismatching weights worth showing in one line


def load_weights(model: nn.Module, path: str | Path) -> None:
    """Load every weight of ``model`` from a checkpoint, without unpickling anything but tensors and plain values.

    Raises:
        InputError: the file is missing, is no checkpoint, holds pickled objects, or belongs to another model.
    """
    weights = _read_weights(Path(path))
    own = model.state_dict()
    missing = [name for name in own if name not in weights]
    unexpected = [name for name in weights if name not in own]
    reshaped = [name for name in own if name in weights and weights[name].shape != own[name].shape]
    if missing or unexpected or reshaped:
        reasons = []
        if reshaped:
            shown = [f'{name} is {tuple(weights[name].shape)}, expected {tuple(own[name].shape)}' for name in reshaped]
            reasons.append('; '.join(shown[:_SHOWN]) + _more(shown))
        if missing:
            reasons.append(f'lacks {", ".join(missing[:_SHOWN])}{_more(missing)}')
        if unexpected:
            reasons.append(f'has unknown {", ".join(unexpected[:_SHOWN])}{_more(unexpected)}')
        raise InputError(
            f'{path}: belongs to another model ({"; ".join(reasons)}): give the config it was trained with'
        )
    model.load_state_dict(weights)


def _more(names: list[str]) -> str:
    return f' and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''


def check_resumable(path: str | Path) -> Path:
    """Refuse a checkpoint that a run cannot go on from, before mmengine reads it: that would unpickle anything.

    Raises:
        InputError: as ``load_weights``, or it holds no optimizer state (as the best one of a run).
    """
    content = _read(Path(path))
    if not isinstance(content, dict) or not {'meta', 'optimizer', 'message_hub'} <= set(content):
        raise InputError(
            f'{path}: holds no optimizer state to go on from: resume from an epoch_N.pth of tools/train.py'
        )
    return Path(path)


def _read_weights(path: Path) -> dict[str, torch.Tensor]:
    content = _read(path)
    weights = content.get('state_dict', content) if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not weights:
        raise InputError(f'{path}: holds no state_dict: give a .pth file written by tools/train.py')
    if not all(isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in weights.items()):
        raise InputError(f'{path}: holds no state_dict: give a .pth file written by tools/train.py')
    return {name.removeprefix('module.'): value for name, value in weights.items()}


def _read(path: Path) -> object:
    if not path.is_file():
        raise InputError(f'{path}: no such checkpoint: train one with tools/train.py')
    try:
        return torch.load(path, map_location='cpu', weights_only=True)
    except pickle.UnpicklingError as error:
        if 'Unsupported global' in str(error) or 'GLOBAL' in str(error):
            raise InputError(
                f'{path}: holds pickled objects beside weights and is not opened for safety: save its state_dict alone '
                'with torch.save from a source you trust'
            ) from None
        raise InputError(f'{path}: is not a checkpoint: give a .pth file written by tools/train.py') from None
    except Exception as error:  # a damaged zip archive fails in many ways
        raise InputError(
            f'{path}: cannot be read as a checkpoint ({type(error).__name__}; truncated?): give a whole .pth file'
        ) from None
