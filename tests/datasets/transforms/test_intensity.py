"""Exposure varies in training; geometry does not."""

import numpy as np
import pytest

from spondylo_mm.datasets.transforms.intensity import Clahe, RandomExposure

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)


def test_nothing_random_leaves_the_image_as_it_is():
    exposure = RandomExposure(brightness=0, contrast=0, gamma=(1, 1))
    np.testing.assert_array_equal(exposure(dict(img=RAMP))['img'], RAMP)


@pytest.mark.parametrize('seed', range(10))
def test_a_brighter_pixel_stays_at_least_as_bright(seed):
    np.random.seed(seed)
    changed = RandomExposure()(dict(img=RAMP))['img'].astype(int).ravel()
    assert (np.diff(changed) >= 0).all()
    assert not np.array_equal(changed, RAMP.ravel())


def test_gamma_bends_the_middle_and_keeps_the_ends():
    changed = RandomExposure(brightness=0, contrast=0, gamma=(2, 2))(dict(img=RAMP))['img'].ravel()
    assert (changed[0], changed[255]) == (0, 255)
    assert changed[128] == round(255 * (128 / 255) ** 2)


def test_inversion_exchanges_black_and_white():
    exposure = RandomExposure(brightness=0, contrast=0, gamma=(1, 1), invert_prob=1)
    np.testing.assert_array_equal(exposure(dict(img=RAMP))['img'], 255 - RAMP)


def test_clahe_raises_the_contrast_of_a_faint_texture():
    x = np.arange(64)
    faint = np.round(104 + 4 * np.sin(x / 2)[None] * np.sin(x / 3)[:, None]).astype(np.uint8)
    assert Clahe()(dict(img=faint))['img'].std() > 1.5 * faint.std()
