"""From labelled quadrilaterals in any order to one spine: sorted, without strays and doubles, gaps found.

Symbols:

- ``N``: number of entries, in the order of the label file
- chain: indices of entries along the spine, most caudal first
- bodies: ``(N, 4, 2)`` in median body heights, after the aspect of the original radiograph was restored. The published
  images are squashed to a square: there a steep sacrum lies beside L5 rather than below it, up to 1.9 spacings away
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from .canonical import around, corner_roles, polygon_area
from .faults import DOUBLED, MISSING_LEVEL, STRAY

# Lumbar bodies are 34 to 35 mm deep and 27 mm high (Panjabi 1992). Only the order of magnitude matters: unrestored, the
# median box is 1.8 times as wide as high, in some images 3 times.
_WIDTH_OVER_HEIGHT = 1.3

# Of the 4,600 published boxes the smallest vertebra has 0.42 of the median area of its image, and the one stray 0.005.
_STRAY_AREA = 0.1

# Sideways from the nearest vertebra, in median widths: the sacrum lies up to 0.9 from L5 in the published data, and an
# L5 that has slipped by more than 1.2 widths has fallen off it.
_STRAY_SIDEWAYS = 2.2

# Away from the nearest vertebra, in median heights: two levels in a row may be missing (3 spacings of 1.27), not three.
_STRAY_DISTANCE = 4.4

# Two labels of one vertebra: centres under half the median spacing apart (true neighbours in the published data have
# 0.65 or more), or an intersection over union that true neighbours, which hardly touch, never have.
_DOUBLED_SPACING = 0.5
_DOUBLED_IOU = 0.3

# Spacing of centres over height of bodies: docs/dataset.md has height/spacing = 0.79 +- 0.06.
_USUAL_SPACING = 1 / 0.79


@dataclass
class Spine:
    """The vertebrae of one radiograph, most caudal first.

    Attributes:
        chain: ``(n,)`` indices of the entries kept.
        corners: ``(n, 4, 2)`` TL, TR, BL, BR.
        roles: ``(n, 4)`` which point of the entry each corner was.
        missing: ``(n,)`` unlabelled levels between a vertebra and the one below it.
        faults: ``(index of the entry, kind, why)`` of everything dropped or missing.
    """

    chain: np.ndarray
    corners: np.ndarray
    roles: np.ndarray
    missing: np.ndarray
    faults: list[tuple[int, str, str]] = field(default_factory=list)


def assemble(points: np.ndarray) -> Spine:
    """Sort, clean and orient the labelled vertebrae of one radiograph.

    Args:
        points: ``(N, 4, 2)`` in image pixels, entries and points in any order, ``N`` at least 1.
    """
    scale = restoring_scale(points)
    bodies = points * scale
    strays = find_strays(bodies)
    faults = [(index, STRAY, why) for index, why in strays.items()]
    chain = along_spine(bodies, [i for i in range(len(bodies)) if i not in strays])
    chain, doubles = drop_doubles(bodies, chain)
    faults += [(index, DOUBLED, why) for index, why in doubles.items()]
    roles = corner_roles(bodies[chain])
    kept = points[chain]
    corners = np.take_along_axis(kept, roles[..., None], axis=1)
    missing = missing_levels(corners * scale)
    faults += [(int(chain[i]), MISSING_LEVEL, _gap_reason(missing[i])) for i in np.nonzero(missing)[0]]
    return Spine(chain, corners, roles, missing, faults)


def restoring_scale(points: np.ndarray) -> np.ndarray:
    """``(2,)`` factors for x and y after which the median body is 1 high and as wide as bodies are.

    Args:
        points: ``(N, 4, 2)``.
    """
    width, height = np.median(np.ptp(points, axis=1), axis=0).clip(1e-6)
    return np.array([_WIDTH_OVER_HEIGHT / width, 1 / height])


def find_strays(bodies: np.ndarray) -> dict[int, str]:
    """Entries that are no vertebra of this spine, with the reason: far too small, or far from all the others."""
    areas = np.array([polygon_area(around(body)) for body in bodies])
    share = areas / np.median(areas)
    strays = {i: f'{share[i]:.1%} of the usual area: dropped' for i in np.nonzero(share < _STRAY_AREA)[0].tolist()}
    sound = [i for i in range(len(bodies)) if i not in strays]
    groups = _linked_groups(bodies[sound].mean(axis=1))
    spine = max(groups, key=lambda group: (len(group), areas[[sound[i] for i in group]].sum()))
    strays.update({sound[i]: 'far from the spine: dropped' for group in groups if group is not spine for i in group})
    return strays


def _linked_groups(centres: np.ndarray) -> list[list[int]]:
    """Connected components of the centres ``(N, 2)`` that may belong to one spine."""
    offsets = np.abs(centres[:, None] - centres[None])
    distances = np.linalg.norm(offsets, axis=-1)
    linked = (distances <= _STRAY_DISTANCE) & (offsets[..., 0] <= _STRAY_SIDEWAYS * _WIDTH_OVER_HEIGHT)
    groups, left = [], set(range(len(centres)))
    while left:
        group = [left.pop()]
        for member in group:  # grows while it is walked through
            found = [other for other in left if linked[member, other]]
            left.difference_update(found)
            group += found
        groups.append(sorted(group))
    return groups


def along_spine(bodies: np.ndarray, entries: list[int]) -> np.ndarray:
    """Chain of the given entries: from the topmost in the image always on to the nearest one left.

    Height alone would not do: an L5 that has slipped off a steep sacrum lies beside or below it.
    """
    centres = bodies.mean(axis=1)
    left = list(entries)
    chain = [min(left, key=lambda i: centres[i, 1])]
    left.remove(chain[0])
    while left:
        chain.append(min(left, key=lambda i: float(np.linalg.norm(centres[i] - centres[chain[-1]]))))
        left.remove(chain[-1])
    return np.array(chain[::-1])


def drop_doubles(bodies: np.ndarray, chain: np.ndarray) -> tuple[np.ndarray, dict[int, str]]:
    """The chain with each vertebra once, and what was dropped, with the reason."""
    doubles: dict[int, str] = {}
    centres = bodies.mean(axis=1)
    position = 1
    while position < len(chain):
        below, above = chain[position - 1], chain[position]
        usual = float(np.median(np.linalg.norm(np.diff(centres[chain], axis=0), axis=1)))
        spacing = float(np.linalg.norm(centres[above] - centres[below])) / max(usual, 1e-9)
        iou = _intersection_over_union(bodies[below], bodies[above])
        if len(chain) > 2 and spacing < _DOUBLED_SPACING or iou > _DOUBLED_IOU:
            worse = _less_even(bodies, chain, position)
            doubles[worse] = f'{spacing:.2f} of the usual spacing from its neighbour, IoU {iou:.2f}: dropped'
            chain = chain[chain != worse]
            position = max(position - 1, 1)
        else:
            position += 1
    return chain, doubles


def _less_even(bodies: np.ndarray, chain: np.ndarray, position: int) -> int:
    """Of the entries at ``position`` and below it, the one whose discs are less alike.

    If neither, the later one in the file. At an end of the spine, where there is only one disc, it is compared with the
    median disc.
    """

    def unevenness(other: int) -> float:
        rest = bodies[chain[chain != other]]
        discs = free_space(np.take_along_axis(rest, corner_roles(rest)[..., None], axis=1))
        usual = float(np.median(discs)) if len(discs) else 0.0
        below, above = ([usual, *discs, usual][position + offset] for offset in (-1, 0))
        return abs(below - above)

    first, second = sorted(int(i) for i in chain[position - 1 : position + 1])
    return first if unevenness(second) > unevenness(first) else second


def _intersection_over_union(one: np.ndarray, other: np.ndarray) -> float:
    """IoU of two convex quadrilaterals, ``(4, 2)`` each."""
    one, other = around(one), around(other)
    intersection, _ = cv2.intersectConvexConvex(one.astype(np.float32), other.astype(np.float32))
    return intersection / (polygon_area(one) + polygon_area(other) - intersection)


def missing_levels(corners: np.ndarray) -> np.ndarray:
    """``(n,)`` how many unlabelled vertebrae fit between a vertebra and the one below it.

    What counts is the free space between the two facing endplates, against the height of the bodies nearby. It is
    measured along the axes of the two vertebrae, so that a slip, which moves one sideways, is no gap.

    Args:
        corners: ``(n, 4, 2)`` TL, TR, BL, BR, most caudal first, aspect restored.
    """
    missing = np.zeros(len(corners), dtype=int)
    if len(corners) > 1:
        missing[1:] = np.rint((1 + free_space(corners)) / _USUAL_SPACING - 1).clip(min=0)
    return missing


def free_space(corners: np.ndarray) -> np.ndarray:
    """``(n - 1,)`` distance of facing endplates along the vertebrae's axes, in body heights."""
    tl, tr, bl, br = np.moveaxis(corners, 1, 0)
    endplates = (tr + br - tl - bl) / 2
    axes = (tl + tr - bl - br) / 2
    heights = np.linalg.norm(axes, axis=1)
    between = (bl + br)[1:] / 2 - (tl + tr)[:-1] / 2
    along = []
    for end in (slice(None, -1), slice(1, None)):
        frame = np.stack([endplates[end], axes[end]], axis=-1)  # columns: between = a * endplate + b * axis
        along.append(np.linalg.solve(frame, between[..., None])[:, 1, 0] * heights[end])
    # The lower median, so that neither the sacrum nor one collapsed body is the measure.
    nearby = [np.sort(heights[max(i - 1, 0) : i + 3]) for i in range(len(between))]
    return np.mean(along, axis=0) / [values[(len(values) - 1) // 2] for values in nearby]


def _gap_reason(count: int) -> str:
    return f'{count} level{"s" if count > 1 else ""} without a label between it and the next one below: slot left empty'
