"""One image of the plan: drawn, labelled, and described for ``truth.json``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..anatomy import CORNERS
from ..clinical.meyerding import meyerding_grade
from .geometry import LEVELS_TO_T5, Spine, sample_spine
from .labelling import MOST_VISIBLE, YOLO, Mark, label_json, label_yolo, sample_counts
from .plan import SPLITS, ImageSpec, stream
from .quirks import AUGMENTED_COPY, DAMAGE_RATES, LEAK, LEAST_LABELLED_VERTEBRAE, TOO_MANY, damage
from .renderer import render
from .view import Framing, View, sample_framing

_DIGITS = 4  # of a pixel, or of a percent, in truth.json
_MAX_DRAWS = 1000


@dataclass(frozen=True)
class Radiograph:
    """One image and what is known about it.

    Attributes:
        pixels: ``(height, width)`` uint8.
        label: Content of the label file: a dict for JSON, text for YOLO, None in the test split.
        truth: Its entry in ``truth.json``.
    """

    pixels: np.ndarray
    label: dict | str | None
    truth: dict


def make_radiograph(spec: ImageSpec, seed: int, size: int) -> Radiograph:
    """Draw an image; the same arguments give the same one, in whatever process."""
    origin = spec.origin or spec
    anatomy, patient, _, _ = _generators(origin, seed)
    _, _, film, annotator = _generators(spec, seed)
    spine, framing, labelled = _sample_patient(origin, anatomy)
    if spec.is_mirrored:
        framing = framing.mirrored()
    view = framing.original(size) if spec.split == 'test' else framing.squashed(size)
    pixels = render(spine, view, patient, film)

    corners = view.corners(spine)
    marks = [Mark(LEVELS_TO_T5[index], corners[index]) for index in reversed(range(labelled))]
    label, quirks, listed = None, [], set()
    if spec.split != 'test':
        marks, quirks = damage(spec.quirk, marks, view.width, view.height, annotator)
        listed = {mark.level for mark in marks}
        label = label_json(marks, spec.kind, view.width, view.height, annotator)
        if spec.label_format == YOLO:
            label = label_yolo(label, view.width, view.height)
    quirks = quirks or _quirks_of_the_plan(spec)
    return Radiograph(pixels, label, _truth(spec, spine, view, listed, quirks))


def _generators(spec: ImageSpec, seed: int) -> list[np.random.Generator]:
    """The four independent sources of an image: spine and framing, other anatomy, film, annotator."""
    return [np.random.default_rng(child) for child in stream(seed, SPLITS.index(spec.split), spec.index).spawn(4)]


def _sample_patient(spec: ImageSpec, rng: np.random.Generator) -> tuple[Spine, Framing, int]:
    """A spine, the part of it on the film, and how many vertebrae an annotator labels."""
    if spec.quirk == TOO_MANY:
        labelled = visible = MOST_VISIBLE + 1
    else:
        labelled, visible = sample_counts(rng, LEAST_LABELLED_VERTEBRAE if spec.quirk in DAMAGE_RATES else 0)
    for _ in range(_MAX_DRAWS):
        spine = sample_spine(rng)
        framing = sample_framing(rng, spine, visible)
        if framing is not None:
            return spine, framing, labelled
    raise RuntimeError(f'no radiograph shows {visible} vertebrae: the framing constants contradict each other')


def _quirks_of_the_plan(spec: ImageSpec) -> list[dict]:
    """The quirks that are not in the label itself."""
    if spec.quirk is None:
        return []
    record = {'kind': spec.quirk, 'vertebra': None}
    if spec.quirk == AUGMENTED_COPY:
        record.update(of=spec.origin.path, mirrored=spec.is_mirrored)
    if spec.quirk == LEAK:
        record['with'] = spec.origin.path
    return [record]


def _truth(spec: ImageSpec, spine: Spine, view: View, listed: set[str | None], quirks: list[dict]) -> dict:
    corners = view.corners(spine)
    seen = np.flatnonzero(view.is_visible(corners))
    vertebrae = [
        {
            'level': LEVELS_TO_T5[index],
            'corners': dict(zip(CORNERS, np.round(corners[index], _DIGITS).tolist(), strict=True)),
            'labelled': LEVELS_TO_T5[index] in listed,
        }
        for index in seen
    ]
    slips = [
        {
            'upper': LEVELS_TO_T5[lower + 1],
            'lower': LEVELS_TO_T5[lower],
            'percent': round(float(spine.slip_percent[lower]), _DIGITS),
            'grade': meyerding_grade(float(spine.slip_percent[lower])),
        }
        for lower in seen[:-1]
    ]
    return {
        'split': spec.split,
        'width': view.width,
        'height': view.height,
        'facing': view.framing.facing,
        'label_kind': spec.kind,
        'label_format': spec.label_format,
        'patient': spec.patient,
        'spacing': list(view.spacing),
        'vertebrae': vertebrae,
        'slips': slips,
        'quirks': quirks,
    }
