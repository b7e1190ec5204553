from __future__ import annotations

import numpy as np

from spondylo_mm.phantom.film import collimate, develop

BODIES = np.array([[200, 50], [200, 100], [200, 150]])


def wedge(steps=300):
    """Exposure from air to the densest bone, left to right, its logarithm even; the bodies are at 6 of 9."""
    return np.exp(6.0 - np.tile(np.linspace(0, 9, steps, dtype=np.float32), (200, 1)))


def test_the_film_is_bright_where_much_is_absorbed_and_black_in_air():
    greys = []
    for seed in range(40):
        grey, _ = develop(wedge(), 5.0, BODIES, np.random.default_rng(seed))  # 5 mm a pixel: no filter reaches far
        row = grey.mean(axis=0)
        assert row[:5].max() < 0.25 and 0 <= grey.min() and grey.max() <= 1
        assert row[20] <= row[150] <= row[200] + 0.02 <= row[280] + 0.04
        greys.append(row[200])
    assert 0.08 < min(greys) and max(greys) < 0.85  # the bodies are neither black nor white
    assert np.std(greys) > 0.06  # and films differ


def test_processing_steepens_edges_in_some_units_only():
    exposure = np.ones((200, 300), np.float32)
    exposure[:, 150:] = np.exp(-0.5)
    steps = []
    for seed in range(40):
        row = develop(exposure, 0.5, BODIES, np.random.default_rng(seed))[0][100]
        steps.append((row[150:156].max() - row[280]) / max(row[280] - row[20], 1e-3))
    assert max(steps) > 0.15 and np.median(steps) < max(steps) / 2


def test_few_films_are_inverted():
    inverted = [develop(wedge(60), 5.0, BODIES // 5, np.random.default_rng(seed))[1] for seed in range(300)]
    assert 0 < np.mean(inverted) < 0.06


def test_the_collimator_closes_on_many_films_and_never_on_the_spine():
    keep = np.array([110.0, 0.0, 200.0, 240.0])
    closed = 0
    for seed in range(120):
        grey = collimate(np.full((320, 320), 0.5, np.float32), keep, np.random.default_rng(seed))
        assert (grey[5:235, 115:195] > 0.45).all()
        closed += (grey < 0.1).mean() > 0.02
    assert 30 < closed < 118
