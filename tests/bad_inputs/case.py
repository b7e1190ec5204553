"""What a bad input is: how it is made, and what must come of it.

The cases are in ``labels``, ``images``, ``trees``, ``phantoms``, ``annotations``, ``configs``, ``checkpoints`` and
``command_lines``; ``corpus`` collects them, ``test_corpus`` runs them, ``table`` writes docs/bad_inputs.md from them.
None is stored.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

REFUSED = 'refused'  # exit 2 and one line: which file, what to do
REPAIRED = 'repaired'  # exit 0, the repair is named
SURVIVED = 'survived'  # exit 0, nothing to say: it only looked bad

OTHERS_DONE = 'done'  # the good files of the same folder are done
NOTHING_WRITTEN = 'nothing is written'
GOOD_TRAIN, GOOD_VAL, BAD = '0001-F-050Y1', '0002-F-050Y1', '0003-F-050Y1'
SIZE = 160, 200

# Five vertebrae that nothing is wrong with, for an image of SIZE.
COLUMN = [[[50, y, 1], [90, y, 1], [50, y + 18, 1], [90, y + 18, 1]] for y in range(20, 140, 24)]


@dataclass(frozen=True)
class Case:
    """One bad input.

    Attributes:
        area: which table it is in.
        name: what is wrong, in the words of the table.
        make: makes it in a :class:`Bench` and returns the command line, the tool first.
        says: part of the error line, or of the repair's.
        expected: REFUSED, REPAIRED or SURVIVED.
        rest: what becomes of good input beside it.
        files: how many bad files there are: each gets its line, or is done.
        process: run in a process of its own, not in the test's; with torch that takes ten seconds.
    """

    area: str
    name: str
    make: Callable[[Bench], list]
    says: str = ''
    expected: str = REFUSED
    rest: str = NOTHING_WRITTEN
    files: int = 1
    process: bool = False


@dataclass(frozen=True)
class Bench:
    """An empty folder to make a case in, and good things to make it from.

    Attributes:
        fixture: a fixture by its name; those that take long to make are only made for cases that need them.
    """

    folder: Path
    fixture: Callable[[str], Path]

    @property
    def phantoms(self) -> Path:
        return self.fixture('phantoms')

    @property
    def config(self) -> Path:
        return self.fixture('tiny_config')

    @property
    def checkpoint(self) -> Path:
        return self.fixture('trained')

    @property
    def raw(self) -> Path:
        return self.folder / 'raw'

    @property
    def films(self) -> Path:
        return self.folder / 'films'

    @property
    def out(self) -> Path:
        return self.folder / 'out'

    def dataset(self, label: str | bytes | None = None, suffix: str = '.json') -> list:
        """Prepare a tree of two good radiographs and a third whose label this is."""
        for split, stem in (('train', GOOD_TRAIN), ('val', GOOD_VAL), ('val', BAD)):
            self.save(split, stem)
        path = self.label(suffix)
        if label is not None:
            self.label('.json').unlink()
            path.write_bytes(label if isinstance(label, bytes) else label.encode())
        return ['prepare_data.py', self.raw, '--out', self.out]

    def save(self, split: str, stem: str) -> None:
        """A good radiograph with a good label."""
        image, label = self.raw / 'images' / split / f'{stem}.png', self.raw / 'labels' / split / f'{stem}.json'
        for path in (image, label):
            path.parent.mkdir(parents=True, exist_ok=True)
        noise(len(list(self.raw.rglob('*')))).save(image)
        label.write_text(json.dumps(dict(keypoints=COLUMN)))

    def label(self, suffix: str = '.json') -> Path:
        return self.raw / 'labels' / 'val' / f'{BAD}{suffix}'

    def image(self, suffix: str = '.png') -> Path:
        return self.raw / 'images' / 'val' / f'{BAD}{suffix}'

    def films_beside(self, name: str | bytes = 'good.png') -> Path:
        """A folder with one good film; returns the path of another one to be made there."""
        self.films.mkdir()
        noise(1).save(self.films / 'good.png')
        return self.films / (name if isinstance(name, str) else name.decode(errors='surrogateescape'))

    def predict(self, *arguments: object) -> list:
        """Predict the films, or what the arguments say."""
        what = [] if '--split' in arguments or '--images' in arguments else ['--images', self.films]
        return ['test.py', self.config, self.checkpoint, '--data-root', self.phantoms, '--out', self.out] + [
            *what,
            *arguments,
        ]

    def train(self, *arguments: object, config: Path | None = None) -> list:
        return ['train.py', config or self.config, '--data-root', self.phantoms, '--work-dir', self.out, *arguments]


def noise(seed: int, size: tuple[int, int] = SIZE, kind: type = np.uint8) -> Image.Image:
    """A good image, as no other seed makes it."""
    width, height = size
    return Image.fromarray(np.random.default_rng(seed).integers(0, np.iinfo(kind).max, (height, width), dtype=kind))
