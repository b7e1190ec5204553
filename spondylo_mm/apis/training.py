"""Training: a config, the command line's changes to it, and mmengine's runner."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.runner import Runner, find_latest_checkpoint

from .. import plugin  # noqa: F401 (the config's custom_imports do the same; here its cost is paid before the first error)
from ..atomic import make_output_folder
from ..command_line import DISK_ERRORS
from ..errors import InputError
from .checkpoints import check_resumable
from .configs import from_random_weights, load_config, pretrained_weights, without_pretraining


def train(
    config_path: str,
    *,
    data_root: str | None = None,
    work_dir: str | None = None,
    resume: str | bool = False,
    amp: bool = False,
    from_scratch: bool = False,
    seed: int | None = None,
    launcher: str = 'none',
    options: tuple[str, ...] = (),
) -> Path:
    """Train the model of a config and return the path of its best checkpoint; the last one if nothing was validated.

    Args:
        resume: ``True`` for the last checkpoint of ``work_dir``, or the path of one.
        from_scratch: start from random weights instead of ImageNet's.
        launcher: mmengine's; ``none`` for one process.
        options: ``KEY=VALUE`` changes to the config.

    Raises:
        InputError: anything of the above that cannot be used.
    """
    config = load_config(config_path, options, data_root)
    config.work_dir = work_dir or config.get('work_dir') or str(Path('work_dirs') / Path(config_path).stem)
    config.launcher = launcher
    if seed is not None:
        config.randomness = dict(config.get('randomness', {}), seed=seed)
    if resume:
        config.resume = True
        config.load_from = str(_checkpoint_to_resume(resume, Path(config.work_dir)))
    if amp:
        _use_mixed_precision(config)
    if resume:
        without_pretraining(config)
    if from_scratch:
        from_random_weights(config)
    make_output_folder(config.work_dir)
    runner = _build_runner(config)
    try:
        runner.train()
    except InputError as error:  # a loader worker's error arrives with that process's traceback in front of it
        raise InputError(
            str(error).strip().splitlines()[-1].removeprefix(f'{InputError.__module__}.InputError: ')
        ) from error
    return _best_checkpoint(runner)


class _ConciseRunner(Runner):
    """mmengine's runner, whose dumps of environment, config and options go to the log file only."""

    def build_logger(self, *args, **kwargs) -> MMLogger:
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(_is_for_the_console)
        return logger

    def _init_model_weights(self) -> None:
        with _missing_weights_named(self.cfg):
            super()._init_model_weights()


def _is_for_the_console(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    return record.levelno > logging.INFO or not ('\n' in message or message.startswith('paramwise_options'))


def _build_runner(config: Config) -> Runner:
    with _missing_weights_named(config):
        return _ConciseRunner.from_cfg(config)


@contextmanager
def _missing_weights_named(config: Config) -> Iterator[None]:
    """timm looks for pretrained weights when the model is built, mmengine when the training starts."""
    try:
        yield
    except OSError as error:
        weights = pretrained_weights(config)
        if weights is None or error.errno in DISK_ERRORS:  # a full disk is no fault of the weights
            raise
        name, option = weights
        raise InputError(
            f'the pretrained weights of {name} cannot be had ({type(error).__name__}): give a file that you have with '
            f'--cfg-options {option}=PATH, or start from random weights with --from-scratch'
        ) from error


def _use_mixed_precision(config: Config) -> None:
    if not torch.cuda.is_available():
        raise InputError('--amp: mixed precision needs a GPU and torch sees none on this machine: leave it out')
    config.optim_wrapper.type = 'AmpOptimWrapper'
    config.optim_wrapper.setdefault('loss_scale', 'dynamic')


def _checkpoint_to_resume(resume: str | bool, work_dir: Path) -> Path:
    if resume is True:
        # mmengine would quietly start anew, and from random weights, where there is nothing to resume
        path = find_latest_checkpoint(str(work_dir)) if work_dir.is_dir() else None
        if path is None:
            raise InputError(f'--resume: {work_dir} holds no checkpoint: leave it out to start a new run')
        return check_resumable(path)
    if not Path(resume).is_file():
        raise InputError(
            f'--resume {resume}: no such checkpoint: give a .pth file, or --resume alone for the last of the work dir'
        )
    return check_resumable(resume)


def _best_checkpoint(runner: Runner) -> Path:
    hub = runner.message_hub
    best = hub.get_info('best_ckpt') if 'best_ckpt' in hub.runtime_info else None
    return Path(best or hub.get_info('last_ckpt'))
