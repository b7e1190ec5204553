"""Predictions as a COCO keypoint file, for tools that read those, and for labels to begin with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from ..anatomy import CORNERS, NUM_CORNERS, NUM_SLOTS
from ..atomic import write_json
from ..datasets.anchors import CAUDAL
from ..datasets.formats.coco import CATEGORY_ID, coco_file

COCO = 'coco.json'
_VISIBLE = 2


def write_coco(path: Path, records: Mapping[str, dict], model: dict, anchor: str = CAUDAL) -> None:
    """Write the file: all images, and one annotation with 40 keypoints for each with a vertebra.

    Its ``annotations`` are also what COCO calls results: each has a ``score``, the mean over its corners. Corners of
    vertebrae judged absent are zeros of visibility 0; vertebrae above the last slot have no keypoints and are left out.
    Images have paths as ``predictions.json`` names them.

    Args:
        records: ``{file_name: record}`` as in ``predictions.json``, looked at one after the other.
        model: config, checkpoint and version that made them.
        anchor: where the model counts slots from.
    """
    content = coco_file([], info=dict(description='predicted by spondylo_mm', anchor=anchor, model=model))
    content |= dict(images=_images(records), annotations=_annotations(records))
    write_json(path, content)


def _images(records: Mapping[str, dict]) -> Iterator[dict]:
    for number, (name, record) in enumerate(records.items(), start=1):
        image = dict(id=number, file_name=name, width=record['width'], height=record['height'])
        yield image | (dict(spacing=record['spacing']) if record['spacing'] else {})


def _annotations(records: Mapping[str, dict]) -> Iterator[dict]:
    for number, record in enumerate(records.values(), start=1):
        vertebrae = [vertebra for vertebra in record['vertebrae'] if vertebra['slot'] < NUM_SLOTS]
        if vertebrae:
            yield dict(id=number, image_id=number, category_id=CATEGORY_ID, iscrowd=0) | _spine(vertebrae)


def _spine(vertebrae: list[dict]) -> dict:
    """Keypoints, box around them, and score of one spine."""
    keypoints = np.zeros((NUM_SLOTS, NUM_CORNERS, 3))
    scores = []
    for vertebra in vertebrae:
        for name, corner in vertebra['corners'].items():
            keypoints[vertebra['slot'], CORNERS.index(name)] = corner['x'], corner['y'], _VISIBLE
            scores.append(corner['score'])
    seen = keypoints[keypoints[..., 2] > 0][:, :2]
    low, extent = seen.min(axis=0), np.ptp(seen, axis=0)
    return dict(
        keypoints=keypoints.reshape(-1).tolist(),
        num_keypoints=len(seen),
        bbox=np.round([*low, *extent], 3).tolist(),
        area=round(float(extent.prod()), 3),
        score=round(float(np.mean(scores)), 4),
    )
