"""Runs side by side: a table as text, Markdown or CSV."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..escaping import csv_text, printable
from ..evaluation.functional.radial_errors import REFERENCE_SIZE
from ..evaluation.functional.summary import SDR_PX
from .runs import Run

UNKNOWN = '–'
HASH_DIGITS = 8  # enough to tell data sets apart
_NEAR, _FAR = (f'SDR@{radius}px' for radius in (SDR_PX[0], SDR_PX[-1]))
_HEADER = (
    'run', f'MRE px@{REFERENCE_SIZE:.0f}', 'matched MRE', f'{_NEAR} %', f'{_FAR} %', 'parameters', 'time', 'best epoch',
    'seed', 'data',
)  # fmt: skip
_CSV_COLUMNS = (
    'run', 'folder', 'MRE', 'matched_MRE', _NEAR, _FAR, 'parameters', 'seconds', 'best_epoch', 'epochs', 'max_epochs',
    'seed', 'data_sha256',
)  # fmt: skip


def ranked(runs: Sequence[Run]) -> list[Run]:
    """Sorted by strict MRE at the best epoch; runs that have none come last."""
    return sorted(runs, key=lambda run: (run.best('MRE') is None, run.best('MRE'), run.name))


def format_runs(runs: Sequence[Run]) -> str:
    """The table for a console, with a note where its rows cannot be compared."""
    rows = [_HEADER, *map(_cells, ranked(runs))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ['  '.join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]
    return '\n'.join([*lines, *(f'note: {note}' for note in notes(runs))])


def markdown_runs(runs: Sequence[Run]) -> str:
    """The same table in GitHub's Markdown."""
    rows = [_HEADER, ('---', *['---:'] * (len(_HEADER) - 1)), *map(_cells, ranked(runs))]
    lines = ['| ' + ' | '.join(cell.replace('|', r'\|') for cell in row) + ' |' for row in rows]
    return '\n'.join([*lines, *(f'\nNote: {note}.' for note in notes(runs))]) + '\n'


def csv_runs(runs: Sequence[Run]) -> str:
    """The same table for programs: nothing rounded, shares from 0 to 1, seconds, the whole hash; unknown is empty."""
    rows = [_CSV_COLUMNS]
    for run in ranked(runs):
        metrics = [run.best(name) for name in ('MRE', 'matched_MRE', _NEAR, _FAR)]
        times = [run.recorded('seconds'), run.best_epoch, run.epochs, run.recorded('max_epochs')]
        rows.append(
            [run.name, run.folder, *metrics, run.recorded('parameters'), *times, run.recorded('seed'), _hash(run)]
        )
    return csv_text(rows)


def notes(runs: Sequence[Run]) -> list[str]:
    """Why rows of the table cannot be compared."""
    data = {_hash(run) for run in runs} - {None}
    unfinished = [run.name for run in ranked(runs) if _is_unfinished(run)]
    found = []
    if len(data) > 1:
        found.append(f'the runs saw {len(data)} different sets of annotations (column data): errors are not comparable')
    if unfinished:
        found.append(f'stopped early or still under way: {", ".join(unfinished)}')
    return found


def format_duration(seconds: float | None) -> str:
    """As ``45 s``, ``6 min 41 s`` or ``1 h 02 min``."""
    if seconds is None:
        return UNKNOWN
    minutes, rest = divmod(round(seconds), 60)
    hours, rest_minutes = divmod(minutes, 60)
    return f'{hours} h {rest_minutes:02} min' if hours else f'{minutes} min {rest:02} s' if minutes else f'{rest} s'


def _cells(run: Run) -> tuple[str, ...]:
    parameters, seed, digest = run.recorded('parameters'), run.recorded('seed'), _hash(run)
    epochs = f'{run.best_epoch or UNKNOWN}/{run.epochs}'
    return (
        printable(run.name),
        _number(run.best('MRE'), '.2f'),
        _number(run.best('matched_MRE'), '.2f'),
        _number(run.best(_NEAR), '.1f', 100),
        _number(run.best(_FAR), '.1f', 100),
        UNKNOWN if parameters is None else f'{parameters / 1e6:.2f} M',
        format_duration(run.recorded('seconds')),
        f'{epochs} of {run.recorded("max_epochs")}' if _is_unfinished(run) else epochs,
        UNKNOWN if seed is None else str(seed),
        UNKNOWN if digest is None else digest[:HASH_DIGITS],
    )


def _is_unfinished(run: Run) -> bool:
    return run.epochs < (run.recorded('max_epochs') or 0)


def _hash(run: Run) -> str | None:
    return run.recorded('data', 'sha256')


def _number(value: float | None, form: str, scale: float = 1) -> str:
    return UNKNOWN if value is None or math.isnan(value) else format(scale * value, form)
