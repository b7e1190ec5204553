from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spondylo_mm.phantom import detector
from spondylo_mm.phantom.detector import Exposure, expose

QUIET = Exposure(
    heel=0.0,
    heel_across=0.0,
    scatter=1e-4,
    scatter_mm=20.0,
    focal_mm=0.1,
    quantum=1e-5,
    electronic=1e-6,
    grain_px=0.3,
    has_grid_lines=False,
    grid_period_px=4.0,
    grid_depth=0.02,
)


@pytest.fixture
def expose_with(monkeypatch):
    """Expose under given settings instead of drawn ones."""

    def run(attenuation, **settings):
        monkeypatch.setattr(detector, 'draw', lambda group, rng: replace(QUIET, **settings))
        return expose(attenuation, 0.5, 6.0, np.random.default_rng(0))

    return run


def even(value, height=200, width=300):
    return np.full((height, width), value, np.float32)


def test_what_is_not_absorbed_reaches_the_detector(expose_with):
    for attenuation in (5.0, 6.0, 7.5):
        assert expose_with(even(attenuation)).mean() == pytest.approx(np.exp(6.0 - attenuation), rel=1e-3)


def test_noise_grows_with_the_root_of_the_exposure(expose_with):
    attenuation = even(6.0)
    attenuation[:, 150:] = 8.0
    measured = expose_with(attenuation, quantum=0.02)
    bright, dark = measured[:, 10:140], measured[:, 160:290]
    assert bright.std() == pytest.approx(0.02, rel=0.35)  # per 0.5 mm pixel
    assert bright.std() / dark.std() == pytest.approx(np.exp(1.0), rel=0.15)


def test_scatter_veils_contrast(expose_with):
    attenuation = even(6.0)
    attenuation[80:120, 130:170] = 7.0
    clear, veiled = (expose_with(attenuation, scatter=share) for share in (1e-4, 0.8))
    contrast = [image[100, 40] / image[100, 150] for image in (clear, veiled)]
    assert contrast[0] == pytest.approx(np.e, rel=0.02) and contrast[1] < 0.8 * contrast[0]


def test_a_large_focus_blurs_edges(expose_with):
    attenuation = even(6.0)
    attenuation[:, 150:] = 7.0
    sharp, soft = (np.abs(np.diff(expose_with(attenuation, focal_mm=mm)[100])).max() for mm in (0.1, 0.75))
    assert soft < 0.5 * sharp


def test_the_heel_darkens_one_end_and_grid_lines_repeat(expose_with):
    rows = expose_with(even(6.0), heel=0.3).mean(axis=1)
    assert rows[0] == pytest.approx(0.7, abs=0.01) and rows[-1] == pytest.approx(1.3, abs=0.01)
    columns = expose_with(even(6.0), has_grid_lines=True).mean(axis=0)
    power = np.abs(np.fft.rfft(columns - columns.mean()))
    assert np.argmax(power) == 300 // 4


def test_air_saturates_and_stays_finite():
    for seed in range(20):
        attenuation = even(0.0, 60, 90)
        attenuation[:, 45:] = 30.0
        measured = expose(attenuation, 0.5, 6.0, np.random.default_rng(seed))
        assert np.isfinite(np.log(measured)).all() and measured.max() < 500
