"""What a training run left in its work dir, read back: mmengine's log and ``run.json``. No torch, no model."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..evaluation.functional.summary import SDR_PX
from .config_dump import read_config_dump

RECORD = 'run.json'  # written by engine.hooks.RunRecordHook
SCHEMA = 1
PREFIX = 'spondylo/'  # of every logged metric
_LOGS = '*/vis_data/scalars.json'  # one folder per session: a resumed run has several


@dataclass(frozen=True)
class Run:
    """One run, all its sessions merged.

    Attributes:
        name: tells it from the other runs.
        folder: its work dir.
        record: the content of ``run.json``; empty for a run that has none.
        training: epoch (from 1) to ``loss``, the mean of the epoch's log lines, and ``lr``, the rate at its end.
        validation: epoch to the metrics, named as in ``evaluation.functional.summary``, and ``loss``. Errors in px@512,
            shares from 0 to 1; any may be NaN.
    """

    name: str
    folder: Path
    record: dict
    training: Mapping[int, Mapping[str, float]]
    validation: Mapping[int, Mapping[str, float]]

    @property
    def epochs(self) -> int:
        """Epochs done; the one under way counts where the log has some of it."""
        return max([self.recorded('epochs') or 0, *self.training])

    @property
    def best_epoch(self) -> int | None:
        """The first epoch of the lowest strict MRE; None where none was measured."""
        return self.lowest('MRE')

    def lowest(self, metric: str) -> int | None:
        """The first epoch at which a validated quantity is lowest; None where it was never measured."""
        epochs, values = self.series(metric)
        measured = [(value, epoch) for epoch, value in zip(epochs, values, strict=True) if math.isfinite(value)]
        return min(measured)[1] if measured else None

    def best(self, metric: str) -> float | None:
        """A metric at the best epoch; None where it was not measured."""
        value = self.validation.get(self.best_epoch, {}).get(metric, math.nan)
        return value if math.isfinite(value) else None

    def series(self, metric: str) -> tuple[list[int], list[float]]:
        """Epochs and values of a validated quantity, NaN included."""
        return _series(self.validation, metric)

    def training_series(self, quantity: str) -> tuple[list[int], list[float]]:
        """Epochs and values of ``loss`` or ``lr``."""
        return _series(self.training, quantity)

    def curves(self) -> dict[str, tuple[list[int], list[float]]]:
        """What ``visualization.curves`` draws."""
        return dict(
            training_loss=self.training_series('loss'),
            validation_loss=self.series('loss'),
            MRE=self.series('MRE'),
            SDR=self.series(f'SDR@{SDR_PX[-1]}px'),
            lr=self.training_series('lr'),
        )

    def recorded(self, *keys: str) -> Any:
        """An entry of ``run.json``, as ``recorded('data', 'sha256')``; None where it is not there."""
        return reduce(lambda node, key: node.get(key) if isinstance(node, dict) else None, keys, self.record)

    def config(self) -> dict:
        """The full config, as mmengine dumped it at the last start, without the work dir and that it was resumed; empty
        where it was not dumped.

        Raises:
            InputError: it cannot be read.
        """
        dumps = sorted(self.folder.glob('*/vis_data/config.py'))
        if not dumps:
            return {}
        content = read_config_dump(dumps[-1])
        if content.get('resume'):
            content.update(resume=False, load_from=None)  # as at its first start
        content.pop('work_dir', None)
        return content


def read_runs(paths: Sequence[str | Path], on_error: Callable[[InputError], None]) -> list[Run]:
    """Read the runs of work dirs and of folders of work dirs, each once, in order of their paths.

    Runs are named by their path below the deepest folder that all share.

    Args:
        on_error: called for a path that holds no run and for a run that cannot be read; both are left out.

    Raises:
        InputError: nothing could be read.
    """
    folders: dict[Path, Path] = {}
    failures: list[InputError] = []
    for path in map(Path, paths):
        try:
            folders.update({folder.resolve(): folder for folder in find_runs(path)})
        except InputError as error:
            failures.append(error)
    shared = Path(os.path.commonpath([folder.parent for folder in folders])) if folders else None
    runs = []
    for resolved, folder in sorted(folders.items()):
        try:
            runs.append(read_run(folder, resolved.relative_to(shared).as_posix()))
        except InputError as error:
            failures.append(error)
    if not runs:
        raise failures[0]
    for failure in failures:
        on_error(failure)
    return runs


def find_runs(path: Path) -> list[Path]:
    """The work dir itself, or all below it.

    Raises:
        InputError: there is none.
    """
    if not path.is_dir():
        raise InputError(f'{path}: no such folder: give the work dir of a run, or a folder of work dirs')
    found = []
    for folder, subfolders, _ in os.walk(path):
        if _is_run(Path(folder)):
            found.append(Path(folder))
            subfolders.clear()  # its own
    if not found:
        raise InputError(f'{path}: holds no run (no {RECORD} and no {_LOGS}): give the work dir of tools/train.py')
    return found


def read_run(folder: Path, name: str | None = None) -> Run:
    """Read one run.

    A later session replaces what an earlier one logged of the same epochs *and of those after*: it went on from an
    earlier checkpoint, or began anew.

    Raises:
        InputError: a file of it is damaged, or it was trained by iterations.
    """
    training: dict[int, dict[str, float]] = {}
    validation: dict[int, dict[str, float]] = {}
    for log in sorted(folder.glob(_LOGS)):  # folders are named by their time
        trained, validated = _read_log(log)
        for merged, session in ((training, trained), (validation, validated)):
            for epoch in [epoch for epoch in merged if trained and epoch >= min(trained)]:
                del merged[epoch]
            merged.update(session)
    return Run(name or folder.resolve().name, folder, _read_record(folder / RECORD), training, validation)


def _is_run(folder: Path) -> bool:
    return (folder / RECORD).is_file() or next(folder.glob(_LOGS), None) is not None


def _read_log(path: Path) -> tuple[dict[int, dict[str, float]], dict[int, dict[str, float]]]:
    """Training and validation of one session by epoch."""
    losses: dict[int, list[float]] = {}
    rates: dict[int, float] = {}
    validation: dict[int, dict[str, float]] = {}
    rows = path.read_text(encoding='utf-8', errors='replace').splitlines()
    for number, row in enumerate(rows, start=1):
        try:
            line = json.loads(row)
            metrics = {key.removeprefix(PREFIX): float(line[key]) for key in line if key.startswith(PREFIX)}
            if metrics:
                validation[line['step']] = metrics
            elif 'loss' in line:
                epoch = line['epoch']
                # lr is that of the first parameter group, often a scaled one
                rates[epoch] = float(line.get('base_lr', line.get('lr', math.nan)))
                # the validation's loss is that of heatmaps: what presence adds to it is not to be seen beside that
                losses.setdefault(epoch, []).append(float(line.get('loss_heatmap', line['loss'])))
        except (ValueError, TypeError, KeyError, AttributeError):
            if number == len(rows):  # the process was killed while it wrote
                break
            raise InputError(
                f'{path}: line {number} is no log line of a training by epochs: restore the file or leave this run out'
            ) from None
    training = {epoch: dict(loss=sum(loss) / len(loss), lr=rates[epoch]) for epoch, loss in losses.items()}
    return training, validation


def _read_record(path: Path) -> dict:
    if not path.is_file():
        return {}
    try:
        record = json.loads(path.read_text(encoding='utf-8'))
        schema = record['schema']
    except (ValueError, KeyError, TypeError):
        raise InputError(f'{path}: is damaged: restore it, or remove it to do without') from None
    if schema != SCHEMA:
        raise InputError(f'{path}: has schema {schema}, expected {SCHEMA}: read it with the version that wrote it')
    return record


def _series(by_epoch: Mapping[int, Mapping[str, float]], key: str) -> tuple[list[int], list[float]]:
    epochs = [epoch for epoch in sorted(by_epoch) if key in by_epoch[epoch]]
    return epochs, [by_epoch[epoch][key] for epoch in epochs]
