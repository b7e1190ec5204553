"""A dataset that has been read and judged, and how it is written: COCO files, ``report.csv``, copies of the images."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from .. import __version__
from ..atomic import alone_in, atomic_path
from .formats.coco import Entry, coco_file
from .formats.faults import Repair, report_csv
from .formats.label import Label
from .formats.mendeley import SPLITS
from .leaks import Identity


@dataclass(frozen=True)
class Radiograph:
    """One usable radiograph.

    Attributes:
        name: Path of the image relative to the source tree.
        size: Width and height.
        label: Its vertebrae; None if unlabelled.
        digest: Hash of the image and label files.
        identity: Its split, and whose it is.
    """

    name: str
    size: tuple[int, int]
    label: Label | None
    digest: str
    identity: Identity


@dataclass(frozen=True)
class Prepared:
    """Everything that ``prepare`` found out.

    Attributes:
        radiographs: What goes into the COCO files.
        repairs: What was repaired in their labels.
        leaks: Radiographs whose patient is in another split; not among ``radiographs`` if ``leaks_dropped``.
        unreadable: Files that could not be used.
        repeated: Number of images not used because their split has another one of the same name.
        ignored: Number of images in folders that belong to no split.
        other_view: Number of images of a view that is not read.
        seed: Of the split by patient; None where the dataset comes in splits.
    """

    src: Path
    out: Path
    anchor: str
    radiographs: list[Radiograph]
    repairs: list[Repair]
    leaks: list[Repair]
    leaks_dropped: bool
    unreadable: list[Repair]
    repeated: int
    ignored: int
    other_view: int
    seed: int | None

    @property
    def in_place(self) -> bool:
        return self.out.resolve() == self.src.resolve()

    @property
    def annotations(self) -> Path:
        return self.out / 'annotations'

    def of_split(self, split: str) -> list[Radiograph]:
        return [radiograph for radiograph in self.radiographs if radiograph.identity.split == split]

    def file_name(self, radiograph: Radiograph) -> str:
        """Path of the image relative to ``out``."""
        return radiograph.name if self.in_place else f'images/{radiograph.identity.split}/{Path(radiograph.name).name}'


def write(prepared: Prepared) -> None:
    """Write the annotations, and copy the images if ``out`` is not the source.

    On any error the annotations are as before, and files and folders that were not there are gone again.
    """
    texts = {
        'report.csv': report_csv(sorted([*prepared.repairs, *prepared.leaks, *prepared.unreadable], key=_row_order))
    }
    info = _info(prepared)
    for split in SPLITS:
        entries = [_entry(prepared, radiograph) for radiograph in prepared.of_split(split)]
        if entries:
            texts[f'{split}.json'] = json.dumps(coco_file(entries, info), allow_nan=False) + '\n'
    with _removed_on_error(prepared.out) as copied, alone_in(prepared.annotations):
        if not prepared.in_place:
            for radiograph in prepared.radiographs:
                _copy(prepared.src / radiograph.name, prepared.out / prepared.file_name(radiograph), copied)
        with ExitStack() as files:  # all are written before the first one takes its name
            for name, text in texts.items():
                files.enter_context(atomic_path(prepared.annotations / name)).write_text(text, encoding='utf-8')
        for split in SPLITS:  # an earlier run may have had a split that this one has not
            if f'{split}.json' not in texts:
                (prepared.annotations / f'{split}.json').unlink(missing_ok=True)


def _entry(prepared: Prepared, radiograph: Radiograph) -> Entry:
    identity = radiograph.identity
    return Entry(
        prepared.file_name(radiograph),
        *radiograph.size,
        source=identity.source,
        patient=identity.patient,
        label=radiograph.label,
    )


def _info(prepared: Prepared) -> dict:
    """What the annotations were made from and by; no time, so that the same data gives the same bytes."""
    content = '\n'.join(sorted(f'{radiograph.name} {radiograph.digest}' for radiograph in prepared.radiographs))
    info = dict(
        description='Corners of lumbar vertebrae, prepared by spondylo_mm',
        version=__version__,
        anchor=prepared.anchor,
        levels_known=all(radiograph.label.levels_known for radiograph in prepared.radiographs if radiograph.label),
        data_sha256=hashlib.sha256(content.encode()).hexdigest(),
    )
    return info if prepared.seed is None else info | dict(split=dict(by='patient', seed=prepared.seed))


def _copy(source: Path, target: Path, copied: list[Path]) -> None:
    is_new = not target.exists()
    with atomic_path(target) as part:
        shutil.copyfile(source, part)  # without the mode: archives are often read-only
    if is_new:
        copied.append(target)


@contextmanager
def _removed_on_error(out: Path) -> Iterator[list[Path]]:
    """Yields a list of new files; on any error they are removed, and so are the folders that were made for them."""
    folders = [out / 'annotations', *(out / 'images' / split for split in SPLITS), out / 'images', out]
    made = [folder for folder in folders if not folder.exists()]
    files: list[Path] = []
    try:
        yield files
    except BaseException:
        for file in files:
            file.unlink(missing_ok=True)
        for folder in made:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
        raise


def _row_order(row: Repair) -> tuple:
    return row.file, str(row.vertebra).zfill(6), row.what
