"""What a prediction looks like to the user: one record per image, and the files written from the records.

The contract of ``predictions.json`` stands in the README. All coordinates are pixels of the image file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from ..anatomy import CORNERS, LEVELS, NUM_CORNERS, NUM_SLOTS
from ..atomic import atomic_path, write_json, write_text
from ..clinical.facing import facing
from ..clinical.meyerding import meyerding_grade
from ..clinical.slip import slip_percent
from ..codecs.presence import PRESENCE_THRESHOLD
from ..datasets.radiograph import read_radiograph
from ..visualization.overlay import draw_overlay

SCHEMA = 1
SUMMARY_COLUMNS = (
    'file_name',
    'width',
    'height',
    'facing',
    'num_vertebrae',
    'lowest_level',
    'highest_level',
    'mean_score',
    'largest_slip_percent',
    'largest_slip_levels',
    'largest_slip_grade',
)


def image_record(
    keypoints: np.ndarray,
    scores: np.ndarray,
    presence: np.ndarray,
    size: tuple[int, int],
    sd: np.ndarray | None = None,
    spacing: Sequence[float] = (1.0, 1.0),
) -> dict:
    """The record of one image.

    Args:
        keypoints: (K, 2) in image pixels.
        scores: (K,) in [0, 1].
        presence: (S,) in [0, 1]; slots under ``PRESENCE_THRESHOLD`` are judged absent and not listed.
        size: (width, height) of the image.
        sd: (K,) standard deviation of each corner in image pixels, where known.
        spacing: mm per pixel in x and y, or any two numbers in their ratio: a slip needs the true aspect.
    """
    corners = np.asarray(keypoints, dtype=float).reshape(NUM_SLOTS, NUM_CORNERS, 2)
    slots = np.flatnonzero(presence >= PRESENCE_THRESHOLD)
    side = facing(corners[slots], slots)
    return dict(
        width=size[0],
        height=size[1],
        facing=side,
        num_vertebrae=len(slots),
        vertebrae=[_vertebra(slot, corners[slot], scores, presence, sd) for slot in slots.tolist()],
        slips=_slips(corners, slots.tolist(), side, spacing),
    )


def _vertebra(slot: int, corners: np.ndarray, scores: np.ndarray, presence: np.ndarray, sd: np.ndarray | None) -> dict:
    record = {}
    for corner, name in enumerate(CORNERS):
        keypoint = NUM_CORNERS * slot + corner
        x, y = corners[corner]
        record[name] = dict(x=round(float(x), 3), y=round(float(y), 3), score=round(float(scores[keypoint]), 4))
        if sd is not None:
            record[name]['sd'] = round(float(sd[keypoint]), 3)
    return dict(slot=slot, level=LEVELS[slot], presence=round(float(presence[slot]), 4), corners=record)


def _slips(corners: np.ndarray, slots: list[int], side: str, spacing: Sequence[float]) -> list[dict]:
    """One row per pair of neighbouring levels; none where it is unknown which way the patient faces."""
    rows = []
    for lower, upper in pairwise(slots):
        if upper != lower + 1 or side == 'unknown':
            continue
        percent = slip_percent(corners[upper], corners[lower], side, spacing)
        if np.isfinite(percent):
            rows.append(
                dict(
                    upper=LEVELS[upper], lower=LEVELS[lower], percent=round(percent, 2), grade=meyerding_grade(percent)
                )
            )
    return rows


def write_predictions(folder: Path, records: dict[str, dict], model: dict) -> Path:
    """Write ``predictions.json`` and ``summary.csv`` and return the path of the former.

    Args:
        records: ``{file_name: image_record}``.
        model: config, checkpoint and version that made them.
    """
    path = folder / 'predictions.json'
    write_json(path, dict(schema=SCHEMA, model=model, images=records), indent=1)
    table = io.StringIO()
    writer = csv.DictWriter(table, SUMMARY_COLUMNS, lineterminator='\n')
    writer.writeheader()
    writer.writerows(_summary_row(name, record) for name, record in records.items())
    write_text(folder / 'summary.csv', table.getvalue())
    return path


def _summary_row(name: str, record: dict) -> dict:
    vertebrae = record['vertebrae']
    row = dict(file_name=name, **{key: record[key] for key in ('width', 'height', 'facing', 'num_vertebrae')})
    if vertebrae:
        scores = [corner['score'] for vertebra in vertebrae for corner in vertebra['corners'].values()]
        row.update(
            lowest_level=vertebrae[0]['level'],
            highest_level=vertebrae[-1]['level'],
            mean_score=round(float(np.mean(scores)), 3),
        )
    if record['slips']:
        largest = max(record['slips'], key=lambda slip: abs(slip['percent']))
        row.update(
            largest_slip_percent=largest['percent'],
            largest_slip_levels=f'{largest["upper"]}/{largest["lower"]}',
            largest_slip_grade=largest['grade'],
        )
    return row


def overlay_names(file_names: list[str]) -> dict[str, str]:
    """A flat ``.png`` name per image: its stem, or its whole path where two images share a stem."""
    stems = [PurePosixPath(name).stem for name in file_names]
    flat = {}
    for name, stem in zip(file_names, stems, strict=True):
        unique = stems.count(stem) == 1
        flat[name] = (stem if unique else name.replace('/', '__')) + '.png'
    return flat


def write_overlay(path: Path, image_path: Path, record: dict, truth: list[dict] | None = None) -> None:
    """Draw a record, and the truth where known, on its image."""
    write_png(path, draw_overlay(read_radiograph(image_path), record['vertebrae'], truth))


def write_png(path: Path, picture: np.ndarray) -> None:
    """Write a picture (H, W, 3), BGR, atomically."""
    _, png = cv2.imencode('.png', picture)  # written by Python: OpenCV's own writer does not say why it failed
    with atomic_path(path) as part:
        part.write_bytes(png.tobytes())
