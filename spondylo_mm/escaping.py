"""Strings that strangers chose, such as file names, made harmless where they are shown: on terminals, in spreadsheets.

A file may be called ``=cmd|'/c calc'!A1.png``, and a spreadsheet that opens a table with that name runs it; another
name may hold the escape sequence that clears the screen, or a line break followed by ``error: …``. JSON files hold the
names as they are: they are for programs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath

# What a spreadsheet takes for the start of a formula; the last four are the full-width forms, which some read alike.
_FORMULA_STARTS = ('=', '+', '-', '@', '＝', '＋', '－', '＠')

# Tables are separated by commas, but a spreadsheet may have been told, or guess, to split at the others too.
_SEPARATORS = ',;|"'


def printable(text: object) -> str:
    r"""``text`` on one line, without control characters, directional overrides and bytes that are no text: those are
    shown as Python would write them, ``\n``, ``\x1b``, ``\udcff``."""
    return ''.join(
        char if char.isprintable() else char.encode('unicode_escape', 'surrogatepass').decode() for char in str(text)
    )


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """The text of a table, all its ``csv_lines``."""
    return ''.join(csv_lines(rows))


def csv_lines(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The text of a table, one line a row; None is an empty cell.

    Strings and paths are printable, and where a spreadsheet would take one for a formula, an apostrophe is put before
    it. Numbers stay as they are, negative ones too.
    """
    for row in rows:
        yield ','.join(map(_cell, row)) + '\n'


def csv_of_dicts(columns: Sequence[str], rows: Iterable[dict[str, object]]) -> Iterator[str]:
    """``csv_lines`` of rows by column name, with a header; what a row does not have is empty.

    Raises:
        ValueError: a row has something that no column is for.
    """
    yield from csv_lines([columns])
    for row in rows:
        if unknown := row.keys() - set(columns):
            raise ValueError(f'no columns for {sorted(unknown)}')
        yield from csv_lines([[row.get(column) for column in columns]])


def _cell(value: object) -> str:
    if value is None:
        return ''
    if not isinstance(value, (str, PurePath)):
        return str(value)
    text = printable(value)
    if text.lstrip().startswith(_FORMULA_STARTS):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"' if any(char in text for char in _SEPARATORS) else text
