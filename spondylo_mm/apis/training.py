"""Training: a config, the command line's changes to it, and mmengine's runner."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process, master_only
from mmengine.logging import MMLogger, print_log
from mmengine.runner import Runner
from mmengine.visualization import Visualizer
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from .. import plugin  # noqa: F401 (the config's custom_imports do the same; here its cost is paid before the first error)
from ..atomic import atomic_path, make_output_folder
from ..datasets.loader_watch import LOST_CONTACT
from ..datasets.wrappers import datasets_inside
from ..engine.bare_model import bare_model
from ..engine.hooks.run_record_hook import FILE_NAME
from ..engine.optim.bf16_optim_wrapper import cpu_computes_bf16
from ..errors import DISK_ERRORS, InputError
from ..escaping import printable
from .checkpoints import load_weights, read_checkpoint
from .configs import (
    built_from,
    check_frozen_stages,
    check_seed,
    from_random_weights,
    load_config,
    pretrained_weights,
    without_pretraining,
)
from .fitting import check_parts_fit
from .leak_warning import leak_warning
from .pretraining import Pretraining, load_pretraining, no_waiting_for_the_network, take_pretraining
from .processes import prepare_processes
from .resuming import check_same_run, checkpoint_to_resume, resumable_epochs, resumed_from, run_settings

PRECISIONS = ('auto', 'bf16', 'fp16')


def train(
    config_path: str,
    *,
    data_root: str | None = None,
    work_dir: str | None = None,
    resume: str | bool = False,
    load_from: str | None = None,
    allow_partial: bool = False,
    amp: str | None = None,
    from_scratch: bool = False,
    seed: int | None = None,
    launcher: str = 'none',
    options: tuple[str, ...] = (),
) -> Path:
    """Train the model of a config and return the path of its best checkpoint; the last one if nothing was validated.

    Args:
        resume: ``True`` for the last checkpoint of ``work_dir``, or the path of one. The run goes on exactly as if it
            had not been stopped.
        load_from: a checkpoint whose weights the run starts from.
        allow_partial: start from weights that fit only in part, the backbone's or those of ``load_from``.
        amp: mixed precision, one of ``PRECISIONS``; ``'auto'`` is bf16 where the GPU has it, else fp16. A CPU
            that has bf16 takes half the time with it; no other does mixed precision.
        from_scratch: start from random weights instead of ImageNet's.
        launcher: mmengine's; ``none`` for one process.
        options: ``KEY=VALUE`` changes to the config.

    Raises:
        InputError: anything of the above that cannot be used.
    """
    config = load_config(config_path, options, data_root)
    config.work_dir = work_dir or config.get('work_dir') or str(Path('work_dirs') / Path(config_path).stem)
    check_frozen_stages(config)
    if seed is not None:
        check_seed(seed)
        config.randomness = dict(config.get('randomness', {}), seed=seed)
    if amp is not None:
        _use_mixed_precision(config, amp)
    if from_scratch:
        from_random_weights(config)
    resume = resume or (config.get('resume') and (config.get('load_from') or True))  # a config may say so too
    if resume and load_from:
        raise InputError('--load-from: a resumed run goes on from its own weights: give either --resume or --load-from')
    if resume:
        checkpoint, meta = checkpoint_to_resume(resume, Path(config.work_dir))
        check_same_run(config, checkpoint, meta)
        without_pretraining(config)
        config.resume, config.load_from = True, str(checkpoint)
    elif load_from or config.get('load_from'):
        config.load_from = load_from or config.load_from
        read_checkpoint(config.load_from)  # one that cannot be read is refused before anything is made
    if not resume and resumable_epochs(Path(config.work_dir)):
        raise InputError(
            f'{config.work_dir}: holds the checkpoints of another run, which would be taken for those of this one: go '
            'on with that one by --resume, choose another --work-dir, or remove it'
        )
    prepare_processes(config, launcher)
    with _no_folder_of_a_run_that_never_began(Path(config.work_dir)):
        make_output_folder(config.work_dir)
        runner = _build_runner(config)
        runner.allow_partial = allow_partial
        _check_batch_norm(runner)
        check_parts_fit(bare_model(runner.model), config)
        try:
            runner.train()
        except InputError as error:  # a loader worker's error arrives with that process's traceback in front of it
            raise InputError(
                str(error).strip().splitlines()[-1].removeprefix(f'{InputError.__module__}.InputError: ')
            ) from error
        except (RuntimeError, *LOST_CONTACT) as error:
            cause = _known_cause(runner, error)
            if cause is None:
                raise
            raise cause from error
    return _best_checkpoint(runner)


class _SpineRunner(Runner):
    """mmengine's runner, with whole checkpoints, complete weights and a quiet console.

    Checkpoints are written under a temporary name. Weights to start from are read by our own loader, which neither
    unpickles nor leaves anything random unsaid. Dumps of environment, config and options go to the log file only.
    """

    allow_partial = False
    _pretraining: Pretraining | None = None

    def build_logger(self, *args, **kwargs) -> MMLogger:
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(_is_for_the_console)
        return logger

    def build_model(self, model: dict | nn.Module) -> nn.Module:
        if isinstance(model, dict):
            model, self._pretraining = take_pretraining(model)
        return super().build_model(model)

    def build_train_loop(self, loop: object) -> object:
        with built_from(self.cfg, 'the training'):
            return super().build_train_loop(loop)

    def build_val_loop(self, loop: object) -> object:
        with built_from(self.cfg, 'the validation'):
            loop = super().build_val_loop(loop)
        trained, evaluated = (datasets_inside(of.dataloader.dataset) for of in (self.train_loop, loop))
        if (warning := leak_warning(trained, evaluated)) is not None:
            print_log(printable(warning), self.logger, logging.WARNING)
        return loop

    def build_optim_wrapper(self, optim_wrapper: object) -> object:
        with built_from(self.cfg, 'the optimizer'):
            return super().build_optim_wrapper(optim_wrapper)

    def build_param_scheduler(self, scheduler: object) -> object:
        with built_from(self.cfg, 'the learning rate schedule'):
            return super().build_param_scheduler(scheduler)

    def _init_model_weights(self) -> None:
        super()._init_model_weights()
        if self._pretraining and not self._resume:
            with _missing_weights_named(self.cfg), no_waiting_for_the_network():
                load_pretraining(bare_model(self.model).backbone, self._pretraining, self.allow_partial)

    def load_or_resume(self) -> None:
        if self._load_from and not self._has_loaded:
            # also where mmengine then resumes: it would go on from random weights in place of those that do not fit
            allow_partial = self.allow_partial and not self._resume
            load_weights(bare_model(self.model), self._load_from, allow_partial=allow_partial)
            self._has_loaded = not self._resume
        with resumed_from(self._load_from) if self._resume else nullcontext():
            super().load_or_resume()

    @master_only
    def save_checkpoint(self, out_dir: str, filename: str, *args, meta: dict | None = None, **kwargs) -> None:
        meta = dict(meta or {}, settings=run_settings(self.cfg))
        with atomic_path(Path(out_dir, filename)) as part:
            super().save_checkpoint(str(part.parent), part.name, *args, meta=meta, **kwargs)


def _is_for_the_console(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    return record.levelno > logging.INFO or not ('\n' in message or message.startswith('paramwise_options'))


def _build_runner(config: Config) -> _SpineRunner:
    _wait_for_a_name_of_its_own(config)
    with _missing_weights_named(config), built_from(config, 'the run'), ExitStack() as stack:
        if pretrained_weights(config):
            stack.enter_context(no_waiting_for_the_network())
        return _SpineRunner.from_cfg(config)


def _wait_for_a_name_of_its_own(config: Config) -> None:
    """MMEngine names a run by its config and the second, and two runs of a process with one name share logger and
    visualizer, which write to the folder of the first."""
    while Visualizer.check_instance_created(f'{Path(config.filename).stem}_{time.strftime("%Y%m%d_%H%M%S")}'):
        time.sleep(0.05)


@contextmanager
def _no_folder_of_a_run_that_never_began(work_dir: Path) -> Iterator[None]:
    """Remove the work dir of a training that fails before its first epoch, unless it had been there before; and name it
    where a disk was full and nobody said which."""
    is_new = not work_dir.exists()
    try:
        yield
    except Exception as error:
        if isinstance(error, OSError) and error.errno in DISK_ERRORS and error.filename is None:  # of a log file, say
            error.filename = str(work_dir)
        has_begun = (work_dir / FILE_NAME).exists() or any(work_dir.glob('*.pth'))
        if is_new and not has_begun and is_main_process():
            shutil.rmtree(work_dir, ignore_errors=True)
        raise


def _known_cause(runner: Runner, error: Exception) -> InputError | None:
    """What the user can do about an error in the middle of training, where that is known."""
    if isinstance(error, torch.cuda.OutOfMemoryError):
        return InputError(
            f'train_dataloader.batch_size={runner.train_dataloader.batch_size}: the GPU has too little memory '
            f'({str(error).split(". ")[0]}): lower it'
        )
    loaders = [runner.train_dataloader] + ([runner.val_dataloader] if runner.val_loop else [])
    for loader in loaders:
        found = [dataset.read_when_a_worker_died(error) for dataset in datasets_inside(loader.dataset)]
        if not any(found):
            continue
        images, how = [image for died in found if died for image in died[0]], next(filter(None, found))[1]
        which = ', '.join(images) or 'no image'
        return InputError(
            f'{which}: was being read when its loader worker died ({how}): check the file, or lower '
            'train_dataloader.num_workers if memory is short'
        )
    return None


@contextmanager
def _missing_weights_named(config: Config) -> Iterator[None]:
    """timm looks for pretrained weights when the model is built, ours when the training starts."""
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


def _use_mixed_precision(config: Config, amp: str) -> None:
    if amp not in PRECISIONS:
        raise InputError(f'--amp {amp}: choose one of {", ".join(PRECISIONS)}')
    if not torch.cuda.is_available():
        if amp == 'fp16' or not cpu_computes_bf16():
            raise InputError(
                f'--amp {amp}: torch sees no GPU here, and this processor is not faster at that than at float32: leave '
                'it out'
            )
        config.optim_wrapper.type = 'Bf16OptimWrapper'
        return
    if amp == 'auto':
        amp = 'bf16' if torch.cuda.is_bf16_supported(including_emulation=False) else 'fp16'
    config.optim_wrapper.type = 'AmpOptimWrapper'
    if amp == 'bf16':  # has the range of float32: no scaling of the loss
        config.optim_wrapper.update(dtype='bfloat16', loss_scale=1.0)
    else:
        config.optim_wrapper.update(dtype='float16', loss_scale='dynamic')


def _check_batch_norm(runner: Runner) -> None:
    """BatchNorm over one image makes of every image the same mean and contrast, and of validation something else."""
    if runner.train_dataloader.batch_size > 1 or runner.world_size > 1:
        return
    model = runner.model.train()
    if any(isinstance(module, _BatchNorm) and module.training for module in model.modules()):
        raise InputError(
            'train_dataloader.batch_size=1: the model has BatchNorm, which needs at least 2 images: use a larger '
            'batch, or a smaller input if memory is short'
        )


def _best_checkpoint(runner: Runner) -> Path:
    known = runner.message_hub.runtime_info
    best = next((known[name] for name in ('best_ckpt_spondylo/MRE', 'best_ckpt') if name in known), None)
    return Path(best or known['last_ckpt'])
