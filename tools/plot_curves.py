"""How training runs went, in one figure: tools/plot_curves.py work_dirs --out curves.png"""

import argparse
from pathlib import Path

from spondylo_mm.command_line import EXIT_BAD_INPUT, print_errors, run


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Plot training and validation loss, strict MRE, SDR@24px and learning rate of training runs over '
        'their epochs, best run first.'
    )
    parser.add_argument('work_dirs', nargs='+', metavar='WORK_DIR', help='folder of a run, or of many runs')
    parser.add_argument(
        '--out', default='curves.png', metavar='FILE', help='picture to write: .png, .svg or .pdf (default: curves.png)'
    )
    args = parser.parse_args()
    if Path(args.out).suffix not in ('.png', '.svg', '.pdf'):
        parser.error(f'--out {args.out}: is no picture that can be drawn: give a name in .png, .svg or .pdf')
    return args


def main() -> int:
    args = parse_args()
    from spondylo_mm.apis.run_table import ranked
    from spondylo_mm.apis.runs import read_runs
    from spondylo_mm.atomic import atomic_path
    from spondylo_mm.visualization.curves import draw_curves

    failures: list[str] = []
    runs = ranked(read_runs(args.work_dirs, on_error=lambda error: failures.append(str(error))))
    figure = draw_curves({run.name: run.curves() for run in runs})
    with atomic_path(args.out) as part:
        figure.savefig(part, dpi=130)
    print(f'curves of {len(runs)} runs: {args.out}')
    print_errors(failures)
    return EXIT_BAD_INPUT if failures else 0


if __name__ == '__main__':
    run(main)
