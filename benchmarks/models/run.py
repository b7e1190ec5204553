"""Train the published recipe, ours, and ours with one published fault each, on the same phantoms with the same budget.

    python benchmarks/models/run.py                      # CPU-small: hours on two cores
    python benchmarks/models/run.py --size full          # one GPU
    python benchmarks/models/run.py --report-only        # the table and the figure again, from the results so far

Every run is a work dir of tools/train.py in work_dirs/benchmark_<size>/ and is evaluated by tools/test.py at its *last*
epoch: choosing the best epoch on the split that is reported would flatter the restless. Runs that are finished are not
done again; results.json, results.md and results.png beside this file are written anew after each.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from report import write_report
from rows import CONFIGS, ROWS, SIZES, build

from spondylo_mm.atomic import atomic_path

ROOT = Path(__file__).parents[2]
DATA_SEED = 0


def main() -> None:
    args = parse_args()
    size = SIZES[args.size]
    work = ROOT / 'work_dirs' / f'benchmark_{args.size}'
    data = ROOT / 'data' / f'benchmark_{args.size}'
    if not args.report_only:
        make_data(data, size.train, size.val)
        for seed in args.seeds:
            for name in args.rows:
                run_one(name, seed, args, work / f'{name}_seed{seed}', data)
                write_report(work, args.size)
    write_report(work, args.size)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Published recipe against ours, and what each repair is worth.')
    parser.add_argument('--size', choices=tuple(SIZES), default='small', help='budget (default: small, for two cores)')
    parser.add_argument('--rows', nargs='+', choices=tuple(ROWS), default=list(ROWS), help='models to train')
    parser.add_argument('--seeds', nargs='+', type=int, default=[0], help='one run of each row per seed')
    parser.add_argument('--report-only', action='store_true', help='train nothing, write table and figure')
    return parser.parse_args()


def make_data(data: Path, train: int, val: int) -> None:
    """Phantoms as the dataset is: two corner orders, and annotators who begin where they like."""
    if not (data / 'truth.json').is_file():
        call('tools/make_phantom.py', data, '--train', train, '--val', val, '--seed', DATA_SEED)
    if not (data / 'annotations' / 'train.json').is_file():
        call('tools/prepare_data.py', data)


def run_one(name: str, seed: int, args: argparse.Namespace, work_dir: Path, data: Path) -> None:
    size = SIZES[args.size]
    if (work_dir / 'val' / 'metrics.json').is_file():
        return
    print(f'== {name}, seed {seed}', flush=True)
    config = work_dir.with_suffix('.py')
    with atomic_path(config) as part:
        part.parent.mkdir(parents=True, exist_ok=True)
        build(ROWS[name], size, data).dump(part)
    trained = work_dir
    if ROWS[name].judges:
        trained = work_dir.with_name(f'{ROWS[name].judges}_seed{seed}')
    else:
        resume = ['--resume'] if list(work_dir.glob('epoch_*.pth')) else []
        call('tools/train.py', config, '--work-dir', work_dir, '--seed', seed, *size.train_options, *resume)
    call('tools/test.py', config, trained / f'epoch_{size.epochs}.pth', '--out', work_dir / 'val')


def call(tool: str, *arguments: object) -> None:
    # the switches of the faults are no part of the package
    path = os.pathsep.join(filter(None, [str(CONFIGS / 'published'), os.environ.get('PYTHONPATH')]))
    command = [sys.executable, str(ROOT / tool), *map(str, arguments)]
    subprocess.run(command, check=True, cwd=ROOT, env=os.environ | {'PYTHONPATH': path})


if __name__ == '__main__':
    main()
