"""Evaluate a labelled split or predict any radiographs: tools/test.py CONFIG CHECKPOINT [--images films/]"""

import argparse
import json
import sys
from pathlib import Path

from spondylo_mm.command_line import EXIT_BAD_INPUT, print_errors, run


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Predict the vertebrae of a split or of any images; write predictions.json, summary.csv, '
        'measurements.csv, report.html and overlays/; where there are labels, print the metrics and write metrics.json.'
    )
    parser.add_argument('config', help='config the checkpoint was trained with')
    parser.add_argument('checkpoint', help='weights, a .pth file written by tools/train.py')
    parser.add_argument(
        '--data-root',
        metavar='DIR',
        help="folder that tools/prepare_data.py wrote to (default: the config's data_root)",
    )
    parser.add_argument('--split', choices=('val', 'test'), help='split to predict (default: val)')
    parser.add_argument(
        '--images', nargs='+', default=[], metavar='PATH', help='instead of a split: image files, folders or globs'
    )
    parser.add_argument(
        '--out', metavar='DIR', help='output folder (default: <folder of the checkpoint>/<split, or "images">)'
    )
    parser.add_argument(
        '--mc-dropout',
        type=int,
        default=0,
        metavar='N',
        help='add a standard deviation to every corner, from N passes with dropout (20 will do; N + 1 times the time); '
        'with labels, also draw reliability.png',
    )
    parser.add_argument('--seed', type=int, default=0, help='of --mc-dropout: the same gives the same (default: 0)')
    parser.add_argument(
        '--calibrate',
        action='store_true',
        help='first fit by how much the standard deviations are too large or too small to the validation split, and '
        'write it beside the checkpoint, to be used whenever that predicts',
    )
    parser.add_argument(
        '--flip-test', action='store_true', help='average with the prediction of the mirrored image (twice the time)'
    )
    parser.add_argument(
        '--facing',
        choices=('auto', 'left', 'right'),
        default='auto',
        help='side of the image that the patients face, if it is known (default: auto, read from each spine)',
    )
    proportions = parser.add_mutually_exclusive_group()
    proportions.add_argument(
        '--spacing',
        nargs=2,
        type=float,
        metavar=('X', 'Y'),
        help='mm per pixel across and down, of every image (default: what a DICOM file or the annotations say)',
    )
    proportions.add_argument(
        '--aspect',
        type=float,
        metavar='RATIO',
        help='width over height of the original radiographs, if the files were squashed or stretched; gives no mm',
    )
    parser.add_argument(
        '--report',
        action=argparse.BooleanOptionalAction,
        help='write report.html, one page with every image on it (default: for up to 2000 images)',
    )
    parser.add_argument(
        '--coco', action='store_true', help='also write coco.json, the predictions as a COCO keypoint file'
    )
    parser.add_argument(
        '--keep-ids',
        action='store_true',
        help='copy patient and study identifiers from DICOM headers into predictions.json and report.html '
        '(default: none leaves them)',
    )
    parser.add_argument('--device', default='auto', help='auto (default), cpu or cuda')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='changes to the config')
    args = parser.parse_args()
    if args.images and args.split:
        parser.error(f'--images and --split {args.split}: give one of them')
    if args.calibrate and (args.images or args.split == 'test'):
        parser.error('--calibrate: fits to the validation split: leave out --images and --split test')
    args.split = args.split or 'val'
    return args


def main() -> int:
    args = parse_args()
    from spondylo_mm.apis import SpineInferencer  # takes seconds: only once the arguments are known to be right
    from spondylo_mm.apis.testing import test
    from spondylo_mm.evaluation.functional.table import format_table

    inferencer = SpineInferencer(
        args.config,
        args.checkpoint,
        data_root=args.data_root,
        device=args.device,
        flip_test=args.flip_test,
        mc_dropout=args.mc_dropout,
        seed=args.seed,
        facing=args.facing,
        spacing=args.spacing,
        aspect=args.aspect,
        calibrated=not args.calibrate,
        options=args.cfg_options,
    )
    if args.calibrate:
        calibration = inferencer.calibrate(args.split)
        print(f'calibration: {calibration} (standard deviations x {inferencer.description["sd_scale"]:.2f})')
    out = Path(args.out) if args.out else Path(args.checkpoint).parent / ('images' if args.images else args.split)

    def progress(done: int, total: int) -> None:
        print(f'\rpredicting {done}/{total}', end='\n' if done == total else '', file=sys.stderr, flush=True)

    show = progress if sys.stderr and sys.stderr.isatty() else None
    result = test(
        inferencer,
        out,
        split=args.split,
        images=args.images,
        keep_ids=args.keep_ids,
        report=args.report,
        coco=args.coco,
        progress=show,
    )
    print(f'checkpoint: {args.checkpoint}')
    print(f'predictions of {result.num_images} images: {result.predictions}')
    print(f'overlays: {out / "overlays"}')
    if args.coco:
        print(f'COCO keypoints: {out / "coco.json"}')
    if result.report:
        print(f'report: {result.report}')
    elif args.report is None:
        print('report: none, as there are more than 2000 images; --report writes it all the same')
    if result.metrics_file:
        print(f'metrics: {result.metrics_file}')
        if result.reliability_plot:
            print(f'reliability: {result.reliability_plot}')
        print(format_table(json.loads(result.metrics_file.read_text())))
    print_errors(result.failures)
    return EXIT_BAD_INPUT if result.failures else 0


if __name__ == '__main__':
    run(main)
