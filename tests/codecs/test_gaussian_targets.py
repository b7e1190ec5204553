import math

import numpy as np
import pytest
import torch

from spondylo_mm.codecs.gaussian_targets import draw_gaussians, draw_gaussians_on_device, frame_scale

DEVICES = ['cpu', pytest.param('cuda', marks=pytest.mark.gpu)]


def test_a_pixel_has_the_value_of_the_formula_by_hand():
    heatmaps = draw_gaussians(np.array([[3.25, 1.5]]), np.ones(1), (8, 6), sigma=2.0)
    assert heatmaps.shape == (1, 6, 8) and heatmaps.dtype == np.float32
    # row 4, column 5: dx = 1.75, dy = 2.5, so exp(-(3.0625 + 6.25) / 8)
    assert heatmaps[0, 4, 5] == pytest.approx(math.exp(-9.3125 / 8), rel=1e-6)


def test_a_gaussian_on_a_pixel_centre_peaks_at_one_and_is_never_cut_off():
    (heatmap,) = draw_gaussians(np.array([[10.0, 4.0]]), np.ones(1), (32, 16), sigma=1.5)
    assert heatmap[4, 10] == 1
    assert heatmap[4, 20] == pytest.approx(math.exp(-100 / 4.5), rel=1e-5)  # 6.7 sigma away


@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize(('size', 'sigma'), [((128, 128), 2.0), ((512, 512), 3.0), ((48, 96), 1.0)])
def test_the_device_draws_what_numpy_draws(device, size, sigma):
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(-3, np.array(size) + 2, (3, 7, 2)).astype(np.float32)
    amplitudes = rng.integers(0, 2, (3, 7)).astype(np.float32)
    on_device = draw_gaussians_on_device(
        torch.from_numpy(keypoints).to(device), torch.from_numpy(amplitudes).to(device), size, sigma
    )
    assert on_device.device.type == device
    np.testing.assert_allclose(
        on_device.cpu().numpy(), draw_gaussians(keypoints, amplitudes, size, sigma), rtol=0, atol=1e-5
    )


def test_an_amplitude_of_zero_is_an_empty_map_wherever_the_keypoint_is():
    keypoints = np.array([[[np.nan, 1.0], [2.0, 2.0], [np.inf, -np.inf]]])
    amplitudes = np.array([[0.0, 1.0, 0.0]])
    drawn = draw_gaussians(keypoints, amplitudes, (5, 5), sigma=1.0)
    on_device = draw_gaussians_on_device(torch.from_numpy(keypoints), torch.from_numpy(amplitudes), (5, 5), sigma=1.0)
    for heatmaps in (drawn[0], on_device[0].numpy()):
        assert not heatmaps[[0, 2]].any()
        assert heatmaps[1, 2, 2] == 1


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_targets_are_the_float32_ones_rounded_once(dtype):
    keypoints, amplitudes = torch.rand(2, 4, 2, generator=torch.Generator().manual_seed(0)) * 31, torch.ones(2, 4)
    rounded = draw_gaussians_on_device(keypoints, amplitudes, (32, 32), 2.0, dtype)
    exact = draw_gaussians_on_device(keypoints, amplitudes, (32, 32), 2.0)
    assert rounded.dtype == dtype
    assert torch.equal(rounded, exact.to(dtype))


def test_frames_share_their_first_and_last_pixel_centres():
    scale = frame_scale((512, 256), (128, 64))
    np.testing.assert_allclose(
        np.array([[0, 0], [511, 255], [255.5, 127.5]]) * scale, [[0, 0], [127, 63], [63.5, 31.5]]
    )
