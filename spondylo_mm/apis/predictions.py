"""What a prediction looks like to the user: one record per image, and the files written from the records.

The contract of ``predictions.json`` stands in the README. All coordinates are pixels of the image file.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from ..anatomy import CORNERS, NUM_CORNERS, NUM_SLOTS
from ..atomic import atomic_path, strict_json, write_together
from ..clinical.facing import facing_with_confidence
from ..clinical.measurements import LORDOSIS, SACRAL_SLOPE
from ..clinical.patient_spine import proportions
from ..codecs.presence import PRESENCE_THRESHOLD
from ..datasets.anchors import CAUDAL, level_names
from ..datasets.radiograph import read_radiograph
from ..errors import InputError
from ..escaping import csv_of_dicts
from ..visualization.overlay import draw_overlay
from .images import find_images
from .measurements import clinical_record, measurements_csv, record_of_keypoints

PREDICTIONS = 'predictions.json'
SCHEMA = 1
_LONGEST_STEM = 240  # bytes; a file name has at most 255

# Every picture says whose it is, in a text behind the PNG's first chunk: a later run takes away its own, and no film.
_MARK = b'tEXtSoftware\0spondylo_mm'
_AFTER_HEADER = 8 + 25  # bytes: signature, IHDR

# Columns of the summary that are one measurement of the whole spine: its name and place.
_ALIGNMENT = {
    'lordosis_L1_S1': (LORDOSIS, 'L1/S1'),
    'lordosis_L4_S1': (LORDOSIS, 'L4/S1'),
    'sacral_slope': (SACRAL_SLOPE, 'S1'),
}
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
    *_ALIGNMENT,
    'review',
)


def image_record(
    keypoints: np.ndarray,
    scores: np.ndarray,
    presence: np.ndarray,
    size: tuple[int, int],
    sd: np.ndarray | None = None,
    spacing: Sequence[float] | None = None,
    anchor: str = CAUDAL,
    taught: np.ndarray | None = None,
    spread: np.ndarray | None = None,
    side: str | None = None,
    levels_known: bool = True,
    extra: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
    spacing_source: str | None = None,
    pixel_aspect: float | None = None,
) -> dict:
    """The record of one image.

    Args:
        keypoints: (K, 2) in image pixels.
        scores: (K,) in [0, 1].
        presence: (S,) in [0, 1]; slots under ``PRESENCE_THRESHOLD`` are judged absent and not listed.
        size: (width, height) of the image.
        sd: (K,) standard deviation of each corner in image pixels, to be listed; where known.
        spacing: mm per pixel in x and y, where known.
        anchor: where the model counts slots from. From the cranial end they are no levels: each vertebra's is None, and
            what is read from known levels, facing and measurements, is left out.
        taught: (K,) bool, the corners that the model was taught; others are left out. None: all.
        spread: (K,) standard deviation to measure with where ``sd`` is not known.
        side: ``'left'`` or ``'right'``, where the patient faces, if the user knows; None: read from the corners.
        levels_known: slot 0 is the sacrum. Else slots are no levels, as with another anchor.
        extra: corners (V, 4, 2), their scores (V, 4) and presence (V,) of vertebrae above the last slot, to be listed
            without a level as slots ``NUM_SLOTS`` and up; nothing is measured on them.
        spacing_source: where the spacing is from.
        pixel_aspect: width of a pixel over its height, where no spacing is known: every measurement needs the true
            proportions. None: square pixels are assumed.
    """
    corners = np.array(keypoints, dtype=float)
    corners[~(np.ones(len(corners), dtype=bool) if taught is None else taught)] = np.nan
    corners = corners.reshape(NUM_SLOTS, NUM_CORNERS, 2)
    present = (np.asarray(presence) >= PRESENCE_THRESHOLD) & np.isfinite(corners).all(axis=2).any(axis=1)
    slots = np.flatnonzero(present)
    levels_known = levels_known and anchor == CAUDAL
    levels = level_names(CAUDAL) if levels_known else (None,) * NUM_SLOTS
    confidence = None
    if not levels_known:
        side = 'unknown'
    elif side is None:
        side, confidence = facing_with_confidence(corners[slots], slots)
    doubt = spread if sd is None else sd
    vertebrae = [_vertebra(slot, levels[slot], corners[slot], scores, presence, sd) for slot in slots.tolist()]
    if extra is not None:
        vertebrae += _vertebrae_above(*extra)
    return dict(
        width=size[0],
        height=size[1],
        spacing=None if spacing is None else [round(float(value), 6) for value in spacing],
        spacing_source=None if spacing is None else spacing_source,
        pixel_aspect=_pixel_aspect(spacing, pixel_aspect),
        facing=side,
        facing_confidence=None if confidence is None else round(confidence, 4),
        num_vertebrae=len(vertebrae),
        vertebrae=vertebrae,
        **clinical_record(
            corners,
            present,
            side,
            spacing,
            None if doubt is None else record_of_keypoints(doubt),
            pixel_aspect,
            levels_known,
        ),
    )


def _vertebrae_above(corners: np.ndarray, scores: np.ndarray, presence: np.ndarray) -> list[dict]:
    records = [
        _vertebra(index, None, vertebra, scores.reshape(-1), presence, None) for index, vertebra in enumerate(corners)
    ]
    present = [record for record in records if record['presence'] >= PRESENCE_THRESHOLD]
    return [record | dict(slot=NUM_SLOTS + record['slot']) for record in present]


def _pixel_aspect(spacing: Sequence[float] | None, pixel_aspect: float | None) -> float | None:
    """As listed: None where it is not known and 1 was assumed."""
    if spacing is None and pixel_aspect is None:
        return None
    across, down = proportions(spacing, pixel_aspect)
    return round(across / down, 6)


def _vertebra(
    slot: int, level: str | None, corners: np.ndarray, scores: np.ndarray, presence: np.ndarray, sd: np.ndarray | None
) -> dict:
    record = {}
    for corner, name in enumerate(CORNERS):
        keypoint = NUM_CORNERS * slot + corner
        x, y = corners[corner]
        if not np.isfinite([x, y]).all():
            continue
        record[name] = dict(x=round(float(x), 3), y=round(float(y), 3), score=round(float(scores[keypoint]), 4))
        if sd is not None:
            record[name]['sd'] = round(float(sd[keypoint]), 3)
    return dict(slot=slot, level=level, presence=round(float(presence[slot]), 4), corners=record)


def write_predictions(folder: Path, records: Mapping[str, dict], model: dict, replacing: Iterable[Path] = ()) -> Path:
    """Write ``predictions.json``, ``summary.csv`` and ``measurements.csv``, all or none; returns the path of the first.

    Args:
        records: ``{file_name: image_record}``, looked at one after the other.
        model: config, checkpoint and version that made them.
        replacing: files of an earlier run that go with the earlier predictions.
    """
    path = folder / PREDICTIONS
    rows = (_summary_row(name, record) for name, record in records.items())
    texts = {
        path: strict_json(dict(schema=SCHEMA, model=model, images=records), indent=1),
        folder / 'summary.csv': csv_of_dicts(SUMMARY_COLUMNS, rows),
        folder / 'measurements.csv': measurements_csv(records),
    }
    write_together(texts, replacing)
    return path


def _summary_row(name: str, record: dict) -> dict:
    vertebrae = record['vertebrae']
    row = dict(file_name=name, **{key: record[key] for key in ('width', 'height', 'facing', 'num_vertebrae')})
    if vertebrae:
        scores = [corner['score'] for vertebra in vertebrae for corner in vertebra['corners'].values()]
        row.update(
            lowest_level=vertebrae[0]['level'],
            highest_level=next((each['level'] for each in reversed(vertebrae) if each['level']), None),
            mean_score=round(float(np.mean(scores)), 3),
        )
    if record['slips']:
        largest = max(record['slips'], key=lambda slip: abs(slip['percent']))
        row.update(
            largest_slip_percent=largest['percent'],
            largest_slip_levels=f'{largest["upper"]}/{largest["lower"]}',
            largest_slip_grade=largest['grade'],
        )
    values = {(each['name'], each['at']): each['value'] for each in record['measurements']}
    row.update({column: values[measurement] for column, measurement in _ALIGNMENT.items()})
    return row | dict(review='; '.join(record['review']))


def overlay_names(file_names: Collection[str]) -> dict[str, str]:
    """A flat ``.png`` name per image: its stem, or its whole path where two images share a stem."""
    images = Counter(PurePosixPath(name).stem for name in file_names)
    flat = {}
    for name in file_names:
        stem = PurePosixPath(name).stem
        flat[name] = _short(stem if images[stem] == 1 else name.replace('/', '__')) + '.png'
    return flat


def _short(stem: str) -> str:
    """A stem that leaves room for a suffix in a file name; one that is cut ends with a hash of the whole."""
    if len(stem.encode()) <= _LONGEST_STEM:
        return stem
    digest = hashlib.sha256(stem.encode()).hexdigest()[:12]
    return stem.encode()[: _LONGEST_STEM - len(digest) - 1].decode(errors='ignore') + f'-{digest}'


def write_overlay(path: Path, image_path: str | Path, record: dict, truth: list[dict] | None = None) -> None:
    """Draw a record, and the truth where known, on its image."""
    write_png(path, draw_overlay(read_radiograph(image_path), record['vertebrae'], truth))


def write_png(path: Path, picture: np.ndarray) -> None:
    """Write a picture (H, W, 3), BGR, atomically.

    Raises:
        InputError: no PNG can be as large.
    """
    done, png = cv2.imencode('.png', picture)  # written by Python: OpenCV's own writer does not say why it failed
    if not done:
        height, width = picture.shape[:2]
        raise InputError(f'{path}: {width}x{height} pixels are more than a PNG can have: crop or scale the film down')
    png = png.tobytes()
    mark = struct.pack('>I', len(_MARK) - 4) + _MARK + struct.pack('>I', zlib.crc32(_MARK))
    with atomic_path(path) as part, part.open('wb') as file:
        file.writelines([png[:_AFTER_HEADER], mark, png[_AFTER_HEADER:]])


def is_picture_of_ours(path: Path) -> bool:
    """Whether ``write_png`` wrote a file."""
    if not path.is_file():
        return False
    with path.open('rb') as file:
        start = file.read(_AFTER_HEADER + 4 + len(_MARK))
    return start[_AFTER_HEADER + 4 :] == _MARK


def check_pictures_folder(folder: Path) -> None:
    """Refuse a folder for pictures in which the user's own images lie: they would be overwritten, or be taken for
    pictures of results, and films are not looked for there.

    Raises:
        InputError: one lies there.
    """
    try:
        images = find_images([folder])
    except InputError:  # it is not there, or holds no image
        return
    for path in images.values():
        if not is_picture_of_ours(path):
            raise InputError(
                f'{path}: lies where pictures of results go, and is none of an earlier run: move it elsewhere, or '
                'choose another output folder'
            )
