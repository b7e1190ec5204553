from __future__ import annotations

import numpy as np

from spondylo_mm.phantom.noise import bands, clouds, streaks, trabeculae


def test_clouds_are_smooth_where_their_cells_are_large():
    rough, smooth = (clouds(120, 90, ((cells, 1.0),), np.random.default_rng(0)) for cells in (40, 6))
    assert rough.shape == smooth.shape == (90, 120)
    assert np.abs(np.diff(rough, axis=1)).mean() > 3 * np.abs(np.diff(smooth, axis=1)).mean()


def test_streaks_run_along_their_direction():
    level = streaks(160, 120, 30, 3, 0, np.random.default_rng(0))
    upright = streaks(160, 120, 30, 3, 90, np.random.default_rng(0))
    for field, along, across in ((level, 1, 0), (upright, 0, 1)):
        assert 3 * np.abs(np.diff(field, axis=along)).mean() < np.abs(np.diff(field, axis=across)).mean()
    assert 0.4 < level.std() < 1.3


def test_trabeculae_run_along_the_load_and_are_bounded():
    field = trabeculae(200, 150, 0.5, np.random.default_rng(0))
    assert field.shape == (150, 200) and np.abs(field).max() <= 3
    assert np.abs(np.diff(field, axis=0)).mean() < np.abs(np.diff(field, axis=1)).mean()


def test_a_cortex_fades_within_its_bounds():
    shares = bands(5, 40, 0.3, np.random.default_rng(0))
    assert shares.shape == (40,) and shares.min() >= 0.3 and shares.max() <= 1 and np.ptp(shares) > 0.1
