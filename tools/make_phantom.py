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
        'visible vertebra with its level and corners, the slips, and the quirks put in.',
    )
    parser.add_argument('out', metavar='OUT', help='folder to write; new or empty')
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
        help='kind of label files: tight boxes and BL BR TL TR, loose boxes and TL BL BR TR, or both',
    )
    parser.add_argument(
        '--quirks',
        action='store_true',
        help='put in everything that is wrong with the real dataset, recorded in truth.json',
    )
    parser.add_argument(
        '--processes',
        type=int,
        default=os.cpu_count() or 1,
        metavar='N',
        help='images drawn at a time; the files do not depend on it',
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from spondylo_mm.phantom.writer import write_dataset  # after parsing: --help need not wait for OpenCV

    start = time.monotonic()

    def progress(done: int, total: int) -> None:
        print(f'\rdrawing {done}/{total}', end='\n' if done == total else '', file=sys.stderr, flush=True)

    counts = {'train': args.train, 'val': args.val, 'test': args.test}
    truth = write_dataset(
        args.out,
        counts,
        args.seed,
        args.size,
        args.style,
        args.quirks,
        args.processes,
        progress if sys.stderr.isatty() else None,
    )
    seconds = time.monotonic() - start
    quirks = sum(bool(entry['quirks']) for entry in truth['images'].values())
    with_quirks = f', {quirks} of them with a quirk' if args.quirks else ''
    print(
        f'{args.out}: {args.train} train, {args.val} val and {args.test} blind images{with_quirks} '
        f'({len(truth["images"]) / seconds:.1f} images/s)'
    )
    print(f'truth: {os.path.join(args.out, "truth.json")}')


if __name__ == '__main__':
    run(main)
