"""Finding the radiographs and labels of the Spondylolisthesis Vertebral Landmark Dataset, whatever tree they lie in.

An ``images`` folder with a ``labels`` folder beside it holds labelled radiographs; a folder under ``test`` may hold
unlabelled ones. The innermost folder named after a split says which one: ``Train/Keypointrcnn_data/images/val`` is
validation.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ..radiograph import RADIOGRAPH_SUFFIXES
from .label import PARSERS

SPLITS = ('train', 'val', 'test')
_IMAGES, _LABELS = 'images', 'labels'
_FOLDER_MEANS = {'training': 'train', 'valid': 'val', 'validation': 'val', 'testing': 'test'}  # else its own name
_NOT_LABELS = ('classes.txt',)  # the list of class names that labelling tools leave among YOLO labels
_OF_DATASETS = (*RADIOGRAPH_SUFFIXES, *PARSERS, '.csv')
_NOT_DATA = ('__macosx', 'annotations', 'overlays')  # archive litter, and what the tools of this package write

BUU_NAME = re.compile(r'(?P<patient>\d+)-[FM]-\d+Y(?P<view>\d)', re.IGNORECASE)  # patient, sex, age, view: 3209-F-073Y1
_AUGMENTED_COPY = re.compile(r'_(jpe?g|png|tiff?|bmp)\.rf\.[0-9a-f]+$', re.IGNORECASE)  # <source>_jpg.rf.<hash>

_Key = tuple[str, ...]  # a folder by the meaning of its names


@dataclass(frozen=True)
class Sample:
    """One radiograph of the tree: an image with or without a label, or a label whose image is missing."""

    split: str
    image: Path | None
    label: Path | None


@dataclass
class Tree:
    """What was found.

    Attributes:
        samples: Sorted by split and name.
        repeated: Images not used because another one has the same name in the same split.
        ignored: Images in folders that belong to no split.
        other_view: Images of a view that is not read.
        refused: Images and labels that cannot be used, with the reason.
    """

    samples: list[Sample] = field(default_factory=list)
    repeated: list[Path] = field(default_factory=list)
    ignored: list[Path] = field(default_factory=list)
    other_view: list[Path] = field(default_factory=list)
    refused: list[tuple[Path, str]] = field(default_factory=list)


def source_of(stem: str) -> str:
    """The name of the original radiograph of which a file may be an augmented copy."""
    return _AUGMENTED_COPY.sub('', stem)


def patient_of(stem: str) -> str:
    """The patient id where the name carries one (BUU-LSPINE), else the name of the original radiograph."""
    source = source_of(stem)
    match = BUU_NAME.fullmatch(source)
    return match['patient'] if match else source


def find_samples(root: Path, exclude: Path | None = None) -> Tree:
    """Every radiograph and label under ``root``.

    Args:
        root: Top of the extracted archive.
        exclude: A folder below ``root`` not to look into: where an earlier run has written to.
    """
    images: dict[_Key, list[Path]] = defaultdict(list)
    labels: dict[_Key, dict[str, Path]] = defaultdict(dict)  # by stem
    tree = Tree()
    for path in files_below(root, exclude, tree.refused):
        key = _key(path.parent.relative_to(root))
        suffix = path.suffix.lower()
        if suffix in RADIOGRAPH_SUFFIXES:
            images[key].append(path)
        elif suffix in PARSERS and _LABELS in key and path.name.lower() not in _NOT_LABELS:
            known = labels[key].setdefault(path.stem, path)
            labels[key][path.stem] = min(known, path, key=_preference)

    found: dict[tuple[str, str], list[Sample]] = defaultdict(list)  # by split and stem
    for key, paths in images.items():
        split = _split(key)
        if split is None or (_IMAGES not in key and split != 'test'):
            tree.ignored += paths
            continue
        beside = labels.get(_twin(key), {})
        for path in paths:
            found[split, path.stem].append(Sample(split, path, beside.get(path.stem)))
    for key, by_stem in labels.items():
        split = _split(key)
        for stem, path in by_stem.items():
            if split and (split, stem) not in found:
                found[split, stem].append(Sample(split, None, path))
    refused = {path.stem for path, _ in tree.refused}
    for (split, stem), samples in sorted(found.items(), key=lambda item: (SPLITS.index(item[0][0]), item[0][1])):
        best = min(samples, key=lambda sample: (sample.label is None, _preference(sample.label), str(sample.image)))
        is_half = best.image is None or (best.label is None and split != 'test')
        if not (is_half and stem in refused):  # why the other half is missing is said already
            tree.samples.append(best)
        tree.repeated += [sample.image for sample in samples if sample is not best]
    return tree


def files_below(root: Path, exclude: Path | None, refused: list[tuple[Path, str]]) -> Iterator[Path]:
    """All files under ``root`` in a fixed order, without hidden ones; links to folders are followed once.

    Images, labels and folders that may not be followed are appended to ``refused``, with the reason: a link that an
    archive brings along must not fetch what lies elsewhere on the machine.
    """
    seen, top = set(), root.resolve()
    for folder, folders, names in os.walk(root, followlinks=True):
        here = Path(folder)
        seen.add(here.resolve())
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith('.')
            and name.lower() not in _NOT_DATA
            and (here / name).resolve() not in (*seen, exclude)
            and not is_refused(here / name, top, refused)
        )
        for path in (here / name for name in sorted(names) if not name.startswith('.')):
            if path.suffix.lower() not in _OF_DATASETS or not is_refused(path, top, refused):
                yield path


def is_refused(path: Path, top: Path, refused: list[tuple[Path, str]]) -> bool:
    """Whether what is found at ``path`` may not be followed, for it lies outside the folder ``top``, itself resolved;
    then it is appended to ``refused``, with the reason."""
    try:
        path.name.encode()
        real = path.resolve()
    except UnicodeEncodeError:
        why = 'its name is not UTF-8: rename it'
    except (OSError, RuntimeError):  # a link to itself
        why = 'a link that leads nowhere: remove it'
    else:
        if real.is_relative_to(top):
            return False
        why = f'a link out of {top.name}: put what it leads to in its place'
    refused.append((path, why))
    return True


def leads_out(name: str) -> bool:
    """Whether a path that a file gives, of what lies below its folder, can be that of something else."""
    path = PurePosixPath(name)
    return path.is_absolute() or '..' in path.parts or '\0' in name


def _key(folder: Path) -> _Key:
    return tuple(_FOLDER_MEANS.get(name.lower(), name.lower()) for name in folder.parts)


def _split(key: _Key) -> str | None:
    return next((name for name in reversed(key) if name in SPLITS), None)


def _twin(key: _Key) -> _Key | None:
    """The folder of the labels that belong to a folder of images."""
    if _IMAGES not in key:
        return None
    last = len(key) - 1 - key[::-1].index(_IMAGES)
    return (*key[:last], _LABELS, *key[last + 1 :])


def _preference(label: Path | None) -> int:
    """Of two labels of one image the one in the dataset's own format comes first."""
    return list(PARSERS).index(label.suffix.lower()) if label else len(PARSERS)
