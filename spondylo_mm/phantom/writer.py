"""A whole phantom dataset on disk, in the layout of the real one and with ``truth.json`` beside it."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import uuid
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from ..atomic import atomic_path, write_json, write_text
from ..errors import InputError
from .geometry import SLIP_PROBABILITY, SlipRates
from .plan import SPLITS, STYLES, ImageSpec, plan
from .quirks import assign
from .radiograph import make_radiograph

SCHEMA = 1
MIN_SIZE = 128  # px; below, a vertebral body is under 10 px high and its corners mean little
JPEG_QUALITY = 92


def write_dataset(
    out: str | Path,
    counts: dict[str, int],
    seed: int = 0,
    size: int = 640,
    style: str = 'mixed',
    quirks: bool = False,
    slips: float = SLIP_PROBABILITY,
    processes: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> dict:
    """Write a dataset; the folder is there whole or not at all, and the same for any number of processes.

    Args:
        out: Folder to make; may exist if it is empty.
        counts: Images per split: train, val, test.
        seed: Not negative.
        size: Side of the train and val images, px; the blind ones are larger and not square.
        style: Kind of label files: ``'tight'``, ``'loose'`` or ``'mixed'``.
        quirks: Put in everything that is wrong with the real dataset.
        slips: Share of the spines with a vertebra slipped forwards, of any grade.
        processes: How many draw at a time.
        progress: Called with the images done and all images.

    Returns:
        The content of ``truth.json``.

    Raises:
        InputError: a value out of range, or a folder that is not empty.
    """
    out = Path(out).resolve()
    check(out, counts, seed, size, style, slips, processes)
    specs = plan(counts, seed, style)
    if quirks:
        specs = assign(specs, seed)
    write_image = partial(_write_image, rates=SlipRates.with_antero(slips))
    return write_images(out, specs, seed, size, processes, write_image, progress)


def write_images(
    out: Path,
    specs: list[ImageSpec],
    seed: int,
    size: int,
    processes: int,
    write_image: Callable[..., dict],
    progress: Callable[[int, int], None] | None = None,
) -> dict:
    """Write the images of a plan and ``truth.json``; the folder ``out`` is there whole or not at all.

    Args:
        write_image: Called with a spec and ``root``, ``seed`` and ``size``; writes the image and what belongs to it and
            returns its entry of ``truth.json``.
        Others as in ``write_dataset``.
    """
    part = out.parent / f'.part-{uuid.uuid4().hex}'
    try:
        part.mkdir(parents=True)
        truth = {'schema': SCHEMA, 'seed': seed, 'images': {}}
        write = partial(write_image, root=part, seed=seed, size=size)
        with closing(_written(specs, write, processes)) as entries:
            for spec, entry in zip(specs, entries, strict=True):
                truth['images'][spec.path] = entry
                if progress:
                    progress(len(truth['images']), len(specs))
        write_json(part / 'truth.json', truth)
        os.replace(part, out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return truth


def check(out: Path, counts: dict[str, int], seed: int, size: int, style: str, slips: float, processes: int) -> None:
    """Raise an ``InputError`` for a value of ``write_dataset`` that is out of range."""
    if set(counts) != set(SPLITS) or min(counts.values()) < 0 or not any(counts.values()):
        numbers = ', '.join(f'{split} {number}' for split, number in counts.items())
        raise InputError(f'images: {numbers}: give no number below 0, and at least one image in all')
    for name, value, least in (('seed', seed, 0), ('size', size, MIN_SIZE), ('processes', processes, 1)):
        if value < least:
            raise InputError(f'{name} {value}: must be at least {least}')
    if not 0 <= slips <= 1:
        raise InputError(f'slips {slips}: is a share of the spines, from 0 to 1')
    if style not in STYLES:
        raise InputError(f'style {style!r}: choose one of {", ".join(STYLES)}')
    if out.exists() and not out.is_dir():
        raise InputError(f'{out}: is a file; name a folder')
    if out.exists() and any(out.iterdir()):
        raise InputError(f'{out}: is not empty; name a new folder, or empty it first')


def _written(specs: list[ImageSpec], write: Callable[[ImageSpec], dict], processes: int) -> Generator[dict, None, None]:
    """Draw and write every image; yields their entries of ``truth.json`` in order."""
    if processes == 1:
        yield from map(write, specs)
        return
    # Spawned, not forked: a forked process may inherit a lock that a thread of torch or OpenCV held.
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(min(processes, len(specs)), context, cv2.setNumThreads, (1,)) as pool:
        try:
            yield from pool.map(write, specs, chunksize=4)
        finally:  # on an error, or when the caller stops, what has not begun is not begun
            pool.shutdown(cancel_futures=True)


def _write_image(spec: ImageSpec, root: Path, seed: int, size: int, rates: SlipRates) -> dict:
    radiograph = make_radiograph(spec, seed, size, rates)
    write_jpeg(root / spec.path, radiograph.pixels)
    if isinstance(radiograph.label, str):
        write_text(root / spec.label_path, radiograph.label)
    elif radiograph.label is not None:
        write_json(root / spec.label_path, radiograph.label)
    return radiograph.truth


def write_jpeg(path: Path, pixels: np.ndarray) -> None:
    """Write grey pixels (H, W), or a sheet in BGR (H, W, 3), atomically."""
    with atomic_path(path) as part:
        jpeg = cv2.imencode('.jpg', pixels, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
        part.write_bytes(jpeg.tobytes())  # cv2.imwrite would swallow the error of a full disk
