"""One image of the plan: drawn, labelled, and described for ``truth.json``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..anatomy import CORNERS
from ..clinical.meyerding import meyerding_grade
from .geometry import USUAL_SLIPS, SlipRates, Spine, sample_spine
from .labelling import MOST_VISIBLE, YOLO, label_json, label_yolo, mark_corners, sample_counts
from .plan import SPLITS, ImageSpec, stream
from .quirks import AUGMENTED_COPY, DAMAGE_RATES, LEAK, LEAST_LABELLED_VERTEBRAE, TOO_MANY, damage
from .renderer import render
from .step_statistics import CLOSE_UP, CLOSE_UP_SHARE, FILM, FULL
from .view import Framing, View, sample_framing

_DIGITS = 4  # of a pixel, or of a percent, in truth.json
_MAX_DRAWS = 1000


@dataclass(frozen=True)
class Case:
    """What is on an image, before it is drawn.

    Attributes:
        spine: Every vertebra, also those above the field of view.
        view: The image and its place on the patient.
        film: ``'full'`` or ``'close-up'``.
        label: Content of the label file: a dict for JSON, text for YOLO, None in the test split.
        truth: Its entry in ``truth.json``.
    """

    spine: Spine
    view: View
    film: str
    label: dict | str | None
    truth: dict


@dataclass(frozen=True)
class Radiograph:
    """One image and what is known about it.

    Attributes:
        pixels: ``(height, width)`` uint8.
        label, truth: As of its ``Case``.
    """

    pixels: np.ndarray
    label: dict | str | None
    truth: dict


def make_radiograph(
    spec: ImageSpec, seed: int, size: int, rates: SlipRates = USUAL_SLIPS, least_visible: int = 0
) -> Radiograph:
    """Draw an image with at least so many vertebrae; the same arguments give the same one, in whatever process."""
    case = make_case(spec, seed, size, rates, least_visible)
    _, patient, _, _ = _generators(spec.origin or spec, seed)
    _, _, film, _ = _generators(spec, seed)
    return Radiograph(render(case.spine, case.view, patient, film), case.label, case.truth)


def make_case(spec: ImageSpec, seed: int, size: int, rates: SlipRates = USUAL_SLIPS, least_visible: int = 0) -> Case:
    """Decide what is on an image and label it, without drawing; ``rates`` as for ``sample_spine``."""
    origin = spec.origin or spec
    anatomy, _, _, _ = _generators(origin, seed)
    _, _, _, annotator = _generators(spec, seed)
    spine, framing, film, labelled = _sample_patient(origin, anatomy, rates, least_visible)
    if spec.is_mirrored:
        framing = framing.mirrored()
    view = framing.original(size) if spec.split == 'test' else framing.squashed(size)

    label, quirks, marked, listed = None, [], {}, set()
    if spec.split != 'test':
        marks = mark_corners(spine.levels, view.corners(spine), labelled, spec.kind, view.spacing, annotator)
        marked = {mark.level: mark.corners for mark in marks}
        marks, quirks = damage(spec.quirk, marks, view.width, view.height, annotator)
        listed = {mark.level for mark in marks}
        label = label_json(marks, spec.kind, view.width, view.height, view.spacing, annotator)
        if spec.label_format == YOLO:
            label = label_yolo(label, view.width, view.height)
    quirks = quirks or _quirks_of_the_plan(spec)
    return Case(spine, view, film, label, _truth(spec, spine, view, film, marked, listed, quirks))


def _generators(spec: ImageSpec, seed: int) -> list[np.random.Generator]:
    """The four independent sources of an image: spine and framing, other anatomy, film, annotator."""
    return [np.random.default_rng(child) for child in stream(seed, SPLITS.index(spec.split), spec.index).spawn(4)]


def _sample_patient(
    spec: ImageSpec, rng: np.random.Generator, rates: SlipRates, least: int
) -> tuple[Spine, Framing, str, int]:
    """A spine, the part of it on the film, the sort of film, and how many vertebrae an annotator labels."""
    is_damaged = spec.quirk in DAMAGE_RATES
    film = FULL
    if spec.quirk == TOO_MANY:
        labelled = visible = MOST_VISIBLE + 1
    else:
        # The blind images are full films; where a label is damaged nothing else is unusual.
        if rng.random() < CLOSE_UP_SHARE and spec.split != 'test' and not is_damaged:
            film = CLOSE_UP
        least = max(least, LEAST_LABELLED_VERTEBRAE if is_damaged else 0)
        labelled, visible = sample_counts(rng, film, spec.kind, least)
    for _ in range(_MAX_DRAWS):
        spine = sample_spine(rng, rates)
        if least and spine.transition:  # nothing else unusual where a label is damaged; none where labels name levels
            continue
        framing = sample_framing(rng, spine, visible, FILM[film])
        if framing is not None:
            return spine, framing, film, labelled
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


def _truth(
    spec: ImageSpec,
    spine: Spine,
    view: View,
    film: str,
    marked: dict[str, np.ndarray],
    listed: set[str | None],
    quirks: list[dict],
) -> dict:
    corners, traits = view.corners(spine), spine.traits
    seen = np.flatnonzero(view.is_visible(corners))
    vertebrae = []
    for index in seen:
        level = spine.levels[index]
        vertebra = {'level': level, 'corners': _named(corners[index]), 'labelled': level in listed}
        if level in listed:
            vertebra['marked'] = _named(marked[level])
        if traits.fracture[index]:
            vertebra['fracture'] = traits.fracture[index]
        vertebrae.append(vertebra)
    slips = [
        {
            'upper': spine.levels[lower + 1],
            'lower': spine.levels[lower],
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
        'film': film,
        'transition': spine.transition,
        'label_kind': spec.kind,
        'label_format': spec.label_format,
        'patient': spec.patient,
        'spacing': list(view.spacing),
        'vertebrae': vertebrae,
        'slips': slips,
        'quirks': quirks,
    }


def _named(corners: np.ndarray) -> dict[str, list[float]]:
    return dict(zip(CORNERS, np.round(corners, _DIGITS).tolist(), strict=True))
