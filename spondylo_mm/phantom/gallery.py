"""Contact sheets for the eye: real radiographs beside phantoms, and phantoms with their truth drawn on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ..atomic import make_output_folder
from ..datasets.radiograph import RADIOGRAPH_SUFFIXES, read_radiograph
from ..errors import InputError
from ..visualization.overlay import draw_overlay
from .plan import plan
from .radiograph import make_radiograph
from .writer import MIN_SIZE, write_jpeg

SHEET, TRUTH_SHEET = 'gallery.jpg', 'gallery_truth.jpg'
PHANTOMS, REAL = 12, 8
_TILE = (330, 500)  # px, width and height of one radiograph on a sheet
_COLUMNS = 4
_GAP = 4
_STRETCH = 1.47  # of x against y on a squashed image, undone for the eye; its true value is not on record


def write_gallery(out: str | Path, real: str | Path | None = None, seed: int = 0, size: int = 640) -> list[Path]:
    """Write the sheets into the folder ``out`` and return their paths.

    Args:
        out: Folder; made if need be.
        real: Folder of real radiographs, searched recursively; eight of them, evenly chosen, are shown on the left.
        seed: Of the phantoms, which are drawn as blind images: not squashed.
        size: As of ``write_dataset``.

    Raises:
        InputError: no image in ``real``, a size or seed out of range, or a folder that cannot be written to.
    """
    for name, value, least in (('seed', seed, 0), ('size', size, MIN_SIZE)):
        if value < least:
            raise InputError(f'{name} {value}: must be at least {least}')
    columns = [] if real is None else [_grid(_real_tiles(Path(real)), columns=REAL // 3 + 1)]
    out = make_output_folder(out)
    plain, drawn = [], []
    for spec in plan({'train': 0, 'val': 0, 'test': PHANTOMS}, seed, 'mixed'):
        phantom = make_radiograph(spec, seed, size)
        plain.append(_tile(phantom.pixels))
        vertebrae = [
            {
                'slot': slot,
                'level': vertebra['level'],
                'corners': {name: {'x': x, 'y': y} for name, (x, y) in vertebra['corners'].items()},
            }
            for slot, vertebra in enumerate(phantom.truth['vertebrae'])
        ]
        drawn.append(_tile(draw_overlay(phantom.pixels, vertebrae)))
    columns.append(_grid(plain, _COLUMNS))
    height = max(column.shape[0] for column in columns)
    padded = [cv2.copyMakeBorder(each, 0, height - each.shape[0], 0, 6 * _GAP, cv2.BORDER_CONSTANT, value=(90, 90, 90))
              for each in columns]  # yapf: disable
    sheets = {out / SHEET: np.hstack(padded), out / TRUTH_SHEET: _grid(drawn, _COLUMNS)}
    for path, sheet in sheets.items():
        write_jpeg(path, sheet)
    return list(sheets)


def _real_tiles(folder: Path) -> list[np.ndarray]:
    paths = sorted(path for path in folder.rglob('*') if path.suffix.lower() in RADIOGRAPH_SUFFIXES)
    if not paths:
        raise InputError(f'{folder}: holds no radiograph: name a folder with {", ".join(RADIOGRAPH_SUFFIXES)} files')
    chosen = np.unique(np.linspace(0, len(paths) - 1, REAL).round().astype(int))
    return [_tile(read_radiograph(paths[index])) for index in chosen]


def _tile(image: np.ndarray) -> np.ndarray:
    """An image on a tile of the sheet, in colour, whole and in proportion."""
    if image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    height, width = image.shape[:2]
    if height == width:
        width = height / _STRETCH
    scale = min(_TILE[0] / width, _TILE[1] / height)
    shape = max(round(width * scale), 1), max(round(height * scale), 1)
    tile = np.full((_TILE[1], _TILE[0], 3), 30, np.uint8)
    tile[: shape[1], : shape[0]] = cv2.resize(image, shape, interpolation=cv2.INTER_AREA)
    return tile


def _grid(tiles: Sequence[np.ndarray], columns: int) -> np.ndarray:
    blank = np.full_like(tiles[0], 30)
    tiles = [*tiles, *[blank] * (-len(tiles) % columns)]
    framed = [cv2.copyMakeBorder(tile, 0, _GAP, 0, _GAP, cv2.BORDER_CONSTANT, value=(90, 90, 90)) for tile in tiles]
    return np.vstack([np.hstack(framed[start : start + columns]) for start in range(0, len(framed), columns)])
