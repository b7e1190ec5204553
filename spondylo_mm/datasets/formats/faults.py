"""What can be wrong with a label, and how a repair is written down: the vocabulary of ``annotations/report.csv``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields

from ...escaping import csv_text

UNSORTED = 'unsorted'  # vertebrae not listed in order along the spine
STRAY = 'stray'  # a box that is no vertebra of this spine
DOUBLED = 'doubled'  # one vertebra labelled twice
TOO_MANY = 'too_many'  # more vertebrae than slots
MISSING_LEVEL = 'missing_level'  # a visible vertebra between two labelled ones has no label
BAD_VERTEBRA = 'bad_vertebra'  # one entry is unusable: not four corners, NaN, strings, zero area
BAD_DIAGNOSIS = 'bad_diagnosis'  # a diagnosis that means nothing; the corners are kept
LEAK = 'leak'  # the same patient or the same source radiograph in two splits
UNREADABLE = 'unreadable'  # a whole file cannot be used

KINDS = (UNSORTED, STRAY, DOUBLED, TOO_MANY, MISSING_LEVEL, BAD_VERTEBRA, BAD_DIAGNOSIS, LEAK, UNREADABLE)


@dataclass(frozen=True, order=True)
class Repair:
    """One row of ``report.csv``.

    Attributes:
        file: Path of the label (or image) relative to the source tree, with ``/``.
        vertebra: Index of the entry in the label file as found there, from 0; empty for a whole file.
        what: One of ``KINDS``.
        why: What was seen and what was done about it, in one line.
    """

    file: str
    vertebra: int | str
    what: str
    why: str

    def __str__(self) -> str:
        where = self.file if self.vertebra == '' else f'{self.file}: vertebra {self.vertebra}'
        return f'{where}: {self.why} ({self.what})'


def report_csv(repairs: Iterable[Repair]) -> str:
    """The text of ``report.csv``: a header and one row per repair, in the order given."""
    return csv_text([[field.name for field in fields(Repair)], *(astuple(repair) for repair in repairs)])
