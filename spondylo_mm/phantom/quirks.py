"""Everything that is wrong with the real dataset, put into a phantom one and recorded in ``truth.json``.

An image gets one quirk at most, so that what a reader ought to report about it is beyond doubt.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..datasets.formats.faults import DOUBLED, LEAK, MISSING_LEVEL, STRAY, TOO_MANY, UNSORTED
from ..errors import InputError
from .labelling import LOOSE, YOLO, Mark
from .plan import ImageSpec, image_path, stream

YOLO_TEXT = 'yolo_text'  # the label is YOLO-pose text instead of JSON
AUGMENTED_COPY = 'augmented_copy'  # another version of a radiograph under the same name with another hash
CAUDAL_UNLABELLED = 'caudal_unlabelled'  # the lowest labelled vertebra is L5; no reader can know from the label alone
REVERSED, SHUFFLED = 'reversed', 'shuffled'  # the two ways of being unsorted

# Images of the dataset's 698 with damaged labels (41 unsorted, of which 26 reversed; S1 missing: a guess).
DAMAGE_RATES = {REVERSED: 26, SHUFFLED: 15, MISSING_LEVEL: 8, DOUBLED: 5, TOO_MANY: 4, CAUDAL_UNLABELLED: 4, STRAY: 1}
_REAL_IMAGES = 698
_COPIED_SHARE, _COPIES = 52 / 494, 2  # of the training images have two more versions of themselves, the second mirrored
_LEAKED_SHARE = 7 / 16  # of the blind images
_YOLO_SHARE = 0.5  # of the undamaged loose labels: an archive may have some converted and others not
LEAST_TRAIN = 1 + _COPIES
LEAST_TEST = 1
LEAST_LABELLED = LEAST_TRAIN + len(DAMAGE_RATES) + 2  # and one for the text label, one that is also blind

LEAST_LABELLED_VERTEBRAE = 7  # an image with a gap, a double or no S1 still shows a spine
_QUIRKS_STREAM = 102
_STRAY_SIZE, _STRAY_DISTANCE = (18, 2), 150  # px of 640
_MIN_GAP = 1.75  # spacings; a reader that looks for gaps over 1.7 must see it
_DOUBLE_SHIFT = (0.12, 0.33)  # of the spacing: far under half of it, and the boxes overlap with an IoU over 0.3


def assign(specs: list[ImageSpec], seed: int) -> list[ImageSpec]:
    """Give every quirk to at least one image, and about as often as in the real dataset where there are many.

    Raises:
        InputError: too few images to hold every quirk once, or label files of one kind only.
    """
    count = {split: sum(spec.split == split for spec in specs) for split in ('train', 'val', 'test')}
    labelled = count['train'] + count['val']
    if count['train'] < LEAST_TRAIN or count['test'] < LEAST_TEST or labelled < LEAST_LABELLED:
        raise InputError(
            f'too few images for every quirk: --quirks needs at least --train {LEAST_TRAIN}, '
            f'--test {LEAST_TEST} and {LEAST_LABELLED} images in train and val together'
        )
    if len({spec.kind for spec in specs if spec.kind}) == 1:
        raise InputError('label files of one kind only: --quirks needs both, leave --style at mixed')
    rng = np.random.default_rng(stream(seed, _QUIRKS_STREAM))
    chosen = {spec: spec for spec in specs}
    free = [spec for spec in specs if spec.split != 'test']

    def take(number: int, split: str | None = None) -> list[ImageSpec]:
        candidates = [spec for spec in free if split in (None, spec.split)]
        taken = [candidates[i] for i in rng.permutation(len(candidates))[:number]]
        for spec in taken:
            free.remove(spec)
        return taken

    def as_text(spec: ImageSpec) -> None:
        free.remove(spec)
        chosen[spec] = replace(spec, label_format=YOLO, quirk=YOLO_TEXT)

    as_text(next(spec for spec in free if spec.kind == LOOSE))
    for _ in range(max(1, int(_COPIED_SHARE * count['train']))):
        base, *copies = take(1 + _COPIES, 'train')
        for number, spec in enumerate(copies):
            path = image_path('train', base.stem, seed, spec.index)
            chosen[spec] = replace(
                base, index=spec.index, path=path, quirk=AUGMENTED_COPY, origin=base, is_mirrored=number % 2 == 1
            )
    for quirk, rate in DAMAGE_RATES.items():
        for spec in take(max(1, round(rate * labelled / _REAL_IMAGES))):
            chosen[spec] = replace(spec, quirk=quirk)
    partners = take(max(1, round(_LEAKED_SHARE * count['test'])))
    for spec, partner in zip((spec for spec in specs if spec.split == 'test'), partners, strict=False):
        path = image_path('test', partner.stem, seed, spec.index)
        chosen[spec] = replace(spec, patient=partner.patient, path=path, quirk=LEAK, origin=partner)
    for spec in [spec for spec in free if spec.kind == LOOSE]:
        if rng.random() < _YOLO_SHARE:
            as_text(spec)
    return [chosen[spec] for spec in specs]


def damage(
    quirk: str | None, marks: list[Mark], width: int, height: int, rng: np.random.Generator
) -> tuple[list[Mark], list[dict]]:
    """Spoil what an annotator marked, top to bottom, and say how.

    Returns:
        The marks as they go to disk, and the quirks for ``truth.json``: ``kind``, ``vertebra`` (level or None), and
        ``entry`` where one entry of the file is at fault: its index there.
    """
    if quirk == REVERSED:
        return marks[::-1], [_record(UNSORTED, how=quirk)]
    if quirk == SHUFFLED:
        order = np.arange(len(marks))
        while (order == np.arange(len(marks))).all() or (order == np.arange(len(marks))[::-1]).all():
            order = rng.permutation(len(marks))
        return [marks[i] for i in order], [_record(UNSORTED, how=quirk)]
    if quirk == TOO_MANY:
        return marks, [_record(TOO_MANY, marks[0].level, entry=0)]
    if quirk == CAUDAL_UNLABELLED:
        return marks[:-1], [_record(CAUDAL_UNLABELLED, marks[-1].level)]
    if quirk == MISSING_LEVEL:
        gone = _droppable(marks, rng)
        return marks[:gone] + marks[gone + 1 :], [_record(MISSING_LEVEL, marks[gone].level)]
    if quirk == DOUBLED:
        return _doubled(marks, rng)
    if quirk == STRAY:
        return _with_stray(marks, width, height, rng)
    return marks, []


def _record(kind: str, vertebra: str | None = None, **details: object) -> dict:
    return {'kind': kind, 'vertebra': vertebra, **details}


def _centers(marks: list[Mark]) -> np.ndarray:
    return np.array([mark.corners.mean(axis=0) for mark in marks])


def _droppable(marks: list[Mark], rng: np.random.Generator) -> int:
    """An inner vertebra whose absence leaves an evident gap; if there is none such, the one that leaves the widest."""
    gaps = []
    for index in range(1, len(marks) - 1):
        spacing = np.linalg.norm(np.diff(_centers(marks[:index] + marks[index + 1 :]), axis=0), axis=1)
        gaps.append(spacing[index - 1] / np.median(spacing))
    evident = np.flatnonzero(np.array(gaps) > _MIN_GAP)
    return 1 + int(rng.choice(evident) if len(evident) else np.argmax(gaps))


def _doubled(marks: list[Mark], rng: np.random.Generator) -> tuple[list[Mark], list[dict]]:
    """One inner vertebra marked a second time, a little further along the spine."""
    index = int(rng.integers(1, len(marks) - 1))
    centers = _centers(marks)
    below = rng.random() < 0.5
    step = centers[index + 1] - centers[index] if below else centers[index - 1] - centers[index]
    again = marks[index].corners + rng.uniform(*_DOUBLE_SHIFT) * step
    entry = index + 1 if below else index
    doubled = [*marks[:entry], Mark(None, again), *marks[entry:]]
    return doubled, [_record(DOUBLED, marks[index].level, entry=entry)]


def _with_stray(marks: list[Mark], width: int, height: int, rng: np.random.Generator) -> tuple[list[Mark], list[dict]]:
    """A tiny box far from the spine, listed where its height in the image puts it."""
    unit = np.array([width, height]) / 640
    corners = np.concatenate([mark.corners for mark in marks])
    size = np.maximum(np.round(unit * _STRAY_SIZE), 2)
    while True:
        corner = np.floor(rng.uniform(0, [width - size[0] - 1, height - size[1] - 1]))
        distance = np.linalg.norm((corners - corner) / unit, axis=1).min()
        if distance > _STRAY_DISTANCE:
            break
    stray = Mark(None, corner + size * [(0, 0), (1, 0), (0, 1), (1, 1)], is_boxed_exactly=True)
    entry = int((_centers(marks)[:, 1] < corner[1]).sum())
    return [*marks[:entry], stray, *marks[entry:]], [_record(STRAY, entry=entry)]
