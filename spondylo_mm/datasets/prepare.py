"""From a tree of radiographs and label files to COCO files: whole or not at all, with every repair written down."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from .anchors import ANCHORS, CAUDAL
from .formats.detect import DEFAULT_SEED, FORMATS, Format, detect
from .formats.faults import LEAK, UNREADABLE, Repair
from .formats.mendeley import Sample, Tree, patient_of, source_of
from .leaks import Identity, Leak, find_leaks
from .prepared import Prepared, Radiograph, write
from .radiograph import read_radiograph

AUTO = 'auto'


def prepare(
    src: str | Path,
    out: str | Path | None = None,
    format: str = AUTO,
    anchor: str = CAUDAL,
    strict: bool = False,
    drop_leaks: bool = False,
    seed: int | None = None,
) -> Prepared:
    """Read a dataset, repair its labels and write ``annotations/{train,val,test}.json`` and ``annotations/report.csv``.

    Args:
        src: The extracted dataset; only read if ``out`` is another folder.
        out: Where to write to. Images are copied to ``images/<split>/`` there; where it is ``src`` itself, or None,
            they stay in place and only ``annotations/`` is written.
        format: One of ``FORMATS``, or ``'auto'`` to find out.
        anchor: Where numbering starts, see ``label.read_label``. Written caudally, a file can be read either way.
        strict: Refuse a dataset that needs any repair.
        drop_leaks: Leave out radiographs whose patient is in another split as well.
        seed: Of the split by patient, where the dataset comes without splits; None: ``DEFAULT_SEED``.

    Returns:
        What was found and done. Files that could not be read are in ``unreadable``; the others have been written all
        the same.

    Raises:
        InputError: Nothing can be used, or a repair or a leak is refused. Nothing has been written then.
    """
    formats = (AUTO, *FORMATS)
    if format not in formats or anchor not in ANCHORS:
        raise InputError(f'format {format}, anchor {anchor}: choose of {", ".join(formats)} and {", ".join(ANCHORS)}')
    src = Path(src)
    out = src if out is None else Path(out)
    if not src.is_dir():
        raise InputError(f'{src}: no such folder: give the folder that the dataset was extracted to')
    reader = FORMATS[detect(src, out.resolve()) if format == AUTO else format]
    if reader.has_splits and seed is not None:
        raise InputError(f'--seed {seed}: {src} comes in splits of its own: leave it out')
    seed = None if reader.has_splits else DEFAULT_SEED if seed is None else seed
    tree = reader.find(src, out.resolve(), *([] if seed is None else [seed]))
    radiographs, unreadable = _read_all(src, tree, reader, anchor)
    if not any(radiograph.label for radiograph in radiographs):
        raise InputError(_nothing_usable(src, tree, reader, unreadable))

    repairs = [repair for radiograph in radiographs if radiograph.label for repair in radiograph.label.repairs]
    leaks = find_leaks([radiograph.identity for radiograph in radiographs])
    leak_rows = [_leak_row(leak, radiographs, drop_leaks) for leak in leaks]
    refused = [*repairs, *unreadable, *([] if drop_leaks else leak_rows)]
    if strict and refused:
        raise InputError(
            f'{refused[0]}; {len(refused)} in all: correct them, or leave out --strict to have them repaired'
        )
    harmful = [row for leak, row in zip(leaks, leak_rows, strict=True) if not leak.costs_nothing]
    if harmful and not drop_leaks:
        raise InputError(f'{harmful[0]}; {len(harmful)} in all: give --drop-leaks to leave them out')
    dropped = {leak.drop for leak in leaks} if drop_leaks else set()
    prepared = Prepared(
        src=src,
        out=out,
        anchor=anchor,
        radiographs=[radiograph for index, radiograph in enumerate(radiographs) if index not in dropped],
        repairs=repairs,
        leaks=leak_rows,
        leaks_dropped=drop_leaks,
        unreadable=unreadable,
        repeated=len(tree.repeated),
        ignored=len(tree.ignored),
        other_view=len(tree.other_view),
        seed=seed,
    )
    write(prepared)
    return prepared


def _read_all(src: Path, tree: Tree, reader: Format, anchor: str) -> tuple[list[Radiograph], list[Repair]]:
    """What can be used of every sample, and a row for each that cannot."""
    results = [Repair(_name(src, path), '', UNREADABLE, why) for path, why in tree.refused]
    results += [_read(src, sample, reader, anchor) for sample in tree.samples]
    return [r for r in results if isinstance(r, Radiograph)], [r for r in results if isinstance(r, Repair)]


def _read(src: Path, sample: Sample, reader: Format, anchor: str) -> Radiograph | Repair:
    if sample.image is None:
        return Repair(
            _name(src, sample.label),
            '',
            UNREADABLE,
            'no image of this name beside the label: add it or remove the label',
        )
    image_name = _name(src, sample.image)
    if sample.label is None and sample.split != 'test':
        return Repair(image_name, '', UNREADABLE, 'no label of this name beside the image: add it or remove the image')
    try:
        height, width = read_radiograph(sample.image).shape
    except InputError as error:
        return Repair(image_name, '', UNREADABLE, str(error).removeprefix(f'{sample.image}: '))
    label = None
    if sample.label is not None:
        label_name = _name(src, sample.label)
        try:
            label = reader.read(sample.label, label_name, (width, height), anchor)
        except InputError as error:
            return Repair(label_name, '', UNREADABLE, str(error).removeprefix(f'{label_name}: '))
    stem = sample.image.stem
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (sample.image, sample.label) if path]
    return Radiograph(
        name=image_name,
        size=(width, height),
        label=label,
        digest=' '.join(digests),
        identity=Identity(sample.split, label is not None, patient_of(stem), source_of(stem), digests[0]),
    )


def _name(src: Path, path: Path) -> str:
    return path.relative_to(src).as_posix()


def _leak_row(leak: Leak, radiographs: Sequence[Radiograph], dropped: bool) -> Repair:
    drop, keep = radiographs[leak.drop], radiographs[leak.keep]
    done = ': dropped' if dropped else ''
    return Repair(drop.name, '', LEAK, f'{leak.why} is also in {keep.identity.split}, {keep.name}{done}')


def _nothing_usable(src: Path, tree: Tree, reader: Format, unreadable: Sequence[Repair]) -> str:
    if unreadable:
        more = f' (and {len(unreadable) - 1} more like it)' if len(unreadable) > 1 else ''
        return f'{src}: no labelled radiograph can be used: {unreadable[0].file}: {unreadable[0].why}{more}'
    if tree.samples:
        return f'{src}: {len(tree.samples)} radiographs but no labels: to predict them, use tools/test.py --images'
    if tree.other_view:
        return f'{src}: {len(tree.other_view)} radiographs, all of the AP view: give the folder of the lateral ones'
    found = f'{len(tree.ignored)} images, but none of them' if tree.ignored else 'no radiograph'
    return f'{src}: {found} {reader.expects}: give the top folder'
