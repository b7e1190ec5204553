"""Check, repair and convert a dataset's labels: tools/prepare_data.py SRC [--out DIR]"""

import argparse

from spondylo_mm.command_line import EXIT_BAD_INPUT, print_errors, run


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Read radiographs and labels as published, repair what is wrong with the labels, and write '
        'annotations/{train,val,test}.json (COCO keypoints) and annotations/report.csv (every repair: file, vertebra, '
        'what, why).',
        epilog='Files that cannot be read are named at the end, the others are written, and the exit status is 2. It '
        'is also 2, with nothing written, if nothing can be used, if a labelled radiograph is of a patient in another '
        'split, or if --strict finds something to repair.',
    )
    parser.add_argument('src', metavar='SRC', help='folder that the dataset was extracted to')
    parser.add_argument(
        '--out', metavar='DIR', help='write there, with copies of the images (default: into SRC, images in place)'
    )
    parser.add_argument(
        '--format',
        choices=('auto', 'mendeley', 'buu', 'phantom-truth'),
        default='auto',
        help='auto (default) recognises the layout; mendeley: images/ and labels/ folders with JSON or YOLO-pose text; '
        'buu: BUU-LSPINE, a CSV of endplates beside each lateral radiograph, split by patient into 70/15/15 %%; '
        'phantom-truth: every visible vertebra of phantoms, exactly, in place of what their label files say',
    )
    parser.add_argument(
        '--anchor',
        choices=('caudal', 'cranial'),
        default='caudal',
        help='number vertebrae from the lowest labelled one up (default), or from the topmost labelled one down',
    )
    parser.add_argument(
        '--strict', action='store_true', help='refuse labels that need any repair, instead of repairing them'
    )
    parser.add_argument(
        '--drop-leaks',
        action='store_true',
        help='leave out radiographs whose patient is in another split: unlabelled ones first, else the earlier split',
    )
    parser.add_argument(
        '--seed',
        type=int,
        metavar='N',
        help='of the split by patient, where a dataset comes without splits (default: 0)',
    )
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    from spondylo_mm.datasets.prepare import prepare  # only once the arguments are known to be right
    from spondylo_mm.datasets.prepare_summary import summary

    prepared = prepare(args.src, args.out, args.format, args.anchor, args.strict, args.drop_leaks, args.seed)
    print(summary(prepared), flush=True)
    print_errors(prepared.unreadable)
    return EXIT_BAD_INPUT if prepared.unreadable else 0


if __name__ == '__main__':
    run(main)
