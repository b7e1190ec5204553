"""Training runs side by side: tools/compare_runs.py work_dirs"""

import argparse

from spondylo_mm.command_line import EXIT_BAD_INPUT, print_errors, run


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Compare training runs: a table sorted by the strict MRE each run reached on its validation split, '
        'with the other metrics at that same epoch. A dash is what a run has not measured or recorded.'
    )
    parser.add_argument('work_dirs', nargs='+', metavar='WORK_DIR', help='folder of a run, or of many runs')
    parser.add_argument(
        '--details',
        action='store_true',
        help='add where each run comes from (command, data, git commit, versions, device), its best loss and last '
        'learning rate, and the versions and config keys in which the runs differ',
    )
    parser.add_argument('--csv', metavar='FILE', help='write the table there too, unrounded')
    parser.add_argument('--markdown', metavar='FILE', help='write the table there too, in Markdown')
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    from spondylo_mm.apis.run_details import format_details
    from spondylo_mm.apis.run_table import csv_runs, format_runs, markdown_runs
    from spondylo_mm.apis.runs import read_runs
    from spondylo_mm.atomic import write_text

    failures: list[str] = []

    def on_error(error: Exception) -> None:
        failures.append(str(error))

    runs = read_runs(args.work_dirs, on_error)
    print(format_runs(runs))
    if args.details:
        print('\n' + format_details(runs, on_error))
    if args.csv:
        write_text(args.csv, csv_runs(runs))
    if args.markdown:
        write_text(args.markdown, markdown_runs(runs))
    print_errors(failures)
    return EXIT_BAD_INPUT if failures else 0


if __name__ == '__main__':
    run(main)
