from __future__ import annotations

import pytest

from spondylo_mm.phantom import attenuation


def test_tissues_absorb_in_the_order_a_radiograph_shows():
    names = ('GAS', 'LUNG', 'FAT', 'MUSCLE', 'TRABECULAR', 'CORTICAL', 'CALCIFICATION', 'TITANIUM')
    values = [getattr(attenuation, name) for name in names]
    assert values == sorted(values) and values[0] == 0


def test_muscle_halves_the_beam_in_three_centimetres_and_a_lateral_spine_lets_a_five_hundredth_through():
    # half-value layer of soft tissue at 60 keV: ln 2 / 0.215 per cm
    assert 0.6931 / attenuation.MUSCLE == pytest.approx(32.2, abs=0.3)
    assert 5 < 290 * attenuation.MUSCLE < 7


def test_excess_is_what_replacing_soft_tissue_adds():
    assert attenuation.CORTICAL_EXCESS == pytest.approx(attenuation.CORTICAL - attenuation.MUSCLE)
    assert attenuation.TRABECULAR_EXCESS > 0
