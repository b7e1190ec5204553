"""The table, the reliability diagram and the JSON of what has been tested so far."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from images import SETS
from matplotlib.figure import Figure
from rows import ROWS, RUNS, SIZES

from spondylo_mm.atomic import atomic_path, write_json, write_text

HERE = Path(__file__).parent
_COLUMNS = dict(
    MRE='strict MRE',
    matched_MRE='matched MRE',
    identification='identified',
    vertebra_F1='F1',
    count_accuracy='count',
    **{'SDR@6px': 'SDR@6', 'SDR@24px': 'SDR@24'},
)
_IN_PX = ('MRE', 'matched_MRE')
BINS = 10
LABELS = ('labels', 'truth')  # what models are taught by


def write_report(results: Path, size: str) -> None:
    """Write results.json, results.md and reliability.png from the rows in ``results``."""
    rows = [
        dict(
            row=ROWS[int(path.name[:2])].says,
            run=ROWS[int(path.name[:2])].run,
            set=path.stem[3:],
            **json.loads(path.read_text()),
        )
        for path in sorted(results.glob('*.json'))
    ]
    if not rows:
        return
    suffix = '' if size == 'small' else f'_{size}'
    curves = {}  # by row, and what it is taught by
    for row in rows:
        curve = reliability(np.array([pair for image in row.pop('presence') for pair in image]))
        row['expected_calibration_error'] = curve['expected_calibration_error']
        if row['set'] == 'field':
            curves[row['row'], RUNS[row['run']].labels] = curve
    write_json(HERE / f'results{suffix}.json', dict(size=size, rows=rows), indent=1)
    write_text(HERE / f'results{suffix}.md', table(rows, size))
    _draw(curves, HERE / f'reliability{suffix}.png')


def _read(path: Path) -> dict:
    number, test_set = path.stem.split(' ', 1)
    row = ROWS[int(number)]
    return dict(row=row.says, run=row.run, set=test_set, **json.loads(path.read_text()))


def reliability(pairs: np.ndarray) -> dict:
    """How often there is a vertebra where one is predicted with a certain probability.

    Args:
        pairs: (N, 2) predicted probability, and whether there is one, 0 or 1.

    Returns:
        ``predicted``, ``observed`` and ``number`` per occupied bin of equal width, and ``expected_calibration_error``:
        the mean over slots of the difference of the first two (Naeini et al. 2015, doi 10.1609/aaai.v29i1.9602).
    """
    bins = np.minimum((pairs[:, 0] * BINS).astype(int), BINS - 1)
    number = np.bincount(bins, minlength=BINS)
    predicted, observed = (
        np.bincount(bins, weights=pairs[:, column], minlength=BINS)[number > 0] / number[number > 0]
        for column in (0, 1)
    )
    number = number[number > 0]
    error = float((np.abs(predicted - observed) * number).sum() / number.sum())
    return dict(
        predicted=predicted.tolist(),
        observed=observed.tolist(),
        number=number.tolist(),
        expected_calibration_error=error,
    )


def table(rows: list[dict], size: str) -> str:
    budget = SIZES[size]
    lines = [
        '# Which vertebra is which',
        '',
        f'{budget.train} phantoms to train on, {budget.test} to test on in each set; `{budget.slots}` and '
        f'`{budget.centers}`, {budget.epochs} epochs each, taught by labels (what annotators marked) or by truth '
        '(every visible vertebra); one seed. README.md says what the rows are not. Errors in px@512, with 95 % '
        'intervals over images; ECE is the expected calibration error of presence. Made by '
        f'`python benchmarks/identity/run.py{"" if size == "small" else " --size " + size}`.',
    ]
    for name in SETS:
        lines += ['', f'## {name}', '', '| taught by | row | ' + ' | '.join(_COLUMNS.values()) + ' | ECE | ms |']
        lines.append('|---|---|' + '---|' * (len(_COLUMNS) + 2))
        for row in rows:
            if row['set'] == name:
                cells = [_cell(row, key) for key in _COLUMNS]
                cells += [f'{row["expected_calibration_error"]:.3f}', f'{row["ms_per_image"]:.0f}']
                lines.append(f'| {RUNS[row["run"]].labels} | {row["row"]} | ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines) + '\n'


def _cell(row: dict, key: str) -> str:
    value, interval = row['metrics'][key], row['intervals'][key]
    if value is None:
        return '–'
    scale, digits = (1, 1) if key in _IN_PX else (100, 1)
    low, high = (scale * bound for bound in interval)
    return f'{scale * value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]'


def _draw(curves: dict[tuple[str, str], dict], path: Path) -> None:
    figure = Figure(figsize=(10, 5), layout='constrained')
    both = figure.subplots(1, len(LABELS), sharey=True)
    for axes, labels in zip(both, LABELS, strict=True):
        axes.plot([0, 1], [0, 1], color='0.7', linewidth=1)
        for (name, of), curve in curves.items():
            if of == labels:
                error = curve['expected_calibration_error']
                axes.plot(
                    curve['predicted'], curve['observed'], marker='o', markersize=4, label=f'{name}: ECE {error:.3f}'
                )
        axes.set(xlabel='predicted probability of a vertebra', title=f'field, taught by {labels}')
        axes.legend(fontsize=7, loc='upper center', bbox_to_anchor=(0.5, -0.14))
    both[0].set_ylabel('share of slots that have one')
    with atomic_path(path) as part:
        figure.savefig(part, dpi=120, format='png')
