"""Which images a dataset will have: their names, patients, label kinds and quirks, decided before anything is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from itertools import count as count_from

import numpy as np

from .labelling import JSON, LOOSE, TIGHT

SPLITS = ('train', 'val', 'test')
STYLES = (TIGHT, LOOSE, 'mixed')
_LOOSE_SHARE = 214 / 501  # of the patients: ids from 3700 on, with the second kind of label
_FIRST_LOOSE_ID = 3700
_LAST_ID = 4999  # of the real dataset; more only where more are asked for
_MORE_TIGHT_IDS = 1_000_000  # tight ones go on here when there are none left below ``_FIRST_LOOSE_ID``
_PLAN_STREAM, _NAME_STREAM = 100, 101  # seeds beside those of the splits


@dataclass(frozen=True)
class ImageSpec:
    """One image to be drawn.

    Attributes:
        split, index: Its place; with the seed they are the source of everything random about it.
        patient: Patient id.
        path: Of the image, relative to the dataset's root.
        kind: ``'tight'`` or ``'loose'``, None in the test split.
        label_format: ``'json'`` or ``'yolo'``, None in the test split.
        quirk: What is wrong with it, one of ``quirks.QUIRKS``, or None.
        origin: The image whose radiograph this is another version of; None for an image of its own.
        is_mirrored: It is flipped left to right against ``origin``.
    """

    split: str
    index: int
    patient: str
    path: str
    kind: str | None
    label_format: str | None
    quirk: str | None = None
    origin: ImageSpec | None = None
    is_mirrored: bool = False

    @property
    def stem(self) -> str:
        """Patient, sex and age as the names have it: ``3209-F-073Y1``."""
        return self.path.rsplit('/', 1)[-1].removesuffix('.jpg').split('_jpg.rf.')[0]

    @property
    def label_path(self) -> str:
        """Of the label file, relative to the root."""
        suffix = '.json' if self.label_format == JSON else '.txt'
        return self.path.replace('/images/', '/labels/').removesuffix('.jpg') + suffix


def stream(seed: int, *keys: int) -> np.random.SeedSequence:
    """The source of randomness of one image or one decision: independent of all others."""
    return np.random.SeedSequence([seed, *keys])


def image_path(split: str, stem: str, seed: int, index: int) -> str:
    """Where an image lies; train and val names end in a hash of 32 hexadecimal digits, as Roboflow exports them."""
    if split == 'test':
        return f'Test/{stem}.jpg'
    digest = np.random.default_rng(stream(seed, _NAME_STREAM, SPLITS.index(split), index)).bytes(16).hex()
    return f'Train/Keypointrcnn_data/images/{split}/{stem}_jpg.rf.{digest}.jpg'


def plan(counts: dict[str, int], seed: int, style: str) -> list[ImageSpec]:
    """The images of a dataset without quirks, ``counts[split]`` of each split; every one is of a patient of its own."""
    rng = np.random.default_rng(stream(seed, _PLAN_STREAM))
    total = sum(counts.values())
    tight_ids = chain(rng.permutation(np.arange(1, _FIRST_LOOSE_ID)), count_from(_MORE_TIGHT_IDS))
    loose_ids = iter(rng.permutation(np.arange(_FIRST_LOOSE_ID, max(_LAST_ID + 1, _FIRST_LOOSE_ID + total))))
    specs = []
    for split in SPLITS:
        for index in range(counts[split]):
            # Mixed kinds alternate, so that the smallest dataset has both.
            is_loose = split == 'test' or style == LOOSE or (style != TIGHT and _takes_turn(index, _LOOSE_SHARE))
            patient = next(loose_ids if is_loose else tight_ids)
            stem = f'{patient:04d}-{"FM"[rng.integers(2)]}-{rng.integers(18, 91):03d}Y1'
            kind = None if split == 'test' else LOOSE if is_loose else TIGHT
            specs.append(
                ImageSpec(
                    split,
                    index,
                    f'{patient:04d}',
                    image_path(split, stem, seed, index),
                    kind,
                    label_format=kind and JSON,
                )
            )
    return specs


def _takes_turn(index: int, share: float) -> bool:
    """True for evenly spread ``share`` of the indices."""
    return int((index + 1) * share) > int(index * share)
