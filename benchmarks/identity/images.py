"""The radiographs that identity is tested on: phantoms of known levels, of which less and less is to be seen.

- ``field``: 5 to 10 vertebrae, as many films of each number; cut off at the top wherever that is;
- ``no sacrum``: the same films cut off below L5. What is left of the sacrum counts as unknown, all others keep their
  slots: a model that numbers by position, because it sees no sacrum, identifies none;
- ``hidden``: those of ``field`` with one to three levels in a row under a block of gas or metal. These count as
  unknown; all others are still to be found in their own slots;
- ``labels``: other phantoms as annotators label them, inexactly and beginning where they like (``prepare_data`` on
  label files): what a metric on the real dataset would show.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from spondylo_mm.anatomy import CORNERS, EMPTY, LABELLED, NUM_SLOTS, UNKNOWN
from spondylo_mm.datasets.formats.coco import Entry, coco_file
from spondylo_mm.datasets.formats.label import Label
from spondylo_mm.phantom.plan import ImageSpec, plan
from spondylo_mm.phantom.radiograph import make_case, make_radiograph
from spondylo_mm.phantom.writer import write_jpeg

SETS = ('field', 'no sacrum', 'hidden', 'labels')
SEED = 202  # of no phantom that is trained on
SIZE = 640
_FEWEST, _MOST = 5, NUM_SLOTS
_PLANNED = 8  # as many are planned for each that is drawn: one film in 25 shows ten vertebrae
_BELOW_L5 = 0.15  # of L5's height is left below it


def write_set(name: str, folder: Path, number: int) -> None:
    """Write images and ``annotations/val.json`` of one of ``SETS`` but the last."""
    entries = []
    for index, spec in enumerate(_specs(number)):
        radiograph = make_radiograph(spec, SEED, SIZE)
        pixels, label = radiograph.pixels, _true_label(radiograph.truth)
        rng = np.random.default_rng([SEED, index])
        if name == 'no sacrum':
            pixels, label = without_sacrum(pixels, label)
        elif name == 'hidden':
            pixels, label = with_levels_hidden(pixels, label, rng)
        path = f'images/val/{index:04d}.jpg'
        write_jpeg(folder / path, pixels)
        entries.append(Entry(path, pixels.shape[1], pixels.shape[0], source=path, patient=str(index), label=label))
    info = dict(description=f'{name}: phantoms for benchmarks/identity', anchor='caudal')
    (folder / 'annotations').mkdir(parents=True, exist_ok=True)
    (folder / 'annotations' / 'val.json').write_text(json.dumps(coco_file(entries, info)))


def _specs(number: int) -> list[ImageSpec]:
    """Phantoms to draw: of each number of visible vertebrae in turn the next that the plan has."""
    specs = plan(dict(train=0, val=_PLANNED * number, test=0), SEED, 'mixed')
    by_count: dict[int, list[ImageSpec]] = {count: [] for count in range(_FEWEST, _MOST + 1)}
    for spec in specs:
        visible = len(make_case(spec, SEED, SIZE).truth['vertebrae'])
        if visible in by_count:
            by_count[visible].append(spec)
    counts = list(by_count)
    return [by_count[counts[index % len(counts)]][index // len(counts)] for index in range(number)]


def _true_label(truth: dict) -> Label:
    corners = np.array([[vertebra['corners'][corner] for corner in CORNERS] for vertebra in truth['vertebrae']])
    return _label(corners, np.arange(len(corners)))


def without_sacrum(pixels: np.ndarray, label: Label) -> tuple[np.ndarray, Label]:
    """Cut an image (H, W) off below L5 and stretch what is left to the same size."""
    height = pixels.shape[0]
    lowest = label.corners[1]
    end = int(np.ceil(lowest[:, 1].max() + _BELOW_L5 * np.ptp(lowest[:, 1])))
    end = min(end, height - 1)
    cut = cv2.resize(pixels[: end + 1], pixels.shape[::-1], interpolation=cv2.INTER_LINEAR)
    # cv2.resize aligns the outer edges of pixels, not their centres
    corners = (label.corners[1:] + 0.5) * [1, height / (end + 1)] - 0.5
    rest = _label(corners, label.slots[1:])
    return cut, replace(rest, presence=np.where(np.arange(NUM_SLOTS) == 0, UNKNOWN, rest.presence))


def with_levels_hidden(pixels: np.ndarray, label: Label, rng: np.random.Generator) -> tuple[np.ndarray, Label]:
    """Put a block of gas (dark, with a soft edge) or metal (white, with a hard one) over one to three neighbouring
    levels that are neither the lowest nor the topmost."""
    number = len(label.slots)
    count = int(rng.integers(1, min(3, number - 2) + 1))
    first = int(rng.integers(1, number - count))
    hidden = np.arange(first, first + count)
    outline = cv2.convexHull(label.corners[hidden].reshape(-1, 2).astype(np.float32)).reshape(-1, 2)
    centre = outline.mean(axis=0)
    outline = centre + (outline - centre) * 1.08  # endplates as well
    cover = np.zeros(pixels.shape, np.float32)
    cv2.fillPoly(cover, [np.round(outline).astype(np.int32)], 1.0)
    if rng.random() < 0.5:
        grey, cover = 250.0, cover
    else:
        grey, cover = rng.uniform(5, 30), cv2.GaussianBlur(cover, (0, 0), 3.0)
    covered = pixels * (1 - cover) + grey * cover
    seen = np.setdiff1d(np.arange(number), hidden)
    presence = np.where(np.isin(np.arange(NUM_SLOTS), hidden), UNKNOWN, label.presence)
    result = _label(label.corners[seen], seen)
    return np.round(covered).astype(np.uint8), replace(result, presence=presence)


def _label(corners: np.ndarray, slots: np.ndarray) -> Label:
    """Vertebrae (V, 4, 2) in their slots; there are no others."""
    presence = np.full(NUM_SLOTS, EMPTY)
    presence[slots] = LABELLED
    order = ','.join(CORNERS)
    return Label(corners, slots, presence, slots, repairs=(), order=order, loose=None, format='.json')
