"""Thousands of films: memory grows with their number by their names when they are predicted, by their labels when they
are prepared, and holds no film."""

import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from spondylo_mm.phantom.writer import write_dataset

from .kills import Tool

IMAGES = int(os.environ.get('LOAD_IMAGES', 1000))
FEW = IMAGES // 10  # the run whose memory the long one is compared with
FILM = 256 * 256  # bytes of a decoded film
NAMES = 12_000  # bytes a film: its name, and some megabytes of noise; what is known of it would take 29,000
pytestmark = pytest.mark.robust


@pytest.fixture(scope='module')
def many(tmp_path_factory) -> Callable[[int], Path]:
    """``many(count)``: a labelled dataset of so many films, each a file and a patient of its own; copies of phantoms,
    with a number after the end of the image, which no decoder reads."""
    drawn = tmp_path_factory.mktemp('drawn') / 'data'
    write_dataset(drawn, dict(train=max(30, IMAGES // 25), val=0, test=0), seed=4, size=256)
    films = sorted(drawn.rglob('images/train/*.jpg'))
    labels = [next(drawn.rglob(f'labels/train/{film.stem}.*')) for film in films]

    def make(count: int) -> Path:
        root = tmp_path_factory.mktemp('many') / 'raw'
        for split in ('train', 'val'):
            for kind in ('images', 'labels'):
                (root / kind / split).mkdir(parents=True)
        for number in range(count):
            split, stem = 'val' if number % 10 == 9 else 'train', f'{number:04d}-F-050Y1'
            film, label = films[number % len(films)], labels[number % len(films)]
            (root / 'images' / split / f'{stem}.jpg').write_bytes(film.read_bytes() + number.to_bytes(8, 'big'))
            shutil.copy(label, root / 'labels' / split / f'{stem}{label.suffix}')
        return root

    return make


def peak(tool: Tool) -> int:
    """The most memory (resident set, bytes) that a tool has while it runs to its end."""
    most = 0
    ended = threading.Event()

    def watch() -> None:
        nonlocal most
        while not ended.wait(0.02):
            most = max(most, tool.memory)

    watcher = threading.Thread(target=watch)
    watcher.start()
    tool.finish(300 + IMAGES)
    ended.set()
    watcher.join()
    assert tool.status == 0, tool.output
    return most


def measured(what: str, start: Callable[[int], Tool]) -> float:
    """Bytes by which memory grows with each film, between a few and all of them."""
    began = time.monotonic()
    peaks = [peak(start(count)) for count in (FEW, IMAGES)]
    minutes = (time.monotonic() - began) / 60
    print(f'{what}: {FEW} films {peaks[0] / 2**20:.0f} MB, {IMAGES} films {peaks[1] / 2**20:.0f} MB, {minutes:.1f} min')
    return (peaks[1] - peaks[0]) / (IMAGES - FEW)


def test_preparing(many, tmp_path, record_property):
    def start(count: int) -> Tool:
        return Tool(tmp_path / 'said', 'prepare_data.py', many(count), '--out', tmp_path / str(count))

    grown = measured('prepare_data', start)
    record_property('area', 'load')
    record_property('survived', IMAGES)
    assert grown < FILM / 2
    assert len(list((tmp_path / str(IMAGES)).rglob('*.jpg'))) == IMAGES


def test_predicting(many, tiny_config, trained, phantoms, tmp_path, record_property):
    def start(count: int) -> Tool:
        out = ('--out', tmp_path / str(count), '--no-report')
        films = ('--images', many(count) / 'images', '--data-root', phantoms)
        return Tool(tmp_path / 'said', 'test.py', tiny_config, trained, *films, *out)

    grown = measured('test --images', start)
    record_property('area', 'load')
    record_property('survived', IMAGES)
    assert grown < NAMES
    assert len(list((tmp_path / str(IMAGES) / 'overlays').glob('*.png'))) == IMAGES
