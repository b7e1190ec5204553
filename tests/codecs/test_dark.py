import cv2
import numpy as np
import pytest
import torch
from mmpose.codecs import MSRAHeatmap

from spondylo_mm.codecs.dark import decode_peaks, decode_peaks_on_device, fit_vertices, window_radius
from spondylo_mm.codecs.gaussian_targets import draw_gaussians


def gaussians(peaks, size=(64, 64), sigma=2.0, height=1.0):
    return draw_gaussians(peaks, np.full(len(peaks), height), size, sigma)


def decode(heatmaps, sigma=2.0):
    """What numpy finds, having checked that the device finds it as well."""
    positions, heights = decode_peaks(heatmaps, sigma)
    for on_device, expected in zip(
        decode_peaks_on_device(torch.from_numpy(heatmaps), sigma), (positions, heights), strict=True
    ):
        np.testing.assert_allclose(on_device, expected, atol=1e-9)
    return positions, heights


def mean_radial_error(positions, peaks):
    return np.linalg.norm(positions - peaks, axis=-1).mean()


@pytest.mark.parametrize('sigma', [1.0, 1.5, 2.0, 3.0])
def test_a_gaussian_is_decoded_exactly_anywhere_in_the_map(sigma):
    rng = np.random.default_rng(1)
    size = np.array([48, 80])
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) * (size - 1.0)
    peaks = np.concatenate([rng.uniform(0, size - 1, (300, 2)), corners, [[0, 40.5], [20.5, 79], [0.4, 0.3]]])
    positions, _ = decode(gaussians(peaks, tuple(size), sigma), sigma)
    np.testing.assert_allclose(positions, peaks, atol=1e-4)


@pytest.mark.parametrize('width', [0.8, 1.5, 2.0])
def test_a_gaussian_broader_or_narrower_than_drawn_is_decoded_exactly(width):
    peaks = np.random.default_rng(2).uniform(0, 63, (100, 2))
    positions, _ = decode(gaussians(peaks, sigma=2.0 * width, height=0.3))
    np.testing.assert_allclose(positions, peaks, atol=1e-4)


def test_an_elongated_tilted_peak_is_decoded_exactly():
    x, y = np.meshgrid(np.arange(32.0), np.arange(32.0))
    dx, dy = x - 15.3, y - 16.8
    heatmap = np.exp(-(0.2 * dx**2 + 0.24 * dx * dy + 0.1 * dy**2)).astype(np.float32)
    positions, _ = decode(heatmap[None])
    np.testing.assert_allclose(positions, [[15.3, 16.8]], atol=1e-4)


def test_the_height_is_that_of_the_largest_pixel():
    _, heights = decode(
        np.concatenate([gaussians(np.array([[20.0, 30.0]]), height=0.4), np.full((1, 64, 64), -0.2, 'f4')])
    )
    np.testing.assert_allclose(heights, [0.4, -0.2], rtol=1e-6)


def test_a_neighbouring_peak_outside_the_window_does_not_pull():
    peaks = np.array([[20.3, 30.6]])
    heatmaps = gaussians(peaks) + gaussians(peaks + [10, 0], height=0.9)
    positions, _ = decode(heatmaps)
    np.testing.assert_allclose(positions, peaks, atol=0.02)


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize(
    'heatmap',
    [
        pytest.param(np.full((16, 16), 0.5), id='flat'),
        pytest.param(np.zeros((16, 16)), id='zero'),
        pytest.param(gaussians(np.array([[7.3, 8.1]]), (16, 16))[0] - 2, id='negative'),
    ],
)
def test_a_map_without_a_peak_decodes_to_its_largest_pixel(heatmap):
    positions, _ = decode(heatmap.astype(np.float32)[None])
    row, column = np.unravel_index(heatmap.argmax(), heatmap.shape)
    np.testing.assert_array_equal(positions, [[column, row]])


def test_a_lone_pixel_among_zeros_decodes_to_itself_and_a_neighbour_pulls_by_less_than_half_a_pixel():
    heatmaps = np.zeros((2, 16, 16), np.float32)
    heatmaps[:, 5, 9] = 1
    heatmaps[1, 5, 10] = 0.9
    positions, _ = decode(heatmaps)
    np.testing.assert_array_equal(positions[0], [9, 5])
    assert 9 < positions[1, 0] < 9.5 and positions[1, 1] == pytest.approx(5)


@pytest.mark.parametrize(('curvature_x', 'curvature_y'), [(0.05, -0.05), (-0.05, 0.05), (0.05, 0.05)])
def test_a_spike_on_a_saddle_or_in_a_bowl_decodes_to_itself(curvature_x, curvature_y):
    x, y = np.meshgrid(np.arange(-3.0, 4), np.arange(-3.0, 4))
    window = np.exp(curvature_x * x**2 + curvature_y * y**2 + 0.05 * x + 0.05 * y)
    window *= 0.99 / window.max()
    window[3, 3] = 1
    np.testing.assert_array_equal(fit_vertices(window.reshape(1, -1), 2.0), [[0, 0]])


def test_a_peak_beyond_the_map_decodes_to_the_maps_edge():
    peaks = np.array([[-1.5, 20.25], [40.75, 65.0]])
    positions, _ = decode(gaussians(peaks))
    np.testing.assert_allclose(positions, [[0, 20.25], [40.75, 63]], atol=1e-4)


def test_a_vertex_beyond_the_window_is_held_at_its_edge():
    x, y = np.meshgrid(np.arange(-3.0, 4), np.arange(-3.0, 4))
    rising = np.exp(0.3 * x - 0.001 * x**2 - 0.1 * y**2)  # vertex at x = 150
    ended = np.where(x > 0, 0, rising)  # the map ends at the window's centre, which is its largest pixel
    np.testing.assert_allclose(fit_vertices(ended.reshape(1, -1), 2.0), [[3, 0]], atol=1e-6)


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize('broken', [np.nan, np.inf])
def test_a_broken_map_keeps_its_broken_height_and_does_not_disturb_the_others(broken):
    heatmaps = gaussians(np.array([[10.25, 20.75], [30.5, 40.5]]))
    heatmaps[0, 5, 7] = broken
    positions, heights = decode(heatmaps)
    np.testing.assert_array_equal(heights[0], broken)
    np.testing.assert_allclose(positions, [[7, 5], [30.5, 40.5]], atol=1e-4)


@pytest.mark.parametrize(
    ('dtype', 'tolerance'), [(torch.float16, 0.005), (torch.bfloat16, 0.05), (torch.float64, 1e-4)]
)
def test_other_precisions_are_decoded_in_at_least_float32(dtype, tolerance):
    peaks = np.random.default_rng(3).uniform(0, 63, (50, 2))
    positions, _ = decode_peaks_on_device(torch.from_numpy(gaussians(peaks)).to(dtype), 2.0)
    np.testing.assert_allclose(positions, peaks, atol=tolerance)


@pytest.mark.gpu
def test_a_gpu_decodes_as_numpy_does():
    heatmaps = torch.rand(2, 5, 32, 48, generator=torch.Generator().manual_seed(0))
    for on_gpu, on_host in zip(
        decode_peaks_on_device(heatmaps.cuda(), 2.0), decode_peaks(heatmaps.numpy(), 2.0), strict=True
    ):
        np.testing.assert_allclose(on_gpu, on_host, atol=1e-5)


def test_the_memory_layout_of_the_heatmaps_does_not_matter():
    heatmaps = gaussians(np.random.default_rng(4).uniform(0, 63, (6, 2)))[None].repeat(2, axis=0)
    expected, _ = decode_peaks(heatmaps, 2.0)
    channels_last = torch.from_numpy(heatmaps).to(memory_format=torch.channels_last)
    np.testing.assert_array_equal(decode_peaks(channels_last.numpy(), 2.0)[0], expected)
    np.testing.assert_array_equal(decode_peaks_on_device(channels_last, 2.0)[0], expected)


def test_the_first_of_equal_pixels_in_reading_order_is_taken():
    heatmaps = np.full((1, 9, 11), -1, np.float32)  # no positive peak: the position is the pixel itself
    heatmaps[0, [3, 3, 7], [8, 10, 0]] = 0
    positions, _ = decode(heatmaps)
    np.testing.assert_array_equal(positions, [[8, 3]])


@pytest.mark.parametrize(('where', 'factor'), [('middle', 1.15), ('border', 0.2)])
@pytest.mark.parametrize('smooth', [False, True])
def test_noise_disturbs_us_no_more_than_mmpose_and_far_less_at_the_border(where, factor, smooth):
    rng = np.random.default_rng(6)
    low, high = ([9, 9], [54, 54]) if where == 'middle' else ([0, 9], [2, 54])
    peaks = rng.uniform(low, high, (300, 2))
    noise = rng.normal(size=(300, 64, 64)).astype(np.float32)
    if smooth:
        noise = np.stack([cv2.GaussianBlur(one, (0, 0), 1.0) for one in noise])
    heatmaps = gaussians(peaks) + noise * np.float32(0.02 / noise.std())
    theirs = MSRAHeatmap((64, 64), (64, 64), sigma=2.0, unbiased=True).decode(heatmaps)[0][0]
    ours, _ = decode(heatmaps)
    assert mean_radial_error(ours, peaks) < factor * mean_radial_error(theirs, peaks)


def test_the_window_grows_with_sigma_and_never_has_fewer_pixels_in_a_corner_than_coefficients():
    assert [window_radius(sigma) for sigma in (0.5, 1.0, 2.0, 4.0)] == [2, 2, 3, 6]
    assert (window_radius(0.1) + 1) ** 2 >= 6
