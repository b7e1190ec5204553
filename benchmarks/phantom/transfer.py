"""What a model that has seen nothing but phantoms makes of the radiographs of patients.

    python benchmarks/identity/run.py --runs truth truth_centers    # trains: an hour each on one core
    python benchmarks/phantom/transfer.py REAL_DIR                  # tests them, and the model of benchmarks/clinical
    python benchmarks/phantom/transfer.py REAL_DIR --runs closeups  # tests some; the other rows stay as they were

REAL_DIR is a folder in the dataset's layout. Its labelled radiographs choose nothing: recipe, epoch and thresholds are
those of the phantoms. Writes transfer.json and transfer.md beside this file, and pictures of every radiograph, blind
ones too, to work_dirs/transfer/: look at them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path

from mmengine.evaluator import Evaluator

from spondylo_mm.apis.inferencer import SpineInferencer, raise_error, record_of
from spondylo_mm.apis.predictions import overlay_names, write_overlay, write_predictions
from spondylo_mm.apis.testing import truth_of
from spondylo_mm.atomic import write_json, write_text
from spondylo_mm.datasets.prepare import prepare

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
IDENTITY, CLOSEUPS = ROOT / 'work_dirs' / 'identity_small', ROOT / 'work_dirs' / 'closeups'
PHANTOMS = {IDENTITY: ROOT / 'data' / 'identity_small' / 'truth', CLOSEUPS: ROOT / 'data' / 'slips' / 'truth'}
RUNS = {  # folder, work dir in it, config and how it is decoded
    'slots': (IDENTITY, 'truth', 'truth.py', {}),
    'order-free': (IDENTITY, 'truth_centers', 'truth_centers.py', dict(coarse_to_fine=False)),
    'order-free, coarse to fine': (IDENTITY, 'truth_centers', 'truth_centers.py', dict(coarse_to_fine=True)),
    'taught by closeups, without them': (CLOSEUPS, '', 'phantoms_only_closeups.py', dict(closeups=False)),
    'closeups': (CLOSEUPS, '', 'phantoms_only_closeups.py', dict(closeups=True)),
}
METRICS = {
    'matched_MRE': 'matched MRE', 'vertebra_F1': 'F1', 'vertebra_precision': 'precision', 'vertebra_recall': 'recall',
    'identification': 'identified', 'MRE': 'strict MRE', 'SDR@6px': 'SDR@6', 'SDR@24px': 'SDR@24',
    'slip_MAE': 'slip MAE', 'slip_bias': 'slip bias',
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description='Models trained on phantoms only, on real radiographs.')
    parser.add_argument('real', metavar='REAL_DIR', type=Path, help="radiographs in the dataset's layout")
    parser.add_argument('--runs', nargs='+', choices=tuple(RUNS), default=list(RUNS), help='rows to make anew')
    args = parser.parse_args()
    results = HERE / 'transfer.json'
    earlier = json.loads(results.read_text())['rows'] if results.is_file() else []
    rows = [row for row in earlier if row['model'] in RUNS and row['model'] not in args.runs]
    with tempfile.TemporaryDirectory() as folder:
        prepared = prepare(args.real, folder)
        labelled = [split for split in ('train', 'val') if prepared.of_split(split)]
        for says in args.runs:
            root, name, *run = RUNS[says]
            for data, splits, where in ((PHANTOMS[root], ['val'], 'phantoms'), (folder, labelled, 'patients')):
                samples, inferencer = predict(root / name, *run, data, splits)
                rows.append(dict(model=says, data=where, **evaluate(inferencer, samples)))
                if where == 'patients':
                    blind, _ = predict(root / name, *run, data, ['test']) if prepared.of_split('test') else ([], None)
                    draw([*samples, *blind], ROOT / 'work_dirs' / 'transfer' / says, inferencer)
    rows.sort(key=lambda row: list(RUNS).index(row['model']))
    write_json(results, dict(rows=rows), indent=1)
    write_text(HERE / 'transfer.md', table(rows))


def predict(
    work_dir: Path, config: str, test_cfg: dict, data: str | Path, splits: list[str]
) -> tuple[list, SpineInferencer]:
    *_, checkpoint = sorted(work_dir.glob('*.pth'), key=lambda path: (path.name.startswith('best_spondylo_MRE'), path))
    inferencer = SpineInferencer(work_dir / config, checkpoint, data_root=str(data))
    inferencer.model.test_cfg.update(test_cfg)
    datasets = [inferencer.dataset_of_split(split) for split in splits]
    return [sample for each in datasets for sample in inferencer.predict(each, on_error=raise_error)], inferencer


def evaluate(inferencer: SpineInferencer, samples: list) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        metrics_file = Path(folder) / 'metrics.json'
        evaluator = Evaluator({**inferencer.config.test_evaluator, 'clinical': True, 'metrics_file': str(metrics_file)})
        evaluator.process(samples)
        evaluator.evaluate(len(samples))
        content = json.loads(metrics_file.read_text())
    return {key: content[key] for key in ('num_images', 'num_vertebrae', 'metrics', 'intervals')}


def draw(samples: list, folder: Path, inferencer: SpineInferencer) -> None:
    records = {sample.file_name: record_of(sample) for sample in samples}
    write_predictions(folder, records, inferencer.description)
    for sample, picture in zip(samples, overlay_names(list(records)).values(), strict=True):
        record = records[sample.file_name]
        write_overlay(folder / 'overlays' / picture, Path(sample.img_path), record, truth_of(sample))


def table(rows: list[dict]) -> str:
    lines = [
        '# Trained on phantoms, tested on patients',
        '',
        'Errors in px@512, shares in percent, slips in points of %, with 95 % intervals over images, wide where there '
        'are five. Made by `python benchmarks/phantom/transfer.py REAL_DIR`. Slips are those of images squashed to a '
        'square, predicted and labelled ones alike.',
        '',
        '| model | tested on | images | ' + ' | '.join(METRICS.values()) + ' |',
        '|---|---|---|' + '---|' * len(METRICS),
    ]
    for row in rows:
        lines.append(
            f'| {row["model"]} | {row["data"]} | {row["num_images"]} | ' + ' | '.join(cells(row, METRICS)) + ' |'
        )
    return '\n'.join(lines) + '\n'


def cells(row: dict, metrics: Iterable[str]) -> list[str]:
    """Values with their intervals, errors in px and shares in percent."""
    texts = []
    for key in metrics:
        if key not in row['metrics']:  # of a row that is older than this column
            texts.append('–')
            continue
        scale = 1 if 'MRE' in key or 'slip' in key else 100
        low, high = (scale * bound for bound in row['intervals'][key])
        texts.append(f'{scale * row["metrics"][key]:.1f} [{low:.1f}, {high:.1f}]')
    return texts


if __name__ == '__main__':
    main()
