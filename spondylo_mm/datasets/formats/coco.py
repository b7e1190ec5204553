"""COCO keypoint files as contracted: one annotation of ``NUM_KEYPOINTS`` keypoints per labelled radiograph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...anatomy import KEYPOINT_NAMES, NUM_CORNERS, NUM_KEYPOINTS, NUM_SLOTS, OUTLINE, keypoint_index
from .label import Label

_LABELLED = 2  # COCO visibility; 0 otherwise
_DECIMALS = 3  # of a pixel: far below the rounding of any label, and the same bytes on every machine
CATEGORY_ID = 1


@dataclass(frozen=True)
class Entry:
    """One radiograph as it goes into a COCO file; without a label it gets no annotation."""

    file_name: str
    width: int
    height: int
    source: str
    patient: str
    label: Label | None


def coco_file(entries: list[Entry], info: dict) -> dict:
    """The content of one ``annotations/<split>.json``.

    Beyond COCO's own fields, an image has ``source`` and ``patient``; an annotation has

    - ``levels_known``: whether the label names levels, so that a slot's name is its vertebra's;
    - ``presence``: per slot 1 (labelled), 0 (known to be empty) or -1 (unknown);
    - what the label file was like, which no model of ours needs to know: ``corner_order``, the order of the corners in
      it (the commonest, if vertebrae differ), such as ``"BL,BR,TL,TR"``; ``listed``, the slots in the order in which it
      lists their vertebrae;
    - ``diagnosis``, where the label has one: per level what is said of its endplates, superior first.
    """
    images, annotations = [], []
    for number, entry in enumerate(entries, start=1):
        images.append(
            dict(
                id=number,
                file_name=entry.file_name,
                width=entry.width,
                height=entry.height,
                source=entry.source,
                patient=entry.patient,
            )
        )
        if entry.label is not None:
            annotations.append(
                dict(
                    id=number,
                    image_id=number,
                    category_id=CATEGORY_ID,
                    iscrowd=0,
                    **_annotation(entry.label),
                )
            )
    # COCO counts the ends of a bone from 1
    skeleton = [[keypoint_index(slot, corner) + 1 for corner in edge] for slot in range(NUM_SLOTS) for edge in OUTLINE]
    category = dict(
        id=CATEGORY_ID, name='spine', supercategory='spine', keypoints=list(KEYPOINT_NAMES), skeleton=skeleton
    )
    return dict(info=info, images=images, annotations=annotations, categories=[category])


def _annotation(label: Label) -> dict:
    keypoints = np.zeros((NUM_SLOTS, NUM_CORNERS, 3))
    labelled = np.isfinite(label.corners).all(axis=-1)
    keypoints[label.slots, :, :2] = np.where(labelled[..., None], label.corners, 0)
    keypoints[label.slots, :, 2] = np.where(labelled, _LABELLED, 0)
    low, high = np.nanmin(label.corners, axis=(0, 1)), np.nanmax(label.corners, axis=(0, 1))
    width, height = high - low
    annotation = dict(
        bbox=_rounded([*low, width, height]),
        area=_rounded([width * height])[0],
        num_keypoints=int(labelled.sum()),
        keypoints=_rounded(keypoints.reshape(NUM_KEYPOINTS * 3)),
        presence=label.presence.tolist(),
        corner_order=label.order,
        listed=label.listed.tolist(),
        levels_known=label.levels_known,
    )
    return annotation if label.diagnosis is None else annotation | dict(diagnosis=label.diagnosis)


def _rounded(values: object) -> list[float]:
    return [
        int(value) if value == int(value) else float(value) for value in np.round(np.asarray(values, float), _DECIMALS)
    ]
