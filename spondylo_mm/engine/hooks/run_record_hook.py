"""What a run was: everything that is needed to compare it with another one or to do it again."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import sys
import time
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from mmpose.registry import HOOKS

from ... import __version__
from ...atomic import write_json
from ...datasets.wrappers import datasets_inside
from ..bare_model import bare_model

FILE_NAME = 'run.json'
SCHEMA = 1
_PACKAGES = ('torch', 'mmengine', 'mmcv', 'mmpose', 'timm', 'numpy')
_SOURCE = Path(__file__).parents[2]  # the package


@HOOKS.register_module()
class RunRecordHook(Hook):
    """Write ``run.json`` to the work dir and keep it up to date.

    Beside mmengine's log and full config it holds: the command, seed, versions, git commit of this package (and
    whether files had been modified), device, parameters, a hash of the annotations (which hold a hash of the images),
    epochs done, and the seconds they took, training and validation, over all sessions of the run.
    """

    def before_train(self, runner: Any) -> None:
        self._started = time.monotonic()
        self._seconds_before = float(runner.message_hub.runtime_info.get('seconds', 0.0))
        if is_main_process():
            path = Path(runner.work_dir, FILE_NAME)
            is_resumed = runner.epoch > 0 and path.is_file()
            self._record = json.loads(path.read_text()) if is_resumed else self._describe(runner)
            self._record['max_epochs'] = runner.max_epochs  # a resumed run may have been given more
            self._write(runner)

    def after_train_epoch(self, runner: Any) -> None:
        self._update(runner, runner.epoch + 1)

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        self._update(runner, runner.epoch)

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        checkpoint['meta']['data_sha256'] = self._record['data']['sha256']  # predictions name it

    def _update(self, runner: Any, epochs: int) -> None:
        seconds = self._seconds_before + time.monotonic() - self._started
        runner.message_hub.update_info('seconds', seconds)
        if is_main_process():
            self._record.update(epochs=epochs, seconds=round(seconds, 1))
            self._write(runner)

    def _write(self, runner: Any) -> None:
        write_json(Path(runner.work_dir, FILE_NAME), self._record, indent=2)

    @staticmethod
    def _describe(runner: Any) -> dict:
        parameters = list(bare_model(runner.model).parameters())
        return dict(
            schema=SCHEMA,
            config=str(runner.cfg.filename),
            command=sys.argv,
            started=datetime.now(timezone.utc).isoformat(timespec='seconds'),
            seed=runner.seed,
            deterministic=bool(runner.cfg.get('randomness', {}).get('deterministic', False)),
            parameters=sum(parameter.numel() for parameter in parameters),
            trainable_parameters=sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
            device=torch.cuda.get_device_name() if torch.cuda.is_available() else 'cpu',
            processes=get_world_size(),
            data=_describe_data(runner),
            git=_git_state(),
            versions=_versions(),
            epochs=0,
            seconds=0.0,
        )


def _describe_data(runner: Any) -> dict:
    trained = datasets_inside(runner.train_dataloader.dataset)
    evaluated = [] if runner.val_loop is None else [runner.val_dataloader.dataset]
    digest = hashlib.sha256()
    for dataset in (*trained, *evaluated):
        digest.update(Path(dataset.ann_file).read_bytes())
    roots = list(dict.fromkeys(str(dataset.data_root) for dataset in trained))
    return dict(
        root=str(runner.cfg.data_root),
        **(dict(train_roots=roots) if len(roots) > 1 else {}),
        sha256=digest.hexdigest(),
        train_images=sum(map(len, trained)),
        val_images=sum(map(len, evaluated)),
    )


def _versions() -> dict[str, str]:
    versions = dict(spondylo_mm=__version__, python=platform.python_version())
    distributions = metadata.packages_distributions()
    for name in _PACKAGES:  # mmengine's distribution may be called onedl-mmengine
        versions[name] = metadata.version(distributions[name][0])
    return versions


def _git_state() -> dict | None:
    """Commit of the package's sources; None where they are not under version control, or git is not there."""
    try:
        _git('ls-files', '--error-unmatch', '__init__.py')  # an environment may lie in somebody else's repository
        return dict(commit=_git('rev-parse', 'HEAD'), modified=bool(_git('status', '--porcelain')))
    except (OSError, subprocess.SubprocessError):
        return None


def _git(*arguments: str) -> str:
    command = ['git', '-C', str(_SOURCE), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout.strip()
