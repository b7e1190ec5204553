"""Outlines of the vertebrae of a spine: what a body looks like from the side, beyond its four corners.

Pure functions of the spine: whatever is random about a body was drawn with it (``body_traits.py``). A corner is where
an endplate meets a wall; the rounded rim stays within half a millimetre of it, osteophytes lie outside.

Symbols: ``V`` vertebrae, caudal first; polylines ``(M, 2)`` in mm of the patient frame (facing left, y down).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..anatomy import BL, BR, TL, TR
from .body_traits import BICONCAVE, BICONCAVE_WALL_SHARE, BodyTraits
from .geometry import Spine

_SAMPLES = 17  # points of an endplate or a wall
_ARC_SAMPLES = 5  # points of a rounded rim
_COINCIDES = 0.3  # mm; contours nearer than this are one line on a film of 0.5 mm pixels
_OSTEOPHYTE_BASE = 0.22  # of the wall's length: how far from the corner an osteophyte begins


@dataclass(frozen=True)
class VertebralShape:
    """One vertebra from the side.

    Attributes:
        level: ``'S1'``, ``'L5'``, ...
        corners: ``(4, 2)`` TL, TR, BL, BR: the truth.
        superior, inferior: Endplates, from the anterior corner to the posterior one.
        anterior, posterior: Walls, from the superior corner to the inferior one.
        outline: Closed (the first point is not repeated), clockwise in the image from TL, with rounded corners.
        far_superior, far_inferior: The other edge of an endplate that the beam does not graze; None where they are one.
        far_posterior: The other edge of the posterior wall of a body turned about its axis; None where they coincide.
        osteophytes: Closed outlines, each overlapping the body at its corner.
        fracture: ``'wedge'``, ``'biconcave'``, ``'crush'`` or None.
        disc: Closed outline of the disc below; None at the lowest vertebra.
        degeneration: 0 (healthy) to 1 of the disc below; 0 at the lowest vertebra.
    """

    level: str
    corners: np.ndarray
    superior: np.ndarray
    inferior: np.ndarray
    anterior: np.ndarray
    posterior: np.ndarray
    outline: np.ndarray
    far_superior: np.ndarray | None
    far_inferior: np.ndarray | None
    far_posterior: np.ndarray | None
    osteophytes: tuple[np.ndarray, ...]
    fracture: str | None
    disc: np.ndarray | None
    degeneration: float


def vertebral_shapes(spine: Spine) -> tuple[VertebralShape, ...]:
    """Shape of each vertebra of ``spine``, caudal first; of a spine without traits, bodies of average form."""
    traits = spine.traits or BodyTraits.average(len(spine.corners))
    shapes: list[VertebralShape] = []
    for index, corners in enumerate(spine.corners):
        shapes.append(_shape(spine, traits, index, corners, shapes[-1] if shapes else None))
    return tuple(shapes)


def _shape(
    spine: Spine, traits: BodyTraits, index: int, corners: np.ndarray, below: VertebralShape | None
) -> VertebralShape:
    body_axis = corners[[BL, BR]].mean(axis=0) - corners[[TL, TR]].mean(axis=0)
    down = body_axis / np.linalg.norm(body_axis)
    back = np.array([down[1], -down[0]])
    dip_superior, dip_inferior = traits.endplate_dip[index] + _sunken(traits, index, np.linalg.norm(body_axis))
    apex_superior, apex_inferior = traits.endplate_apex[index]
    waist_anterior, waist_posterior = traits.wall_waist[index]
    superior = _bowed(corners[TL], corners[TR], dip_superior, apex_superior, inwards=down)
    inferior = _bowed(corners[BL], corners[BR], dip_inferior, apex_inferior, inwards=-down)
    anterior = _bowed(corners[TL], corners[BL], waist_anterior, 0.5, inwards=back)
    posterior = _bowed(corners[TR], corners[BR], waist_posterior, 0.5, inwards=-back)
    far = traits.far_shift[index]
    fade = np.sin(np.pi * np.linspace(0, 1, _SAMPLES))[:, None] ** 0.5  # the two edges of an endplate meet at its ends
    return VertebralShape(
        level=spine.levels[index],
        corners=corners,
        superior=superior,
        inferior=inferior,
        anterior=anterior,
        posterior=posterior,
        outline=_rounded_outline(superior, posterior, inferior, anterior, traits.rim_radius[index]),
        far_superior=superior + far[0] * fade * down if abs(far[0]) > _COINCIDES else None,
        far_inferior=inferior + far[1] * fade * down if abs(far[1]) > _COINCIDES else None,
        far_posterior=posterior + far[2] * back if abs(far[2]) > _COINCIDES else None,
        osteophytes=_osteophytes(corners, superior, inferior, anterior, posterior, traits.osteophyte[index]),
        fracture=traits.fracture[index],
        disc=None if below is None else np.concatenate([inferior, below.superior[::-1]]),
        degeneration=0.0 if below is None else float(traits.degeneration[index - 1]),
    )


def _sunken(traits: BodyTraits, index: int, height: float) -> float:
    """By how many mm each endplate of a biconcave fracture has sunk below its walls; 0 of all other bodies."""
    if traits.fracture[index] != BICONCAVE:
        return 0.0
    loss = traits.height_loss[index]
    intact = height / (1 - BICONCAVE_WALL_SHARE * loss)
    return 0.5 * (1 - BICONCAVE_WALL_SHARE) * loss * intact


def _bowed(start: np.ndarray, end: np.ndarray, depth: float, apex: float, inwards: np.ndarray) -> np.ndarray:
    """A line from ``start`` to ``end`` hollowed by ``depth`` mm, deepest at ``apex`` of its length."""
    share = np.linspace(0, 1, _SAMPLES)
    warped = share ** (np.log(0.5) / np.log(apex))
    # Flat at the rim, where the ring apophysis is, and hollow between: steeper than a parabola, softer than a step.
    hollow = np.sin(np.pi * warped) ** 1.3
    return start + share[:, None] * (end - start) + depth * hollow[:, None] * inwards


def _rounded_outline(
    superior: np.ndarray, posterior: np.ndarray, inferior: np.ndarray, anterior: np.ndarray, radius: float
) -> np.ndarray:
    """The four sides joined clockwise, each corner replaced by an arc that begins about ``radius`` mm before it."""
    sides = [superior, posterior, inferior[::-1], anterior[::-1]]
    pieces = []
    for side, after in zip(sides, sides[1:] + sides[:1], strict=True):
        corner = side[-1]
        enough = np.linalg.norm(side - corner, axis=1) > radius
        enough &= np.linalg.norm(side - side[0], axis=1) > radius
        pieces.append(side[enough])
        entry = corner + radius * _unit(side[-3] - corner)
        leave = corner + radius * _unit(after[2] - corner)
        share = np.linspace(0, 1, _ARC_SAMPLES)[:, None]
        pieces.append((1 - share) ** 2 * entry + 2 * share * (1 - share) * corner + share**2 * leave)
    return np.concatenate(pieces)


def _osteophytes(
    corners: np.ndarray,
    superior: np.ndarray,
    inferior: np.ndarray,
    anterior: np.ndarray,
    posterior: np.ndarray,
    lengths: np.ndarray,
) -> tuple[np.ndarray, ...]:
    """Beaks that grow from the rim: outwards along the endplate, then bent towards the neighbouring vertebra."""
    sides = {
        TL: (superior, anterior),
        TR: (superior[::-1], posterior),
        BL: (inferior, anterior[::-1]),
        BR: (inferior[::-1], posterior[::-1]),
    }
    outlines = []
    for corner, (endplate, wall) in sides.items():
        length = lengths[corner]
        if length <= 0:
            continue
        outwards = _unit(endplate[0] - endplate[4])
        away = _unit(wall[0] - wall[4])  # towards the neighbour
        tip = corners[corner] + length * (0.9 * outwards + 0.35 * away)
        root_wall = wall[0] + _OSTEOPHYTE_BASE * (wall[-1] - wall[0])
        root_endplate = endplate[0] + 0.08 * (endplate[-1] - endplate[0])
        share = np.linspace(0, 1, 7)[:, None]
        below = root_wall + 0.45 * length * outwards
        lower_edge = (1 - share) ** 2 * root_wall + 2 * share * (1 - share) * below + share**2 * tip
        elbow = corners[corner] + 0.5 * length * outwards
        upper_edge = (1 - share) ** 2 * tip + 2 * share * (1 - share) * elbow + share**2 * root_endplate
        inside = root_wall + 2.0 * (endplate[4] - endplate[0]) / np.linalg.norm(endplate[4] - endplate[0])
        outlines.append(np.concatenate([lower_edge, upper_edge[1:], inside[None]]))
    return tuple(outlines)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
