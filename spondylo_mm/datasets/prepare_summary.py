"""What ``tools/prepare_data.py`` tells its user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable

from ..escaping import printable
from .anchors import CRANIAL
from .formats.buu import DIAGNOSES
from .formats.faults import KINDS, Repair
from .formats.label import Label
from .formats.mendeley import SPLITS
from .prepared import Prepared


def summary(prepared: Prepared) -> str:
    """What there is, what was converted, every repair and leak, where it all went, and what to type next."""
    labels = [radiograph.label for radiograph in prepared.radiographs if radiograph.label]
    lines = [f'{len(prepared.radiographs)} radiographs of {prepared.src}']
    lines += [_line(split, _split_text(prepared, split)) for split in SPLITS]
    lines += [
        _line('vertebrae in one', _counts(len(label.slots) for label in labels)),
        _line('numbered from', _numbering_text(prepared)),
        _line('label files', _counts(label.format for label in labels)),
        _line('order on disk', _counts(label.order for label in labels)),
        _line(
            'boxes on disk', _counts('loose' if label.loose else 'tight' for label in labels if label.loose is not None)
        ),
        _line('augmented copies', _copies_text(prepared)),
    ]
    if prepared.seed is not None:
        lines.append(_line('split', f'by patient, seed {prepared.seed}'))
    if any(label.diagnosis for label in labels):
        lines.append(_line('diagnosed', _diagnosis_text(labels)))
    if prepared.other_view:
        lines.append(_line('AP view', f'{prepared.other_view} images not used: only lateral views are read'))
    if prepared.repeated:
        lines.append(
            _line('repeated', f'{prepared.repeated} images not used, their split has another one of the same name')
        )
    if prepared.ignored:
        lines.append(_line('ignored', f'{prepared.ignored} images in folders that belong to no split'))
    lines += _rows('repairs', prepared.repairs)
    lines += _rows('leaks', prepared.leaks)
    if prepared.leaks and not prepared.leaks_dropped:
        lines.append(
            '  (unlabelled, so kept; predictions on them say nothing about new patients; --drop-leaks leaves them out)'
        )
    lines += _rows('unreadable', prepared.unreadable)
    images = 'stay where they are' if prepared.in_place else f'copied to {prepared.out / "images"}'
    lines.append(_line('written', f'{prepared.annotations}, with report.csv; images {images}'))
    lines.append(_line('next', _next_command(prepared)))
    return '\n'.join(map(printable, lines))


def _line(name: str, text: str) -> str:
    return f'  {name:<16}  {text}'


def _next_command(prepared: Prepared) -> str:
    command = f'python tools/train.py configs/hrnet_w32_spondylo.py --data-root {prepared.out}'
    if prepared.anchor == CRANIAL:
        command += ' --cfg-options {train,val,test}_dataloader.dataset.anchor=cranial'
    return command


def _split_text(prepared: Prepared, split: str) -> str:
    radiographs = prepared.of_split(split)
    labels = [radiograph.label for radiograph in radiographs if radiograph.label]
    vertebrae = sum(len(label.slots) for label in labels)
    return f'{len(radiographs)} images, {len(labels)} labelled, {vertebrae} vertebrae'


def _numbering_text(prepared: Prepared) -> str:
    if prepared.anchor == CRANIAL:
        return 'the topmost labelled one'
    known = all(radiograph.label.levels_known for radiograph in prepared.radiographs if radiograph.label)
    return 'S1: the labels name levels' if known else 'the lowest labelled one'


def _diagnosis_text(labels: list[Label]) -> str:
    """How many images have each diagnosis at one level or more."""
    found = (
        {word for words in label.diagnosis.values() for word in words if word} for label in labels if label.diagnosis
    )
    return _counts(word for words in found for word in words - {DIAGNOSES[0]} or words)


def _counts(values: Iterable[Hashable]) -> str:
    """``'6 (2x), 7 (2x)'``, in order."""
    return ', '.join(f'{value} ({count}x)' for value, count in sorted(Counter(values).items())) or 'none'


def _copies_text(prepared: Prepared) -> str:
    per_source = Counter((radiograph.identity.split, radiograph.identity.source) for radiograph in prepared.radiographs)
    copies = [count for count in per_source.values() if count > 1]
    return f'{sum(copies)} files of {len(copies)} radiographs, each within one split' if copies else 'none'


def _rows(title: str, rows: list[Repair]) -> list[str]:
    per_kind = Counter(row.what for row in rows)
    counts = ', '.join(f'{kind} {per_kind[kind]}' for kind in KINDS if kind in per_kind)
    return [_line(title, counts or 'none'), *(f'    {row}' for row in rows)]
