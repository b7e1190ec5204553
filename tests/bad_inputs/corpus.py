"""All bad inputs, and the table of them that the docs show."""

from __future__ import annotations

from itertools import groupby

from . import annotations, checkpoints, command_lines, configs, images, labels, phantoms, trees
from .case import OTHERS_DONE, REFUSED, REPAIRED, SURVIVED, Case

CASES: list[Case] = [
    case
    for module in (labels, images, trees, phantoms, annotations, configs, checkpoints, command_lines)
    for case in module.CASES
]

_INTRODUCTION = """# Bad inputs, and what comes of each

Made from `tests/bad_inputs/` by `python -m tests.bad_inputs.table`; a test checks that it is up to date, and every row
is a test of `make test`, or of `make test-robust` where it takes long.

- **refused**: exit status 2 and one line that says which file and what to do; no traceback, nothing half-written.
  Where others are *done*, the good files of the same folder are; else nothing at all is written.
- **repaired**: exit status 0; the repair stands in the summary and in `annotations/report.csv`.
- **survived**: exit status 0; it only looked bad.
"""


def table() -> str:
    """The whole of docs/bad_inputs.md."""
    parts = [_INTRODUCTION, _counts()]
    for area, cases in groupby(CASES, key=lambda case: case.area):
        rows = ['| what | comes of it | the line says | the others |', '|---|---|---|---|']
        for case in cases:
            others = case.rest if case.rest == OTHERS_DONE or case.expected == REFUSED else ''
            rows.append(f'| {_cell(case.name)} | {case.expected} | {_code(case.says)} | {others} |')
        parts.append(f'## {area[0].upper()}{area[1:]}\n\n' + '\n'.join(rows) + '\n')
    return '\n'.join(parts)


def _counts() -> str:
    rows = ['| area | cases | refused | repaired | survived |', '|---|---:|---:|---:|---:|']
    areas = dict.fromkeys(case.area for case in CASES)
    for area in [*areas, 'all']:
        cases = [case for case in CASES if area in (case.area, 'all')]
        counts = [sum(case.expected == expected for case in cases) for expected in (REFUSED, REPAIRED, SURVIVED)]
        rows.append(f'| {area} | {len(cases)} | {" | ".join(map(str, counts))} |')
    return '\n'.join(rows) + '\n'


def _cell(text: str) -> str:
    return text.replace('|', r'\|').replace('*', r'\*')


def _code(text: str) -> str:
    return '`' + text.replace('|', r'\|') + '`' if text else ''
