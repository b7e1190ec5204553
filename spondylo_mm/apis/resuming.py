"""Which checkpoint a run goes on from, and whether it is the same run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from mmengine.config import Config

from ..errors import InputError
from .checkpoints import holds_placeholders, not_finite, read_checkpoint, stays_finite, weights_of
from .configs import LARGEST_SEED

# What makes a run: another value of any of these is another run. The number of epochs may grow; how many workers load
# the data, where it lies and how the run is watched and evaluated changes nothing.
_SETTINGS = ('model', 'train_dataloader', 'optim_wrapper', 'param_scheduler', 'auto_scale_lr', 'randomness')
_FREE = (
    'num_workers',
    'persistent_workers',
    'data_root',
    'pretrained',
    'pretrained_cfg_overlay',
    'init_cfg',
    'test_cfg',
)
_SHOWN = 3

# Of a checkpoint's content, what mmengine takes for granted.
_DICTS = ('state_dict', 'meta', 'message_hub', 'optimizer')
_COUNTS = dict(epoch=2**63 - 1, iter=2**63 - 1, seed=LARGEST_SEED)  # in its meta, and the most that each can be

_OTHERWISE = 'resume from another epoch_N.pth, or start a new run from its weights with --load-from'


def resumable_epochs(work_dir: Path) -> dict[int, Path]:
    """The checkpoints of a work dir that a run can go on from, by their epoch; without the copies that users keep."""
    named = {path.stem.removeprefix('epoch_'): path for path in work_dir.glob('epoch_*.pth')}
    return {int(epoch): path for epoch, path in named.items() if epoch.isdecimal()}


def checkpoint_to_resume(resume: str | bool, work_dir: Path) -> tuple[Path, dict]:
    """The checkpoint named by ``--resume``, or for True the last of the work dir; and its ``meta``, of which run it is.

    Raises:
        InputError: there is none, or none that a run can go on from (the best one of a run holds no optimizer state).
            It is read here, without unpickling, before mmengine reads it.
    """
    if resume is True:
        # mmengine would quietly start anew, and from random weights, where there is nothing to resume
        epochs = resumable_epochs(work_dir)
        if not epochs:
            raise InputError(f'--resume: {work_dir} holds no checkpoint: leave it out to start a new run')
        path = epochs[max(epochs)]
    else:
        path = Path(resume)
        if not path.is_file():
            raise InputError(
                f'--resume {path}: no such checkpoint: give a .pth file, or --resume alone for the last of the work dir'
            )
    content = read_checkpoint(path)
    if not isinstance(content, dict) or not set(_DICTS) <= set(content):
        raise InputError(
            f'{path}: holds no optimizer state to go on from: resume from an epoch_N.pth of tools/train.py'
        )
    if holds_placeholders(content):
        raise InputError(
            f'{path}: was written by another program, with pickled objects that are not opened for safety: start a new '
            'run from its weights with --load-from'
        )
    _check_content(path, content)
    weights = weights_of(content, path)
    if broken := [name for name, value in weights.items() if not stays_finite(value, torch.float32)]:
        raise not_finite(path, broken)
    return path, content['meta']


def _check_content(path: Path, content: dict) -> None:
    for name in _DICTS:
        if not isinstance(content[name], dict):
            raise InputError(f'{path}: its {name} is a {type(content[name]).__name__}, not a dict: {_OTHERWISE}')
    meta = content['meta']
    if 'config' in meta:
        raise InputError(
            f'{path}: was written by another program, with a config that mmengine would run: start a new run from its '
            'weights with --load-from'
        )
    for name, most in _COUNTS.items():
        value = meta.get(name)
        if not (type(value) is int and 0 <= value <= most) and not (name == 'seed' and value is None):
            raise InputError(f'{path}: its meta.{name} is no whole number from 0 to {most}: {_OTHERWISE}')


@contextmanager
def resumed_from(path: str | Path) -> Iterator[None]:
    """Say which checkpoint it was, where mmengine cannot take up what is in it.

    Raises:
        InputError: instead of the errors that unfit content makes, which stay its cause.
    """
    try:
        yield
    except (AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise InputError(
            f'{path}: a run cannot go on from what it holds ({type(error).__name__}: {error}): {_OTHERWISE}'
        ) from error


def run_settings(config: Config) -> str:
    """What must not change when a run is resumed, as JSON: a checkpoint keeps it as plain text."""
    settings = {name: _without_free(config.get(name)) for name in _SETTINGS}
    return json.dumps(settings, sort_keys=True, default=repr)


def check_same_run(config: Config, path: Path, meta: dict) -> None:
    """Refuse to go on with other settings than the checkpoint of this path and ``meta`` was trained with.

    Raises:
        InputError: naming what differs.
    """
    stored = meta.get('settings')
    if stored is None:  # written by another program than tools/train.py
        return
    try:
        before = _flat(_without_free(json.loads(stored)))  # which settings are free may change
    except (TypeError, ValueError, RecursionError):
        raise InputError(f'{path}: its meta.settings cannot be read: {_OTHERWISE}') from None
    now = _flat(json.loads(run_settings(config)))
    differing = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key)]
    if differing:
        shown = '; '.join(f'{key} was {before.get(key)}, is {now.get(key)}' for key in differing[:_SHOWN])
        more = f' and {len(differing) - _SHOWN} more' if len(differing) > _SHOWN else ''
        raise InputError(
            f'{path}: is of a run with other settings ({shown}{more}): resume it with its own config and options, or '
            'start a new run from its weights with --load-from'
        )


def _without_free(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_free(item) for key, item in value.items() if key not in _FREE}
    if isinstance(value, (list, tuple)):
        return [_without_free(item) for item in value]
    return value


def _flat(value: object, prefix: str = '') -> dict[str, object]:
    """``{'a': {'b': [1]}}`` to ``{'a.b.0': 1}``."""
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        return {prefix: value}
    return {key: leaf for name, item in items for key, leaf in _flat(item, f'{prefix}.{name}'.strip('.')).items()}
