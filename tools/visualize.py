"""Look at a model's worst predictions: tools/visualize.py CONFIG CHECKPOINT --worst 10 --heatmaps"""

import argparse
from pathlib import Path

from spondylo_mm.command_line import EXIT_BAD_INPUT, print_errors, run
from spondylo_mm.escaping import printable


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Draw predictions on their radiographs, the truth dashed in white and a line from each true corner '
        'to where the model put it, images of the largest strict MRE first.'
    )
    parser.add_argument('config', help='config the checkpoint was trained with')
    parser.add_argument('checkpoint', help='weights, a .pth file written by tools/train.py')
    parser.add_argument(
        '--data-root',
        metavar='DIR',
        help="folder that tools/prepare_data.py wrote to (default: the config's data_root)",
    )
    parser.add_argument('--split', choices=('train', 'val', 'test'), help='split to predict (default: val)')
    parser.add_argument(
        '--images', nargs='+', default=[], metavar='PATH', help='instead of a split: image files, folders or globs'
    )
    parser.add_argument(
        '--worst', type=int, metavar='N', help='images to draw (default: 20, or all where nothing is labelled)'
    )
    parser.add_argument(
        '--heatmaps', action='store_true', help='draw the heatmaps of every slot too, one sheet per image'
    )
    parser.add_argument(
        '--out', metavar='DIR', help='output folder (default: <folder of the checkpoint>/worst_<split, or "images">)'
    )
    parser.add_argument('--device', default='auto', help='auto (default), cpu or cuda')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='changes to the config')
    args = parser.parse_args()
    if args.images and args.split:
        parser.error(f'--images and --split {args.split}: give one of them')
    args.split = args.split or 'val'
    if args.worst is not None and args.worst < 1:
        parser.error(f'--worst {args.worst}: give 1 or more')
    return args


def main() -> int:
    args = parse_args()
    from spondylo_mm.apis import SpineInferencer  # takes seconds: only once the arguments are right
    from spondylo_mm.apis.visualizing import PICTURES, visualize

    inferencer = SpineInferencer(
        args.config, args.checkpoint, data_root=args.data_root, device=args.device, options=args.cfg_options
    )
    what = 'images' if args.images else args.split
    out = Path(args.out) if args.out else Path(args.checkpoint).parent / f'worst_{what}'
    failures: list[str] = []
    drawn = visualize(
        inferencer,
        out,
        split=args.split,
        images=args.images,
        worst=args.worst,
        heatmaps=args.heatmaps,
        on_error=lambda error: failures.append(str(error)),
    )
    for rank, image in enumerate(drawn, start=1):
        if image.worst_level:
            print(
                f'{rank:>4}  MRE {image.mre:6.1f}  matched {image.matched_mre:6.1f}  worst level '
                f'{image.worst_level:<3} {image.worst_level_mre:6.1f}  {printable(image.sample.file_name)}'
            )
    print(f'pictures of {len(drawn)} images: {out / PICTURES}')
    print_errors(failures)
    return EXIT_BAD_INPUT if failures else 0


if __name__ == '__main__':
    run(main)
