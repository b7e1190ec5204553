"""A spine and a view of it to a synthetic radiograph."""

from __future__ import annotations

import numpy as np

from . import bones
from .canvas import Canvas
from .film import collimate, expose, stamp_marker
from .geometry import Spine
from .soft_tissue import draw_soft_tissue
from .view import View

_KEEP_MM = 15.0  # clear of markers and collimator round the visible vertebrae


def render(spine: Spine, view: View, patient: np.random.Generator, film: np.random.Generator) -> np.ndarray:
    """Draw the radiograph.

    Args:
        spine: Every vertebra, also those above the field of view.
        view: Size of the image and its place on the patient.
        patient: Source of the rest of the anatomy; the same state gives the same patient, in whatever view.
        film: Source of exposure, noise, collimation and marker.

    Returns:
        ``(height, width)`` uint8.
    """
    canvas = Canvas(view)
    draw_soft_tissue(canvas, spine, patient)
    bones.draw_pelvis(canvas, spine, patient)
    bones.draw_ribs(canvas, spine, patient)
    bones.draw_sacrum(canvas, spine, patient)
    bones.draw_vertebrae(canvas, spine, patient)

    corners = view.corners(spine)
    visible = corners[view.is_visible(corners)]
    centers = np.round(visible.mean(axis=1)).astype(int)
    reference = float(np.median(canvas.attenuation[centers[:, 1], centers[:, 0]]))
    mm_per_pixel = float(np.sqrt(np.prod(view.spacing)))
    grey = expose(canvas.attenuation, mm_per_pixel, reference, film)

    keep = np.concatenate([visible.min(axis=(0, 1)), visible.max(axis=(0, 1))])
    keep += np.array([-1, -1, 1, 1]) * _KEEP_MM / np.tile(view.spacing, 2)
    keep = np.clip(keep, 0, np.tile([view.width, view.height], 2))
    grey = collimate(grey, keep, film)
    stamp_marker(grey, view, keep, film)
    return np.round(255 * grey).astype(np.uint8)
