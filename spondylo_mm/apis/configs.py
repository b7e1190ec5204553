"""A config file and the command line's changes to it, checked before anything heavy starts."""

from __future__ import annotations

import argparse
import difflib
import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from mmengine.config import Config, DictAction
from mmengine.runner import Runner

from ..datasets.wrappers import configs_inside
from ..errors import InputError

DATALOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')

# Whole numbers, the least of each: what torch and mmengine do with a smaller one is a traceback or nothing at all.
_LEAST = {
    'train_dataloader.batch_size': 1,
    'val_dataloader.batch_size': 1,
    'test_dataloader.batch_size': 1,
    'train_dataloader.num_workers': 0,
    'val_dataloader.num_workers': 0,
    'test_dataloader.num_workers': 0,
    'train_cfg.max_epochs': 1,
    'train_cfg.val_interval': 1,
    'default_hooks.checkpoint.interval': 1,
    'default_hooks.logger.interval': 1,
    'auto_scale_lr.base_batch_size': 1,
    'randomness.seed': 0,
}
LARGEST_SEED = 2**32 - 1  # of numpy's generator

# What goes wrong where a config names what does not exist, or hands it what it does not take.
_CONFIG_ERRORS = (AssertionError, AttributeError, ImportError, LookupError, RuntimeError, TypeError, ValueError)

_DEVICES_WITHOUT_MEMORY = ('meta',)  # torch has it, but nothing can be computed there

_NUM_STAGES = 4  # of MMPose's ResNet and HRNet

# Names that configs give to what they then use in several places: by the time an option is applied the uses are copies.
_USED_AS = dict(
    codec='model.head.decoder and *_dataloader.dataset.codec',
    train_pipeline='train_dataloader.dataset.pipeline',
    val_pipeline='val_dataloader.dataset.pipeline',
    data_root='--data-root',
    anchor='*_dataloader.dataset.anchor',
)

_READ = {*inspect.signature(Runner).parameters, 'auto_scale_lr', 'custom_imports', *_USED_AS}
_ALIKE = 0.85  # of two names, as difflib counts: train_confg is train_cfg to 0.9, test_pipeline val_pipeline to 0.7
_WEIGHTS = ('.pth', '.pt', '.safetensors')


def load_config(path: str | Path, options: Sequence[str] = (), data_root: str | None = None) -> Config:
    """Read a config and apply ``KEY=VALUE`` options and another data folder.

    Raises:
        InputError: the file is missing or no config, or misspells a key; an option is malformed or names a key the
            config does not have; model and data disagree about the codec.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f'{path}: is a folder: choose one of the configs in it')
    if not path.is_file():
        raise InputError(f'{path}: no such config file: choose one of configs/')
    if path.suffix in _WEIGHTS:
        raise InputError(f'{path}: holds weights: give the config first, then the checkpoint')
    try:
        config = Config.fromfile(path)
    except Exception as error:  # a config is a program: anything can go wrong in it
        raise InputError(f'{path}: cannot be read as a config ({type(error).__name__}: {error}): correct it') from error
    if 'model' not in config or 'codec' not in config:
        raise InputError(
            f'{path}: is not a model config of spondylo_mm (no `model` and `codec` in it): choose one of configs/'
        )
    _check_names(config, path)
    changes = _parse_options(options)
    for key, value in changes.items():
        _check_change(config, key, value, path)
    config.merge_from_dict(changes)
    try:
        if data_root is not None:
            _set_data_root(config, data_root)
        _keep_no_workers_where_there_are_none(config)
        _check_agreement(config, path)
    except (AttributeError, LookupError, TypeError) as error:
        raise InputError(f'{path}: lacks what every config here has ({_first_sentence(error)}): inherit one') from error
    _check_counts(config, path)
    return config


def _set_data_root(config: Config, data_root: str) -> None:
    """Of folders that a config joins, the one that it calls ``data_root`` is meant."""
    for name in DATALOADERS:
        inside = configs_inside(config[name].dataset, f'{name}.dataset')
        for dataset in inside:
            if len(inside) == 1 or dataset.data_root == config.data_root:
                dataset.data_root = data_root
    config.data_root = data_root


def _keep_no_workers_where_there_are_none(config: Config) -> None:
    for name in DATALOADERS:
        if config[name].num_workers == 0:
            config[name].persistent_workers = False  # torch refuses otherwise


@contextmanager
def built_from(config: Config, what: str) -> Iterator[None]:
    """Say which config it was, where building ``what`` from it fails.

    Raises:
        InputError: instead of any of ``_CONFIG_ERRORS``, which stays its cause.
    """
    try:
        yield
    except OSError:  # huggingface_hub's, of weights that are not there, are ValueErrors as well
        raise
    except _CONFIG_ERRORS as error:
        raise InputError(
            f'{config.filename}: {what} cannot be built as it says ({type(error).__name__}: {_first_sentence(error)}): '
            'correct the config or --cfg-options'
        ) from error


def check_seed(seed: int) -> None:
    """
    Raises:
        InputError: the seed is none that every generator takes.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise InputError(f'--seed {seed}: give a whole number from 0 to {LARGEST_SEED}')


def choose_device(device: str) -> str:
    """``auto`` to the GPU if there is one, and anything else checked.

    Raises:
        InputError: a device that is not there.
    """
    if device == 'auto':
        return 'cuda' if torch.cuda.is_available() else 'cpu'
    if device.startswith('cuda') and not torch.cuda.is_available():
        raise InputError(f'--device {device}: torch sees no GPU on this machine: use --device cpu')
    if device.split(':')[0] in _DEVICES_WITHOUT_MEMORY:
        raise InputError(f'--device {device}: nothing can be computed there: use auto, cpu or cuda')
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f'--device {device}: not usable ({str(error).splitlines()[0]}): use auto, cpu or cuda'
        ) from None
    return device


def without_pretraining(config: Config) -> Config:
    """Look for no pretrained weights: all come from a checkpoint, or the user wants none."""
    backbone = config.model.backbone
    if backbone.get('pretrained'):
        backbone.pretrained = False
    if is_pretrained(backbone.get('init_cfg')):
        del backbone.init_cfg  # then the backbone's own default
    return config


def check_frozen_stages(config: Config) -> None:
    """Refuse to freeze stages that the backbone does not have: MMPose finds out in the middle of building it.

    Raises:
        InputError: ``frozen_stages`` is no whole number from -1 (nothing) over 0 (the stem) to 4 (all).
    """
    frozen = config.model.backbone.get('frozen_stages', -1)
    if not isinstance(frozen, int) or not -1 <= frozen <= _NUM_STAGES:
        raise InputError(
            f'model.backbone.frozen_stages={frozen}: the backbone has {_NUM_STAGES} stages: give a number from -1 '
            f'(nothing frozen) over 0 (the stem) to {_NUM_STAGES}'
        )


def from_random_weights(config: Config) -> Config:
    """Train everything from random weights, also the stages that are frozen because they are pretrained."""
    config.model.backbone.pop('frozen_stages', None)
    return without_pretraining(config)


def pretrained_weights(config: Config) -> tuple[str, str] | None:
    """Name of the weights the backbone starts from and the option that names a file of them; None for random ones.

    timm's are loaded when the model is built, mmengine's ``init_cfg`` when the training starts.
    """
    backbone = config.model.backbone
    if backbone.get('pretrained'):
        return backbone.model_name, 'model.backbone.pretrained_cfg_overlay.file'
    if is_pretrained(backbone.get('init_cfg')):
        return backbone.init_cfg.checkpoint, 'model.backbone.init_cfg.checkpoint'
    return None


def is_pretrained(init_cfg: dict | list | None) -> bool:
    """Whether weights are loaded there, rather than drawn."""
    return isinstance(init_cfg, dict) and init_cfg.get('type') == 'Pretrained'


def _check_names(config: Config, path: Path) -> None:
    """Refuse a misspelt key, which would do nothing without a word. Configs also name what they use in several places,
    so that only a name very like one that is read can be told to be wrong."""
    for name in config:
        near = difflib.get_close_matches(name, _READ, n=1, cutoff=_ALIKE)
        if near and name not in _READ and not name.startswith(near[0]):  # model_small is a name of its own
            raise InputError(f'{path}: nothing reads {name}: did you mean {near[0]}?')


def _parse_options(options: Sequence[str]) -> dict:
    namespace = argparse.Namespace()
    for option in options:
        if '=' not in option:
            raise InputError(f'--cfg-options {option}: is not KEY=VALUE: write for example train_cfg.max_epochs=10')
        try:
            DictAction(['--cfg-options'], 'options')(None, namespace, [option])
        except AssertionError as error:
            raise InputError(f'--cfg-options {option}: {error}: close every bracket') from None
    return getattr(namespace, 'options', {})


def _check_change(config: Config, key: str, value: object, path: Path) -> None:
    """Refuse a key the config does not have or does not read any more: merging would add or change it, to no effect."""
    node = config._cfg_dict
    parts = key.split('.')
    if parts[0] in _USED_AS:
        raise InputError(
            f'--cfg-options {key}: changing {parts[0]} here would reach nothing that uses it: '
            f'change {_USED_AS[parts[0]]}'
        )
    for depth, part in enumerate(parts):
        known = (
            list(node)
            if isinstance(node, dict)
            else [str(i) for i in range(len(node))]
            if isinstance(node, (list, tuple))
            else []
        )
        if part not in known:
            where = '.'.join(parts[:depth]) or path.name
            near = difflib.get_close_matches(part, known, n=1)
            hint = f'did you mean {near[0]}?' if near else f'it has {", ".join(map(str, known)) or "no keys"}'
            raise InputError(
                f'--cfg-options {key}: {where} has no key {part!r}: {hint} (to add a key, inherit the config)'
            )
        node = node[part] if isinstance(node, dict) else node[int(part)]
    if isinstance(node, (int, float)) and not isinstance(value, (int, float, type(None))):
        raise InputError(f'--cfg-options {key}={value}: is {node} in the config: give a number or True/False')
    if isinstance(node, (dict, list, tuple)) and not isinstance(value, (dict, list, tuple, type(None))):
        held = ', '.join(map(str, node)) if isinstance(node, dict) else f'{len(node)} values'
        raise InputError(f'--cfg-options {key}={value}: holds {held} in the config: change one of those')


def _check_counts(config: Config, path: Path) -> None:
    for key, least in _LEAST.items():
        node = config._cfg_dict
        for part in key.split('.'):
            node = node.get(part) if isinstance(node, dict) else None
        if node is not None and (type(node) is not int or node < least):
            raise InputError(f'{path}: {key}={node!r}: give a whole number from {least} up')
    if isinstance(seed := config.get('randomness', {}).get('seed'), int):
        check_seed(seed)


def _first_sentence(error: Exception) -> str:
    lines = str(error.args[0] if error.args else error).strip().split('. ')[0].splitlines()
    return lines[0] if lines else 'no more is said'


def _check_agreement(config: Config, path: Path) -> None:
    """A model that decodes with other sizes than its samples were made for would be wrong without a word."""
    if config.codec != config.model.head.decoder:
        raise InputError(
            f'{path}: codec and model.head.decoder disagree: hand the codec to head and datasets, as demo.py'
        )
    inside = {loader: configs_inside(config[loader].dataset, f'{path}: {loader}.dataset') for loader in DATALOADERS}
    for loader in DATALOADERS[1:]:
        if inside[loader] != [config[loader].dataset]:
            raise InputError(f'{path}: {loader}.dataset: is a wrapper: only train_dataloader joins or repeats datasets')
    anchors = {dataset.get('anchor') for datasets in inside.values() for dataset in datasets}
    if len(anchors) > 1:
        raise InputError(f'{path}: the loaders count slots from different ends: give all three the same dataset.anchor')
    if config.codec.type == 'VertebraCenters' and 'cranial' in anchors:
        raise InputError(f'{path}: VertebraCenters learns from slot 0 what a sacrum is: give the loaders anchor=caudal')
    for loader in DATALOADERS:
        if config.data_root not in [dataset.data_root for dataset in inside[loader]]:
            raise InputError(f'{path}: data_root and {loader}.dataset.data_root disagree: give the loaders the same')
        if any(dataset.codec != config.model.head.decoder for dataset in inside[loader]):
            raise InputError(
                f'{path}: {loader}.dataset.codec and model.head.decoder disagree: give both the same codec'
            )
