"""How many phantoms does it take? The order-free model on ever more of them, with the same number of steps.

    python benchmarks/identity/run.py --runs truth_centers   # draws the phantoms
    python benchmarks/phantom/curve.py REAL_DIR              # a quarter of an hour per number on one core

Three epochs of 3000 phantoms, or as many steps on fewer. Tested as transfer.py tests: on other phantoms, and on the
labelled radiographs of REAL_DIR, which choose nothing. Writes curve.json, curve.md and curve.png beside this file.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from matplotlib.figure import Figure
from transfer import cells, evaluate, predict

from spondylo_mm.atomic import atomic_path, write_json, write_text
from spondylo_mm.datasets.prepare import prepare

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
WORK, DATA = ROOT / 'work_dirs' / 'phantom_curve', ROOT / 'data' / 'identity_small' / 'truth'
CONFIG = ROOT / 'configs' / 'phantoms_only_centers.py'
NUMBERS, ALL, EPOCHS_OF_ALL, SEED = (100, 1000, 3000), 3000, 3, 0
METRICS = {
    'matched_MRE': 'matched MRE, px@512',
    'vertebra_F1': 'F1',
    'identification': 'identified',
    'MRE': 'strict MRE',
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('real', metavar='REAL_DIR', type=Path, help="radiographs in the dataset's layout")
    parser.add_argument('--numbers', nargs='+', type=int, default=list(NUMBERS), help='of phantoms to train on')
    parser.add_argument('--train-only', action='store_true', help='test nothing')
    args = parser.parse_args()
    for number in args.numbers:
        train(number)
    if args.train_only:
        return
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        prepared = prepare(args.real, folder)
        labelled = [split for split in ('train', 'val') if prepared.of_split(split)]
        for number in args.numbers:
            for data, splits, where in ((DATA, ['val'], 'phantoms'), (folder, labelled, 'patients')):
                samples, inferencer = predict(WORK / f'phantoms_{number}', data, splits, {})
                rows.append(dict(phantoms=number, data=where, **evaluate(inferencer, samples)))
    write_json(HERE / 'curve.json', dict(rows=rows), indent=1)
    write_text(HERE / 'curve.md', table(rows))
    draw(rows, HERE / 'curve.png')


def train(number: int) -> None:
    """Train on the first ``number`` phantoms, unless that has been done."""
    epochs = EPOCHS_OF_ALL * ALL // number
    work_dir = WORK / f'phantoms_{number}'
    if any(work_dir.glob('epoch_*.pth')):
        return
    work_dir.mkdir(parents=True, exist_ok=True)
    config = work_dir / f'{work_dir.name}.py'
    config.write_text(
        f"_base_ = ['{CONFIG}']\n"
        f'train_dataloader = dict(dataset=dict(indices={number}))\n'
        f'train_cfg = dict(max_epochs={epochs}, val_interval={epochs})\n'
        f'default_hooks = dict(checkpoint=dict(interval={epochs}))\n'
        "param_scheduler = [dict(type='LinearLR', start_factor=0.01, begin=0, "
        f'end={0.1 * epochs}, by_epoch=True, convert_to_iter_based=True), '
        f"dict(type='CosineAnnealingLR', eta_min=1e-5, begin={0.1 * epochs}, end={epochs}, T_max={0.9 * epochs}, "
        'by_epoch=True, convert_to_iter_based=True)]\n'
    )
    where = ['--data-root', DATA, '--work-dir', work_dir / 'run', '--seed', SEED, '--from-scratch']
    subprocess.run([sys.executable, *map(str, ['tools/train.py', config, *where])], cwd=ROOT, check=True)
    for checkpoint in (work_dir / 'run').glob('epoch_*.pth'):
        checkpoint.rename(work_dir / checkpoint.name)


def table(rows: list[dict]) -> str:
    lines = [
        '# How many phantoms?',
        '',
        f'`{CONFIG.name}`, {EPOCHS_OF_ALL * ALL // 8} steps of 8 in all, one seed; 95 % intervals over images. Made by '
        '`python benchmarks/phantom/curve.py REAL_DIR`.',
        '',
        '| phantoms | tested on | images | ' + ' | '.join(METRICS.values()) + ' |',
        '|---|---|---|' + '---|' * len(METRICS),
    ]
    for row in rows:
        what = f'| {row["phantoms"]} | {row["data"]} | {row["num_images"]} | '
        lines.append(what + ' | '.join(cells(row, METRICS)) + ' |')
    return '\n'.join(lines) + '\n'


def draw(rows: list[dict], path: Path) -> None:
    figure = Figure(figsize=(8, 3.5), layout='constrained')
    for axes, (key, says) in zip(figure.subplots(1, 2), list(METRICS.items())[:2], strict=True):
        for where in ('phantoms', 'patients'):
            points = [row for row in rows if row['data'] == where]
            numbers = [row['phantoms'] for row in points]
            values = [row['metrics'][key] for row in points]
            low, high = zip(*(row['intervals'][key] for row in points), strict=True)
            line = axes.plot(numbers, values, marker='o', label=f'on {where}')[0]
            axes.fill_between(numbers, low, high, color=line.get_color(), alpha=0.15)
        axes.set(xscale='log', xlabel='phantoms trained on', ylabel=says)
        axes.legend()
    with atomic_path(path) as part:
        figure.savefig(part, dpi=120, format='png')


if __name__ == '__main__':
    main()
