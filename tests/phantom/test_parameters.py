from __future__ import annotations

import importlib
from dataclasses import dataclass, is_dataclass

import numpy as np
import pytest

from spondylo_mm.phantom.parameters import chance, describe, draw, log_uniform, uniform

MODULES = ('additions', 'annotations', 'bowel', 'detector', 'film', 'pelvis', 'renderer', 'soft_tissue', 'thorax',
           'vertebrae')  # yapf: disable


def groups():
    for name in MODULES:
        module = importlib.import_module(f'spondylo_mm.phantom.{name}')
        for each in vars(module).values():
            if is_dataclass(each) and each.__module__ == module.__name__:
                yield pytest.param(each, id=each.__name__)


@dataclass(frozen=True)
class Sample:
    length: float = uniform(2.0, 4.0, 'short')
    factor: float = log_uniform(0.1, 10.0, 'either way')
    has_it: bool = chance(0.25, 'a quarter')


def test_draws_follow_their_laws():
    rng = np.random.default_rng(0)
    drawn = [draw(Sample, rng) for _ in range(4000)]
    lengths, factors = np.array([each.length for each in drawn]), np.array([each.factor for each in drawn])
    assert lengths.min() > 2 and lengths.max() < 4 and lengths.mean() == pytest.approx(3, abs=0.05)
    assert factors.min() > 0.1 and factors.max() < 10 and np.median(factors) == pytest.approx(1, abs=0.15)
    assert np.mean([each.has_it for each in drawn]) == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize('group', groups())
def test_every_parameter_has_a_range_and_a_reason_and_stays_inside(group):
    rng = np.random.default_rng(1)
    laws = dict(describe(group))
    assert laws
    for law in laws.values():
        assert law.low < law.high and len(law.why) > 5
        assert law.kind != 'chance' or law.high < 1
    for _ in range(20):
        for name, value in vars(draw(group, rng)).items():
            assert laws[name].low <= value <= max(laws[name].high, 1)


def test_the_same_source_gives_the_same_draw():
    assert draw(Sample, np.random.default_rng(3)) == draw(Sample, np.random.default_rng(3))
    assert draw(Sample, np.random.default_rng(3)) != draw(Sample, np.random.default_rng(4))
