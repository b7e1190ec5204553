"""The one table that `make test-robust` ends with; a plugin of pytest: ``-p tests.robust_table``.

A test says what it tried with ``record_property``: ``area``, and how many were ``refused``, ``repaired``, ``survived``.
"""

from __future__ import annotations

from collections import defaultdict

import pytest

_COLUMNS = ('refused', 'repaired', 'survived')
_WIDTH = 34


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    rows: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys((*_COLUMNS, 'failed'), 0))
    tracebacks = 0
    for outcome in ('passed', 'failed', 'error'):
        for report in terminalreporter.stats.get(outcome, ()):
            said = dict(report.user_properties)
            row = rows[said.get('area', 'other checks')]
            if outcome == 'passed':
                counts = {column: int(said.get(column, 0)) for column in _COLUMNS}
                if not any(counts.values()):
                    counts['survived'] = 1
                for column, count in counts.items():
                    row[column] += count
            else:
                row['failed'] += 1
                tracebacks += 'Traceback' in report.longreprtext
    write = terminalreporter.write_line
    terminalreporter.section('what was tried, and what came of it')
    write(f'{"area":<{_WIDTH}}' + ''.join(f'{name:>10}' for name in ('tried', *_COLUMNS, 'failed')))
    rows = dict(rows)
    total = {column: sum(row[column] for row in rows.values()) for column in (*_COLUMNS, 'failed')}
    for area, row in [*rows.items(), ('all', total)]:
        numbers = [sum(row.values()), *row.values()]
        write(f'{area:<{_WIDTH}}' + ''.join(f'{number:>10,}' for number in numbers))
    write(f'tracebacks: {tracebacks}')
