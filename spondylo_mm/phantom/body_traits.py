"""What makes one vertebral body differ from the next: hollows, rims, osteophytes, fractures, worn discs, rotation.

Symbols: ``V`` vertebrae, caudal first, index 0 is S1; disc ``d`` lies between vertebrae ``d`` and ``d + 1``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..anatomy import BL, BR, NUM_CORNERS, TL, TR

WEDGE, BICONCAVE, CRUSH = 'wedge', 'biconcave', 'crush'

# Hollow of the superior and inferior endplate at its deepest, and where that is (0 anterior, 1 posterior): van der
# Houwen et al., Ann Biomed Eng 2010;38:33-40, lumbar: the inferior one is deeper and its apex lies further back.
_DIP_MM, _DIP_SD = (1.4, 2.3), 0.35  # sd relative
_APEX, _APEX_SD = (0.52, 0.58), 0.05
# Waist: the anterior wall is more hollow than the posterior one (Gilad & Nissan, J Anat 1985;143:115-20).
_WAIST_MM, _WAIST_SD = (2.0, 1.0), 0.35
_RIM_RADIUS_MM = (0.6, 1.5)
_LOWEST_THORACIC, _THORACIC_HOLLOW = 6, 0.65  # index of T12; thoracic bodies are smaller and flatter
_SACRAL_HOLLOW = (0.35, 0.0)  # of the usual dip: the sacral endplate is nearly flat, S1/S2 is no endplate

# Wear: one number per patient spread as ages are in a hospital's films, and how much of it each disc shows, L5-S1 first
# (degeneration is most frequent at L4/5 and L5/S1: Teraguchi et al., Osteoarthritis Cartilage 2014;22:104-10).
_WEAR_BETA = (1.2, 2.0)
_DISC_SHARE = (1.0, 1.0, 0.75, 0.65, 0.6, 0.5)  # the last one for all discs above
_DISC_WEAR_SD = 0.15
SLIPPED_DISC_WEAR = 0.4  # at least: no vertebra slips on a healthy disc
_OSTEOPHYTE_CHANCE = (0.9, 0.35)  # anterior, posterior, at a disc that is worn out
_OSTEOPHYTE_MM = ((1.5, 9.0), (0.8, 2.5))

# Compression fractures: rare in films of all ages, T12 and L1 first (Genant et al., J Bone Miner Res 1993;8:1137-48 for
# the kinds and for the least loss that counts, 20 %).
FRACTURE_PROBABILITY = 0.05
_SECOND_FRACTURE_PROBABILITY = 0.2
_FRACTURED_LEVEL_WEIGHT = (0.0, 0.3, 0.6, 0.8, 1.2, 2.5, 2.5, 1.2, 0.7, 0.5)  # from S1 up to T9
_FRACTURE_KIND_WEIGHT = {WEDGE: 0.6, BICONCAVE: 0.25, CRUSH: 0.15}
_HEIGHT_LOSS = (0.2, 0.5)
BICONCAVE_WALL_SHARE = 0.3  # of what such a body loses in the middle is also lost at its walls

# A divergent beam sees a body's near and far rim apart: 45 mm of width over 1 m from the focus is 4.5 % of the distance
# from the central ray (about L3), most of which the hollow endplate hides.
_DIVERGENCE, _CENTRAL_INDEX, _PITCH_MM = 0.022, 3.0, 35.0
# Scoliosis of more than 10 degrees in adults on films for back pain (Kebaish et al., Spine 2011;36:731-6: 8.9 %).
_SCOLIOSIS_PROBABILITY = 0.10
_SCOLIOSIS_TILT_MM = (1.5, 5.0)  # between the two rims of an endplate, at the ends of the curve
_SCOLIOSIS_ROTATION_MM = (2.0, 8.0)  # between the two edges of the posterior wall, at the apex
_SCOLIOSIS_APEX, _SCOLIOSIS_REACH = (2.0, 6.0), (3.0, 5.0)  # indices of vertebrae


@dataclass(frozen=True)
class BodyTraits:
    """Form of the bodies of one spine.

    Attributes:
        endplate_dip: ``(V, 2)`` mm, how hollow the superior and the inferior endplate are.
        endplate_apex: ``(V, 2)`` where they are deepest, in shares from the anterior corner to the posterior.
        wall_waist: ``(V, 2)`` mm, how hollow the anterior and the posterior wall are.
        rim_radius: ``(V,)`` mm, over which a corner is rounded.
        osteophyte: ``(V, 4)`` mm, length of the osteophyte at each corner, 0 for none.
        far_shift: ``(V, 3)`` mm, of the second contour of the superior and inferior endplate (down) and of the
            posterior wall (back): what the divergent beam and scoliosis do.
        degeneration: ``(V - 1,)`` of each disc, 0 healthy, 1 worn out.
        fracture: ``(V,)`` of ``'wedge'``, ``'biconcave'``, ``'crush'`` or None.
        height_loss: ``(V,)`` share of its height that a fractured body has lost where it lost most.
    """

    endplate_dip: np.ndarray
    endplate_apex: np.ndarray
    wall_waist: np.ndarray
    rim_radius: np.ndarray
    osteophyte: np.ndarray
    far_shift: np.ndarray
    degeneration: np.ndarray
    fracture: tuple[str | None, ...]
    height_loss: np.ndarray

    @classmethod
    def average(cls, count: int) -> BodyTraits:
        """Healthy bodies of average form, seen exactly from the side."""
        return cls(
            endplate_dip=np.tile(_DIP_MM, (count, 1)),
            endplate_apex=np.tile(_APEX, (count, 1)),
            wall_waist=np.tile(_WAIST_MM, (count, 1)),
            rim_radius=np.full(count, np.mean(_RIM_RADIUS_MM)),
            osteophyte=np.zeros((count, NUM_CORNERS)),
            far_shift=np.zeros((count, 3)),
            degeneration=np.zeros(count - 1),
            fracture=(None,) * count,
            height_loss=np.zeros(count),
        )


def sample_traits(rng: np.random.Generator, count: int, slipped: np.ndarray) -> BodyTraits:
    """Draw the form of ``count`` bodies; ``slipped`` ``(V - 1,)`` says which discs a vertebra has slipped on."""
    dip = np.array(_DIP_MM) * np.clip(rng.normal(1, _DIP_SD, (count, 2)), 0.2, 2.0)
    dip[0] *= _SACRAL_HOLLOW
    waist = np.array(_WAIST_MM) * np.clip(rng.normal(1, _WAIST_SD, (count, 2)), 0.1, 2.0)
    for hollow in (dip, waist):
        hollow[_LOWEST_THORACIC:] *= _THORACIC_HOLLOW
    degeneration = _sample_degeneration(rng, count - 1, slipped)
    fracture, height_loss = _sample_fractures(rng, count)
    return BodyTraits(
        endplate_dip=dip,
        endplate_apex=np.clip(rng.normal(_APEX, _APEX_SD, (count, 2)), 0.4, 0.7),
        wall_waist=waist,
        rim_radius=rng.uniform(*_RIM_RADIUS_MM, count),
        osteophyte=_sample_osteophytes(rng, degeneration),
        far_shift=_sample_far_shift(rng, count),
        degeneration=degeneration,
        fracture=fracture,
        height_loss=height_loss,
    )


def _sample_degeneration(rng: np.random.Generator, discs: int, slipped: np.ndarray) -> np.ndarray:
    share = np.array([_DISC_SHARE[min(disc, len(_DISC_SHARE) - 1)] for disc in range(discs)])
    wear = rng.beta(*_WEAR_BETA) * share + rng.normal(0, _DISC_WEAR_SD, discs)
    return np.clip(np.where(slipped, np.maximum(wear, SLIPPED_DISC_WEAR), wear), 0, 1)


def _sample_osteophytes(rng: np.random.Generator, degeneration: np.ndarray) -> np.ndarray:
    """On both sides of worn discs, anterior ones more often and longer."""
    length = np.zeros((len(degeneration) + 1, NUM_CORNERS))
    for disc, wear in enumerate(degeneration):
        for lower, upper, chance, (least, most) in zip(
            (TL, TR), (BL, BR), _OSTEOPHYTE_CHANCE, _OSTEOPHYTE_MM, strict=True
        ):
            for index, corner in ((disc, lower), (disc + 1, upper)):
                grown, size = rng.random(2)
                if grown < chance * wear:
                    length[index, corner] = least + size * wear * (most - least)
    return length


def _sample_fractures(rng: np.random.Generator, count: int) -> tuple[tuple[str | None, ...], np.ndarray]:
    fracture, loss = [None] * count, np.zeros(count)
    if rng.random() < FRACTURE_PROBABILITY:
        weight = np.array(_FRACTURED_LEVEL_WEIGHT) / np.sum(_FRACTURED_LEVEL_WEIGHT)
        number = 1 + int(rng.random() < _SECOND_FRACTURE_PROBABILITY)
        kinds, share = list(_FRACTURE_KIND_WEIGHT), list(_FRACTURE_KIND_WEIGHT.values())
        for index in rng.choice(len(weight), number, replace=False, p=weight):
            fracture[index] = kinds[rng.choice(len(kinds), p=share)]
            loss[index] = rng.uniform(*_HEIGHT_LOSS)
    return tuple(fracture), loss


def _sample_far_shift(rng: np.random.Generator, count: int) -> np.ndarray:
    above = np.arange(count) - _CENTRAL_INDEX
    shift = np.zeros((count, 3))
    shift[:, :2] = (-_DIVERGENCE * _PITCH_MM * (above + rng.normal(0, 1)))[:, None]  # the far rim nearer the centre
    if rng.random() < _SCOLIOSIS_PROBABILITY:
        position = (np.arange(count) - rng.uniform(*_SCOLIOSIS_APEX)) / rng.uniform(*_SCOLIOSIS_REACH)
        inside = np.abs(position) < 1.5
        side = rng.choice([-1.0, 1.0])
        tilt = side * rng.uniform(*_SCOLIOSIS_TILT_MM) * np.sin(0.5 * np.pi * position) * inside
        shift[:, :2] += tilt[:, None]
        shift[:, 2] = side * rng.uniform(*_SCOLIOSIS_ROTATION_MM) * np.maximum(np.cos(0.5 * np.pi * position), 0)
        shift[0, 2] = 0  # the sacrum does not turn
    shift[0, 1] = 0  # and has no inferior endplate
    return shift
