from __future__ import annotations

import numpy as np
import pytest

from spondylo_mm.anatomy import BL, BR, TL, TR
from spondylo_mm.phantom.body_traits import sample_traits

COUNT = 14


@pytest.fixture(scope='module')
def traits():
    rng, none = np.random.default_rng(0), np.zeros(COUNT - 1, bool)
    return [sample_traits(rng, COUNT, none) for _ in range(1500)]


def test_inferior_endplates_are_deeper_than_superior_ones_and_the_sacrum_is_flat(traits):
    dip = np.mean([each.endplate_dip for each in traits], axis=0)
    assert (dip[1:, 1] > 1.4 * dip[1:, 0]).all()
    assert dip[0, 0] < 0.5 * dip[1, 0] and dip[0, 1] == 0


def test_anterior_walls_are_the_more_hollow(traits):
    waist = np.mean([each.wall_waist for each in traits], axis=0)
    assert (waist[:, 0] > 1.6 * waist[:, 1]).all()
    assert (waist[6:].max(axis=0) < 0.75 * waist[1:6].min(axis=0)).all()  # thoracic bodies are flatter


def test_the_lowest_discs_wear_most(traits):
    wear = np.mean([each.degeneration for each in traits], axis=0)
    assert min(wear[0], wear[1]) > wear[3] > wear[8]
    assert all(0 <= each.degeneration.min() and each.degeneration.max() <= 1 for each in traits)


def test_osteophytes_grow_beside_worn_discs_mostly_in_front(traits):
    length = np.array([each.osteophyte for each in traits])
    worn = np.array([each.degeneration[2] for each in traits]) > 0.6
    below, above = length[:, 2], length[:, 3]  # beside the disc of L3/L4: L4 from above, L3 from below
    assert (below[worn][:, TL] > 0).mean() > 0.4 > (below[~worn][:, TL] > 0).mean()
    assert (above[worn][:, BL] > 0).mean() > 2 * (above[worn][:, BR] > 0).mean()
    assert below[:, TL].max() > 5 > 3 > below[:, TR].max()


def test_fractures_are_rare_and_commonest_at_the_thoracolumbar_junction(traits):
    broken = np.array([[kind is not None for kind in each.fracture] for each in traits])
    assert broken.any(axis=1).mean() == pytest.approx(0.05, abs=0.02)
    assert not broken[:, 0].any() and broken[:, [5, 6]].sum() > broken[:, [1, 2, 3]].sum()
    assert {kind for each in traits for kind in each.fracture} == {None, 'wedge', 'biconcave', 'crush'}
    for each in traits:
        assert ((each.height_loss >= 0.2) == np.array([kind is not None for kind in each.fracture])).all()


def test_rims_are_seen_apart_far_from_the_central_ray_and_in_scoliosis(traits):
    shift = np.array([each.far_shift for each in traits])
    scoliotic = np.abs(shift[:, :, 2]).max(axis=1) > 0
    assert scoliotic.mean() == pytest.approx(0.10, abs=0.03)
    straight = np.abs(shift[~scoliotic, :, 0]).mean(axis=0)
    assert straight[8] > 2.5 * straight[3]
    assert np.abs(shift[scoliotic, 1:8, 2]).max(axis=1).min() > 1.5
    assert (shift[:, 0, 1:] == 0).all()  # the sacrum does not turn
