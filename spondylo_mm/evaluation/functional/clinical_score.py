"""What a surgeon would read from the predicted and from the true corners of one image, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...anatomy import NUM_CORNERS, NUM_SLOTS
from ...clinical.facing import facing_with_confidence
from ...clinical.measure import Measure, absent
from ...clinical.measurements import measure_spine
from ...clinical.patient_spine import patient_spine
from ...codecs.presence import PRESENCE_THRESHOLD

Key = tuple[str, str]  # name and place of a measurement, see ``clinical.measurements``


@dataclass(frozen=True)
class ClinicalScore:
    """Measurements of one image.

    Attributes:
        true: what the labelled corners give; nothing where the labels allow none.
        predicted: the same quantities from the predicted corners, absent ones with their reason.
        true_facing, predicted_facing: ``'left'``, ``'right'`` or ``'unknown'``.
    """

    true: dict[Key, float]
    predicted: dict[Key, Measure]
    true_facing: str
    predicted_facing: str


def score_clinical(
    predicted: np.ndarray,
    presence: np.ndarray,
    true: np.ndarray,
    labelled: np.ndarray,
    spacing: Sequence[float] | None = None,
    facing: str | None = None,
    sd: np.ndarray | None = None,
) -> ClinicalScore:
    """Measure both spines by the same functions, each facing the way that its own corners say.

    Args:
        predicted: (K, 2) image pixels.
        presence: (S,) probability that there is a vertebra in the slot; only what is reported as present is measured.
        true: (K, 2) image pixels.
        labelled: (K,) truthy where the true corner is labelled.
        spacing: mm per pixel in x and y, or their ratio; None: pixels are taken to be square.
        facing: where the patient faces, if it is known from elsewhere.
        sd: (K,) standard deviation of each predicted corner, image pixels, if known.
    """
    shape = (NUM_SLOTS, NUM_CORNERS)
    is_labelled = np.asarray(labelled).reshape(shape) > 0
    is_present = np.asarray(presence) >= PRESENCE_THRESHOLD
    true = np.where(is_labelled[..., None], np.asarray(true, dtype=float).reshape(*shape, 2), np.nan)
    predicted = np.where(is_present[:, None, None], np.asarray(predicted, dtype=float).reshape(*shape, 2), np.nan)
    sides = [facing or facing_with_confidence(corners, np.arange(NUM_SLOTS))[0] for corners in (true, predicted)]
    scale = (1.0, 1.0) if spacing is None else spacing
    truth = measure_spine(patient_spine(true, sides[0], scale))
    found = measure_spine(patient_spine(predicted, sides[1], scale, None if sd is None else np.reshape(sd, shape)))
    known = {key: measure.value for key, measure in truth.items() if measure.value is not None}
    nothing = absent('nothing was found here')
    return ClinicalScore(known, {key: found.get(key, nothing) for key in known}, *sides)
