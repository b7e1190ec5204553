"""The size of a pixel: what is known of it, and what cannot be one."""

from __future__ import annotations

from dataclasses import dataclass

# mm. The finest detectors have 0.05; at 10 a vertebral body is 3 pixels high. What is beyond is a blank, another unit
# or damage, and would be believed: mm that are off by a factor look like any others.
PLAUSIBLE_SPACING = (0.01, 10.0)

# Width over height, or the reverse. Detectors have 1; films squashed to a square, the most distorted there are, 2.2.
PLAUSIBLE_ASPECT = 10.0


@dataclass(frozen=True)
class PixelGeometry:
    """What a file says of the size of its pixels.

    Attributes:
        spacing: (x, y) in mm per pixel; None where it is not known.
        source: the DICOM attribute it is from, one of ``dicom.SPACING_SOURCES``.
        aspect: width of a pixel over its height; None where not even that is known.
    """

    spacing: tuple[float, float] | None = None
    source: str | None = None
    aspect: float | None = None


NO_GEOMETRY = PixelGeometry()


def is_plausible_spacing(x: float, y: float) -> bool:
    """Whether a radiograph may have pixels of ``x`` by ``y`` mm."""
    least, most = PLAUSIBLE_SPACING
    return least <= x <= most and least <= y <= most and is_plausible_aspect(x, y)


def is_plausible_aspect(x: float, y: float) -> bool:
    """Whether a pixel of a radiograph may be as wide as ``x`` is to ``y``."""
    return x > 0 and y > 0 and 1 / PLAUSIBLE_ASPECT <= x / y <= PLAUSIBLE_ASPECT
