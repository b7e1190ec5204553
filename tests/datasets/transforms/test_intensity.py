"""Exposure varies in training; geometry does not."""

import cv2
import numpy as np
import pytest

from spondylo_mm.datasets.transforms.intensity import Clahe, RandomDetail, RandomExposure, RandomShading

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


def grain() -> np.ndarray:
    """A film of mid-grey with a texture of single pixels, far from black and white."""
    return np.random.default_rng(0).integers(110, 146, (96, 64)).astype(np.uint8)


@pytest.mark.parametrize('unchanged', [RandomShading(strength=0), RandomDetail(sharpness=(0, 0), noise=0)])
def test_without_strength_nothing_changes(unchanged):
    np.testing.assert_array_equal(unchanged(dict(img=grain()))['img'], grain())


def test_shading_changes_regions_and_keeps_the_texture():
    np.random.seed(1)
    change = RandomShading(strength=0.2)(dict(img=grain()))['img'].astype(float) - grain()
    assert 1 < change.std() and np.abs(change).max() <= 1.5 * 0.2 * 255  # cubic interpolation goes beyond its values
    inner = np.abs(change - cv2.GaussianBlur(change, (0, 0), 2))[8:-8, 8:-8]
    assert inner.max() < 0.1 * grain().std() + 1  # but for rounding: none of the grain is in it


def test_detail_is_taken_by_blurring_and_added_by_sharpening():
    blurred = RandomDetail(sharpness=(-1, -1), sigma=(1, 1), noise=0)(dict(img=grain()))['img']
    expected = cv2.GaussianBlur(grain().astype(np.float32), (0, 0), 1)
    assert np.abs(blurred - expected).max() <= 0.5
    sharpened = RandomDetail(sharpness=(1, 1), sigma=(1, 1), noise=0)(dict(img=grain()))['img']
    assert np.abs(sharpened - (2.0 * grain() - expected)).max() <= 0.5


def test_noise_is_at_most_as_strong_as_asked_for():
    flat = np.full((200, 200), 128, np.uint8)
    stds = []
    for seed in range(20):
        np.random.seed(seed)
        stds.append(RandomDetail(sharpness=(0, 0), noise=0.04)(dict(img=flat))['img'].std())
    assert 0.03 * 255 < max(stds) < 1.02 * 0.04 * 255 and min(stds) < 0.01 * 255
