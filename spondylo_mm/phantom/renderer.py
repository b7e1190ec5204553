"""A spine and a view of it to a synthetic radiograph."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .additions import draw_additions
from .annotations import annotate
from .bowel import draw_bowel
from .canvas import Canvas
from .detector import expose
from .film import collimate, develop
from .geometry import Spine
from .noise import trabeculae
from .parameters import chance, draw, uniform
from .pelvis import draw_pelvis, draw_sacrum
from .soft_tissue import draw_soft_tissue
from .thorax import draw_ribs
from .vertebrae import draw_vertebrae
from .view import View

_KEEP_MM = 15.0  # clear of markers and collimator round the visible vertebrae


@dataclass(frozen=True)
class Export:
    """From the unit's image to the file in the archive."""

    detail: float = uniform(0.8, 1.45, 'pixels of the unit over those of the file, in area: some exports were enlarged')
    was_jpeg: bool = chance(0.4, 'the archive had compressed the image before it was resized')
    jpeg_quality: float = uniform(45, 95, 'of that compression')


def render(spine: Spine, view: View, patient: np.random.Generator, film: np.random.Generator) -> np.ndarray:
    """Draw the radiograph.

    It is exposed with square pixels, as every detector has them, and then resized to ``view``: on a squashed image
    blur, noise and letters are squashed as well.

    Args:
        spine: Every vertebra, also those above the field of view.
        view: Size of the image and its place on the patient.
        patient: Source of the rest of the anatomy; the same state gives the same patient, in whatever view.
        film: Source of exposure, noise, processing, collimation and annotations.

    Returns:
        ``(height, width)`` uint8.
    """
    export = draw(Export, film)
    exposed = _square(view, export.detail)
    canvas = _anatomy(exposed, spine, patient)

    corners = exposed.corners(spine)
    visible = corners[exposed.is_visible(corners)]
    bodies = np.round(visible.mean(axis=1)).astype(int)
    reference = float(np.median(canvas.attenuation[bodies[:, 1], bodies[:, 0]]))
    measured = expose(canvas.attenuation, canvas.mm_per_pixel, reference, film)
    grey, is_inverted = develop(measured, canvas.mm_per_pixel, bodies, film)

    keep = np.concatenate([visible.min(axis=(0, 1)), visible.max(axis=(0, 1))])
    keep += np.array([-1, -1, 1, 1]) * _KEEP_MM / canvas.mm_per_pixel
    keep = np.clip(keep, 0, np.tile([exposed.width, exposed.height], 2))
    grey = collimate(grey, keep, film)
    annotate(grey, exposed, keep, film)
    if is_inverted:
        grey = 1 - grey
    pixels = np.round(255 * grey).astype(np.uint8)
    if export.was_jpeg:
        code = cv2.imencode('.jpg', pixels, [cv2.IMWRITE_JPEG_QUALITY, round(export.jpeg_quality)])[1]
        pixels = cv2.imdecode(code, cv2.IMREAD_GRAYSCALE)
    return cv2.resize(pixels, (view.width, view.height), interpolation=cv2.INTER_LINEAR)


def _square(view: View, detail: float) -> View:
    """A view of the same radiograph with square pixels, ``detail`` times as many."""
    spacing = float(np.sqrt(np.prod(view.spacing) / detail))
    width, height = view.framing.extent
    return View(view.framing, max(round(width / spacing), 8), max(round(height / spacing), 8))


def _anatomy(view: View, spine: Spine, patient: np.random.Generator) -> Canvas:
    """All that absorbs, back to front; nothing hides anything on a radiograph, so the order is of no consequence."""
    # One source for each part: a change of one leaves the others as they were.
    sources = patient.spawn(7)
    mm_per_pixel = float(np.sqrt(np.prod(view.spacing)))
    canvas = Canvas(view, trabeculae(view.width, view.height, mm_per_pixel, sources[0]))
    draw_soft_tissue(canvas, spine, sources[1])
    draw_bowel(canvas, sources[2])
    draw_pelvis(canvas, spine, sources[3])
    draw_ribs(canvas, spine, sources[4])
    draw_sacrum(canvas, spine, sources[5])
    draw_vertebrae(canvas, spine, sources[6])
    draw_additions(canvas, spine, sources[6])
    return canvas
