"""Everything one image contributes to the metrics. ``S`` slots, ``K = 4 S`` keypoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...anatomy import NUM_CORNERS, NUM_SLOTS
from ...codecs.presence import PRESENCE_THRESHOLD
from .clinical_score import ClinicalScore
from .matching import Detection, detect, has_superior_endplate, match_by_corners
from .radial_errors import radial_errors, reference_scale


@dataclass
class ImageScore:
    """Scores of one image.

    Attributes:
        name: how to name the image in a message.
        strict: (S, 4) radial errors in px@512, slot against slot; NaN where the true corner is not labelled.
        matched: (S, 4) the same corners after ``match_by_corners``.
        strict_mm: (S, 4) strict errors in mm, all NaN without a spacing.
        detection: what was found.
        invalid: number of corners to score whose prediction is NaN or infinite.
        sd: (S, 4) predicted standard deviations in px@512, where the model was asked for them.
        sd_between: (S, 4) their part between passes with dropout.
        clinical: what is measured on it, where that was asked for.
    """

    name: str
    strict: np.ndarray
    matched: np.ndarray
    strict_mm: np.ndarray
    detection: Detection
    invalid: int
    sd: np.ndarray | None = None
    sd_between: np.ndarray | None = None
    clinical: ClinicalScore | None = None


def score_image(
    predicted: np.ndarray,
    presence: np.ndarray,
    true: np.ndarray,
    labelled: np.ndarray,
    size: Sequence[float],
    slot_presence: np.ndarray | None = None,
    spacing: Sequence[float] | None = None,
    name: str = '',
    sd: np.ndarray | None = None,
    sd_between: np.ndarray | None = None,
) -> ImageScore:
    """Score one image. Nothing is sorted, and no prediction is left out for its score: slot s answers for slot s.

    Args:
        predicted: (K, 2) each slot's best peaks, image pixels.
        presence: (S,) probability that there is a vertebra in the slot.
        true: (K, 2) image pixels.
        labelled: (K,) truthy where the true corner is labelled.
        size: (width, height) of the image in pixels.
        slot_presence: (S,) 1 labelled, 0 known to be empty, -1 unknown; None: what is not labelled is unknown. Where it
            contradicts ``labelled`` (a labelled one without corners, or without its superior endplate) it is unknown.
        spacing: mm per image pixel in x and y, if known.
        sd: (K,) standard deviation of each predicted corner, image pixels, if known; see ``codecs.corner_sd``.
        sd_between: (K,) its part between passes with dropout.
    """
    predicted = np.asarray(predicted, dtype=float).reshape(NUM_SLOTS, NUM_CORNERS, 2)
    is_labelled = np.asarray(labelled).reshape(NUM_SLOTS, NUM_CORNERS) > 0
    true = np.asarray(true, dtype=float).reshape(NUM_SLOTS, NUM_CORNERS, 2)
    true = np.where(is_labelled[..., None], true, np.nan)

    distances = radial_errors(predicted[:, None], true[None], size)
    slots = np.arange(NUM_SLOTS)
    strict = distances[slots, slots]
    matched = distances[match_by_corners(distances), slots]  # slot -1 stands for unlabelled ones: NaN from any slot

    known = np.full(NUM_SLOTS, -1) if slot_presence is None else np.asarray(slot_presence).reshape(NUM_SLOTS)
    known = np.where(has_superior_endplate(true), 1, np.where(is_labelled.any(axis=1) | (known > 0), -1, known))
    scale = reference_scale(size)
    return ImageScore(
        name=name,
        strict=strict * scale,
        matched=matched * scale,
        strict_mm=np.full_like(strict, np.nan) if spacing is None else radial_errors(predicted, true, size, spacing),
        detection=detect(predicted, np.asarray(presence) >= PRESENCE_THRESHOLD, true, known),
        invalid=int((is_labelled & ~np.isfinite(predicted).all(axis=-1)).sum()),
        sd=None if sd is None else sd.reshape(NUM_SLOTS, NUM_CORNERS) * scale,
        sd_between=None if sd_between is None else sd_between.reshape(NUM_SLOTS, NUM_CORNERS) * scale,
    )
