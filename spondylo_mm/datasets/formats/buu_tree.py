"""Finding the lateral radiographs and labels of BUU-LSPINE, and giving every patient a split: it comes without any.

``LA/0001-F-037Y1.jpg`` (lateral) and ``AP/0001-F-037Y0.jpg``, a CSV of the same name beside each. The name says the
view, or else the folder; any other folders, or none, will do.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from ..radiograph import RADIOGRAPH_SUFFIXES
from .buu import SUFFIX
from .mendeley import BUU_NAME, SPLITS, Sample, Tree, files_below, patient_of

HELD_OUT_SHARE = 0.15  # of the patients for val, and as many for test; the others are for training
AP, LATERAL = 'AP', 'lateral'
_VIEW_OF_NAME = {'0': AP, '1': LATERAL}  # the last digit of 0001-F-037Y1
_VIEW_OF_FOLDER = {'ap': AP, 'la': LATERAL, 'lat': LATERAL, 'lateral': LATERAL}


def find_samples(root: Path, exclude: Path | None = None, seed: int = 0) -> Tree:
    """Every lateral radiograph under ``root`` that has a label.

    Args:
        root: Top of the extracted archive.
        exclude: A folder below ``root`` not to look into.
        seed: Of the split, see ``split_of_patients``.
    """
    images: dict[Path, Path] = {}  # by path without suffix
    labels: dict[Path, Path] = {}
    tree = Tree()
    for path in files_below(root, exclude, tree.refused):
        by_suffix = images if path.suffix.lower() in RADIOGRAPH_SUFFIXES else labels
        if by_suffix is labels and path.suffix.lower() != SUFFIX:
            continue
        if path.with_suffix('') in by_suffix:  # the same in .jpg and .png, say
            tree.repeated.append(path)
        else:
            by_suffix[path.with_suffix('')] = path

    lateral: dict[str, list[Path]] = defaultdict(list)  # paths without suffix by stem
    for base, image in images.items():
        by_name, by_folder = _views(base, root)
        if by_name and by_folder and by_name != by_folder:
            tree.refused.append((image, f'{by_name} by its name, {by_folder} by its folder: move or rename it'))
        elif AP in (by_name, by_folder):
            tree.other_view.append(image)
        elif base not in labels:
            tree.refused.append((image, 'no CSV of this name beside the image: add it or remove the image'))
        else:
            lateral[base.name].append(base)
    for base, label in labels.items():
        if base not in images and LATERAL in _views(base, root):  # any other CSV may be anything
            tree.refused.append((label, 'no image of this name beside the CSV: add it or remove the CSV'))

    splits = split_of_patients({patient_of(stem) for stem in lateral}, seed)
    for stem, (base, *others) in sorted(lateral.items()):
        tree.samples.append(Sample(splits[patient_of(stem)], images[base], labels[base]))
        tree.repeated += [images[other] for other in others]
    tree.samples.sort(key=lambda sample: SPLITS.index(sample.split))  # stable: by name within a split
    return tree


def split_of_patients(patients: Iterable[str], seed: int) -> dict[str, str]:
    """A split for each patient: 70 % train, 15 % val, 15 % test.

    Patients are ranked by a hash of seed and id, so that a patient more or less moves hardly any other one: a model can
    be tested on an enlarged dataset without meeting many of those it was trained on.
    """
    ranked = sorted(patients, key=lambda patient: hashlib.sha256(f'{seed} {patient}'.encode()).digest())
    held_out = max(1, round(HELD_OUT_SHARE * len(ranked)))
    test, val = (held_out if len(ranked) >= least else 0 for least in (3, 2))  # a split of one patient is no test
    return {
        patient: 'test' if rank < test else 'val' if rank < test + val else 'train'
        for rank, patient in enumerate(ranked)
    }


def _views(base: Path, root: Path) -> tuple[str | None, str | None]:
    """The view of an image or label by its name and by its innermost telling folder."""
    match = BUU_NAME.fullmatch(base.name)
    folders = [_VIEW_OF_FOLDER.get(name.lower()) for name in reversed(base.relative_to(root).parent.parts)]
    return _VIEW_OF_NAME.get(match['view']) if match else None, next(filter(None, folders), None)
