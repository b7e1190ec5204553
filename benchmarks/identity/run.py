"""Which vertebra is which: train every row of the table on the same phantoms, test on films that show less and less.

    python benchmarks/identity/run.py                    # CPU-small: about two hours on two cores that have bf16
    python benchmarks/identity/run.py --size full        # one GPU
    python benchmarks/identity/run.py --runs truth       # one training and its rows
    python benchmarks/identity/run.py --report-only      # the table again, from the results so far

Every run is a work dir of tools/train.py in work_dirs/identity_<size>/ and is tested at its last epoch. What is there
is not done again. Presence has no threshold to tune: it is a probability, and half is half; what calibrates it is
learned from the validation phantoms.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import torch
from images import SETS, write_set
from mmengine.evaluator import Evaluator
from report import write_report
from rows import ROWS, RUNS, SIZES, Row, Size, config_text

from spondylo_mm.apis import SpineInferencer
from spondylo_mm.atomic import write_json
from spondylo_mm.engine.optim.bf16_optim_wrapper import cpu_computes_bf16

ROOT = Path(__file__).parents[2]
TRAIN_SEED, DATA_SEED = 0, 101
FORMATS = dict(labels='mendeley', truth='phantom-truth')


def main() -> None:
    args = parse_args()
    size = SIZES[args.size]
    work = ROOT / 'work_dirs' / f'identity_{args.size}'
    data = ROOT / 'data' / f'identity_{args.size}'
    if not args.report_only:
        make_data(data, size)
        for name in args.runs:
            train(name, size, work / name, data)
            for number, row in enumerate(ROWS):
                if row.run == name:
                    for test_set in SETS:
                        out = work / 'rows' / f'{number:02d} {test_set}.json'
                        test(row, work / name, data / test_set, size.test, out)
            write_report(work / 'rows', args.size)
    write_report(work / 'rows', args.size)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Which vertebra is which, row by row.')
    parser.add_argument('--size', choices=tuple(SIZES), default='small', help='budget (default: small, for two cores)')
    parser.add_argument('--runs', nargs='+', choices=tuple(RUNS), default=list(RUNS), help='trainings to do and test')
    parser.add_argument('--report-only', action='store_true', help='train and test nothing')
    return parser.parse_args()


def make_data(data: Path, size: Size) -> None:
    """Phantoms to train on, with annotators' labels and with the truth; the test sets."""
    raw = data / 'raw'
    if not (raw / 'truth.json').is_file():
        call('tools/make_phantom.py', raw, '--train', size.train, '--val', size.val, '--test', 0, '--seed', DATA_SEED)
    for name, format in FORMATS.items():
        if not (data / name / 'annotations' / 'val.json').is_file():
            call('tools/prepare_data.py', raw, '--format', format, '--out', data / name)
    for name in SETS:
        if not (data / name / 'annotations' / 'val.json').is_file():
            write_set(name, data / name, size.test)


def train(name: str, size: Size, work_dir: Path, data: Path) -> None:
    run = RUNS[name]
    if any(work_dir.glob('*.pth')):
        return
    work_dir.mkdir(parents=True, exist_ok=True)
    config = work_dir / f'{name}.py'
    config.write_text(config_text(run, size))
    more = [] if size is SIZES['full'] else ['--from-scratch']
    if torch.cuda.is_available() or cpu_computes_bf16():
        more += ['--amp', 'bf16']
    call(
        'tools/train.py',
        config,
        '--data-root',
        data / run.labels,
        '--work-dir',
        work_dir / 'run',
        '--seed',
        TRAIN_SEED,
        *more,
    )
    # there is one validation, after the last epoch: the best is the last
    (checkpoint,) = (work_dir / 'run').glob('best_spondylo_MRE_*.pth')
    checkpoint.rename(work_dir / checkpoint.name)


def test(row: Row, work_dir: Path, data: Path, number: int, out: Path) -> None:
    """Write the metrics of one row on ``number`` images of one test set, with its milliseconds per image."""
    if out.is_file():
        return
    (checkpoint,) = work_dir.glob('*.pth')
    inferencer = SpineInferencer(work_dir / f'{work_dir.name}.py', checkpoint, data_root=str(data))
    inferencer.config.test_dataloader.dataset.indices = number
    head = inferencer.model.head
    if not RUNS[row.run].is_order_free:
        head.together = row.together
        head.presence = head.presence if row.presence else None
    inferencer.model.test_cfg['coarse_to_fine'] = row.coarse_to_fine
    dataset = inferencer.dataset_of_split('val')
    start = time.perf_counter()
    samples = list(inferencer.predict(dataset, on_error=_stop))
    seconds = time.perf_counter() - start
    out.parent.mkdir(parents=True, exist_ok=True)
    metrics_file = out.with_suffix('.part')
    evaluator = Evaluator({**inferencer.config.test_evaluator, 'clinical': False, 'metrics_file': str(metrics_file)})
    evaluator.process(samples)
    evaluator.evaluate(len(samples))
    content = json.loads(metrics_file.read_text())
    metrics_file.unlink()
    kept = {key: content[key] for key in ('metrics', 'intervals', 'num_images', 'num_vertebrae')}
    presence = [_presence(sample) for sample in samples]
    write_json(out, kept | dict(ms_per_image=1000 * seconds / len(samples), presence=presence))


def _presence(sample: object) -> list[list[float]]:
    """Per slot of which it is known: the predicted probability of a vertebra, and whether there is one."""
    known = sample.slot_presence
    probabilities = sample.pred_instances.presence[0]
    return [[round(float(probabilities[slot]), 4), int(known[slot])] for slot in range(len(known)) if known[slot] >= 0]


def call(*command: object) -> None:
    subprocess.run([sys.executable, *map(str, command)], cwd=ROOT, check=True)


def _stop(error: Exception) -> None:
    raise error


if __name__ == '__main__':
    main()
