#!/usr/bin/env python
"""Write synthetic lateral lumbar radiographs with exact truth, in the layout of the real dataset."""

from __future__ import annotations

import argparse
import os
import sys
import time

from spondylo_mm.command_line import run


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        epilog='OUT then holds Train/Keypointrcnn_data/{images,labels}/{train,val}, Test, and truth.json: every '
        'visible vertebra with its level and corners, the slips, and the quirks put in. With --layout buu it holds '
        'LA/<patient>.jpg and .csv, as many as --train, --val and --test together: tools/prepare_data.py splits them.',
    )
    parser.add_argument('out', metavar='OUT', help='folder to write; new or empty')
    parser.add_argument(
        '--layout',
        choices=('mendeley', 'buu'),
        default='mendeley',
        help='of which dataset: the Spondylolisthesis Vertebral Landmark Dataset, or BUU-LSPINE',
    )
    parser.add_argument('--train', type=int, default=320, metavar='N', help='training images')
    parser.add_argument('--val', type=int, default=48, metavar='N', help='validation images')
    parser.add_argument('--test', type=int, default=16, metavar='N', help='blind images, without labels')
    parser.add_argument(
        '--size',
        type=int,
        default=640,
        metavar='PX',
        help='side of the train and val images; blind ones are 1.6 times as high and not square',
    )
    parser.add_argument('--seed', type=int, default=0, help='the same seed gives the same files')
    parser.add_argument(
        '--style',
        choices=('tight', 'loose', 'mixed'),
        default='mixed',
        help='kind of label files of mendeley: tight boxes and BL BR TL TR, loose boxes and TL BL BR TR, or both',
    )
    parser.add_argument(
        '--quirks',
        action='store_true',
        help='put in everything that is wrong with the real dataset mendeley, recorded in truth.json',
    )
    parser.add_argument(
        '--slips',
        type=float,
        default=0.3,
        metavar='SHARE',
        help='share of the spines with a vertebra slipped forwards, of any grade; one who trains for slips wants more '
        'than patients have',
    )
    parser.add_argument(
        '--processes',
        type=int,
        default=os.cpu_count() or 1,
        metavar='N',
        help='images drawn at a time; the files do not depend on it',
    )
    parser.add_argument(
        '--gallery',
        nargs='?',
        const='',
        metavar='REAL_DIR',
        help='no dataset: put two contact sheets into OUT, one of phantoms, beside the radiographs of REAL_DIR if that '
        'is given, and one with their truth drawn',
    )
    args = parser.parse_args()
    if args.layout == 'buu' and (args.quirks or args.style != 'mixed'):
        parser.error('--quirks and --style are of the layout mendeley: leave them out with --layout buu')
    return args


def main() -> None:
    args = parse_args()
    if args.gallery is not None:
        from spondylo_mm.phantom.gallery import write_gallery

        for sheet in write_gallery(args.out, args.gallery or None, args.seed, args.size):
            print(sheet)
        return
    from spondylo_mm.phantom.buu_writer import write_buu_dataset  # after parsing: --help need not wait for OpenCV
    from spondylo_mm.phantom.writer import write_dataset

    start = time.monotonic()

    def progress(done: int, total: int) -> None:
        print(f'\rdrawing {done}/{total}', end='\n' if done == total else '', file=sys.stderr, flush=True)

    counts = {'train': args.train, 'val': args.val, 'test': args.test}
    show = progress if sys.stderr.isatty() else None
    if args.layout == 'buu':
        number = sum(counts.values())
        truth = write_buu_dataset(args.out, number, args.seed, args.size, args.slips, args.processes, show)
        written = f'{number} lateral images, each with its CSV'
    else:
        truth = write_dataset(
            args.out, counts, args.seed, args.size, args.style, args.quirks, args.slips, args.processes, show
        )
        written = f'{args.train} train, {args.val} val and {args.test} blind images'
    seconds = time.monotonic() - start
    quirks = sum(bool(entry['quirks']) for entry in truth['images'].values())
    with_quirks = f', {quirks} of them with a quirk' if args.quirks else ''
    print(f'{args.out}: {written}{with_quirks} ({len(truth["images"]) / seconds:.1f} images/s)')
    print(f'truth: {os.path.join(args.out, "truth.json")}')


if __name__ == '__main__':
    run(main)
