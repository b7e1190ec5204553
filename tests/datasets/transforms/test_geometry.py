"""Pixels and coordinates move together, and coordinates come back exactly."""

import cv2
import numpy as np
import pytest

from spondylo_mm.anatomy import NUM_KEYPOINTS
from spondylo_mm.datasets.transforms.geometry import (
    LetterboxToInput,
    RandomSpineAffine,
    StretchToInput,
    apply_to_points,
    letterbox_matrix,
    stretch_matrix,
    warp,
)


def back_to_image(points: np.ndarray, results: dict) -> np.ndarray:
    """MMPose's own way back, as TopdownPoseEstimator applies it to predictions."""
    return (
        points / results['input_size'] * results['input_scale'] + results['input_center'] - 0.5 * results['input_scale']
    )


def sample(width: int, height: int, input_size=(256, 256), seed=0) -> dict:
    rng = np.random.default_rng(seed)
    keypoints = rng.uniform(0, 1, (1, NUM_KEYPOINTS, 2)) * [width - 1, height - 1]
    return dict(img=np.zeros((height, width), np.uint8), keypoints=keypoints, codec=dict(input_size=input_size))


def blob_image(width: int, height: int, centre: tuple[float, float], sigma: tuple[float, float]) -> np.ndarray:
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    value = np.exp(-((x - centre[0]) ** 2) / (2 * sigma[0] ** 2) - (y - centre[1]) ** 2 / (2 * sigma[1] ** 2))
    return np.round(255 * value).astype(np.uint8)


def centroid(image: np.ndarray) -> np.ndarray:
    y, x = np.indices(image.shape)
    return np.array([(image * x).sum(), (image * y).sum()]) / image.sum()


@pytest.mark.parametrize('to_input', [StretchToInput(), LetterboxToInput()], ids=['stretch', 'letterbox'])
@pytest.mark.parametrize('seed', range(20))
def test_image_to_input_to_image_is_exact_for_any_size_and_fit(seed, to_input):
    rng = np.random.default_rng(seed)
    width, height = rng.integers(64, 3000, 2)
    results = to_input(sample(width, height, input_size=tuple(rng.integers(64, 600, 2)), seed=seed))
    returned = back_to_image(results['transformed_keypoints'], results)
    np.testing.assert_allclose(returned, results['keypoints'], atol=1e-3)


def test_the_outermost_pixel_centres_map_onto_each_other():
    corners = np.array([[0, 0], [641, 479]])
    np.testing.assert_allclose(apply_to_points(stretch_matrix((642, 480), (256, 128)), corners), [[0, 0], [255, 127]])


@pytest.mark.parametrize(
    'size, first, last',
    [
        ((101, 201), (50, 0), (150, 200)),  # too narrow: black at the sides, equally wide
        ((401, 101), (0, 75), (200, 125)),  # too low
        ((201, 201), (0, 0), (200, 200)),
        ((1, 101), (100, 0), (100, 200)),  # a single column
    ],
)
def test_a_letterbox_keeps_the_shape_fills_one_side_and_centres_the_other(size, first, last):
    matrix = letterbox_matrix(size, (201, 201))
    corners = np.array([[0, 0], [size[0] - 1, size[1] - 1]])
    np.testing.assert_allclose(apply_to_points(matrix, corners), [first, last], atol=1e-9)
    assert matrix[0, 0] == matrix[1, 1]


def test_what_a_letterbox_does_not_cover_is_black():
    results = LetterboxToInput()(dict(sample(100, 200), img=np.full((200, 100), 255, np.uint8)))
    columns = results['img'].any(axis=0)
    assert results['img'].shape == (256, 256)
    assert columns.nonzero()[0].tolist() == list(range(columns.argmax(), 256 - columns.argmax()))
    assert columns.sum() == pytest.approx(128, abs=2)


def test_a_letterbox_shrinks_by_averaging_along_both_sides():
    """Columns of one pixel, black and white in turn, that are to cover a quarter of the input's width are grey;
    averaged to the whole width only, the rest of the way would skip pixels."""
    stripes = np.tile(np.arange(256) % 2 * 255, (1024, 1)).astype(np.uint8)
    shrunk = LetterboxToInput()(dict(sample(256, 1024), img=stripes))['img']
    assert np.abs(shrunk[2:-2, 100:156].astype(float) - 127.5).max() <= 10  # 3.94 columns each: not quite half white


@pytest.mark.parametrize('to_input', [StretchToInput(), LetterboxToInput()], ids=['stretch', 'letterbox'])
@pytest.mark.parametrize('size', [(640, 640), (1276, 2134), (535, 1024), (90, 120), (200, 900)])
def test_the_image_moves_with_the_coordinates(size, to_input):
    """A blob drawn at a known place must be seen where the map says it lands, shrunk or enlarged, whatever the
    stretch."""
    width, height = size
    centre = np.array([0.37 * width, 0.61 * height])
    results = dict(
        img=blob_image(width, height, centre, (width / 30, height / 30)),
        keypoints=centre.reshape(1, 1, 2),
        codec=dict(input_size=(256, 256)),
    )
    results = to_input(results)
    np.testing.assert_allclose(
        centroid(results['img'].astype(float)), results['transformed_keypoints'][0, 0], atol=0.03
    )


@pytest.mark.parametrize('to_input', [StretchToInput(), LetterboxToInput()], ids=['stretch', 'letterbox'])
@pytest.mark.parametrize('seed', range(5))
def test_augmentation_moves_pixels_and_keypoints_alike(seed, to_input):
    np.random.seed(seed)
    centre = np.array([300.0, 350.0])
    results = dict(
        img=blob_image(640, 640, centre, (20, 20)), keypoints=centre.reshape(1, 1, 2), codec=dict(input_size=(256, 256))
    )
    results = to_input(RandomSpineAffine(rotation=15, scale=(0.9, 1.1), shift=0.05)(results))
    np.testing.assert_allclose(
        centroid(results['img'].astype(float)), results['transformed_keypoints'][0, 0], atol=0.03
    )
    assert np.abs(results['transformed_keypoints'][0, 0] - centre * 255 / 639).max() > 0.5


def test_augmentation_stays_within_its_ranges():
    np.random.seed(0)
    for _ in range(200):
        matrix = RandomSpineAffine(rotation=10, scale=(0.9, 1.1), shift=0.05)({})['augmentation']
        scale = np.sqrt(np.linalg.det(matrix[:2, :2]))
        assert 0.9 <= scale <= 1.1
        assert abs(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))) <= 10
        assert np.abs(apply_to_points(matrix, np.array([0.5, 0.5])) - 0.5).max() <= 0.05


def test_a_part_enlarged_along_the_spine_shows_one_of_its_corners_and_nothing_beyond_the_image():
    np.random.seed(0)
    corners = np.array([[[20.0, 10], [180, 350], [199, 399], [100, 200]]])
    visible = np.array([[1, 1, 1, 0]])
    shown = set()
    for _ in range(100):
        results = dict(img=np.zeros((400, 200), np.uint8), keypoints=corners, keypoints_visible=visible)
        transform = RandomSpineAffine(rotation=0, scale=(3.0, 3.0), shift=0, along_spine=True)
        matrix = transform(results)['augmentation']
        places = apply_to_points(matrix, corners[0] / [199, 399])
        shown.add(tuple(np.abs(places - 0.5).max(axis=1) <= 0.5))
        image = apply_to_points(matrix, np.array([[0.0, 0.0], [1.0, 1.0]]))
        assert (image[0] <= 1e-9).all() and (image[1] >= 1 - 1e-9).all()
    # the corner at the top alone, the two at the bottom together, and never what is not labelled alone
    assert shown == {(True, False, False, False), (False, True, True, False)}


@pytest.mark.parametrize('visible', [0, 1])
def test_what_is_not_enlarged_or_has_no_label_stays_in_the_middle(visible):
    scale = (0.8, 0.8) if visible else (2.0, 2.0)
    results = dict(img=np.zeros((9, 9), np.uint8), keypoints=np.zeros((1, 1, 2)))
    results['keypoints_visible'] = np.array([[visible]])
    matrix = RandomSpineAffine(rotation=15, scale=scale, shift=0, along_spine=True)(results)['augmentation']
    np.testing.assert_allclose(apply_to_points(matrix, np.array([0.5, 0.5])), 0.5)


def test_shrinking_averages_instead_of_skipping_pixels():
    """A one-pixel checkerboard shrunk by four is grey; a plain warp would sample its black or its white squares."""
    checkerboard = ((np.indices((1024, 1024)).sum(0) % 2) * 255).astype(np.uint8)
    shrunk = warp(checkerboard, stretch_matrix((1024, 1024), (256, 256)), (256, 256))
    assert np.abs(shrunk[2:-2, 2:-2].astype(float) - 127.5).max() <= 1
    plain = cv2.warpAffine(checkerboard, stretch_matrix((1024, 1024), (256, 256))[:2], (256, 256))
    assert plain.std() > 20


def test_the_model_sees_the_whole_image_and_no_labelled_box():
    results = StretchToInput()(dict(sample(300, 500), bbox=np.array([[10, 20, 30, 40]])))
    np.testing.assert_array_equal(results['bbox'], [[0, 0, 300, 500]])


def test_a_region_is_seen_enlarged_and_mapped_back_exactly():
    """A bright dot lies in the input where the keypoint on it does; MMPose's way back leads to the image again."""
    image = np.zeros((80, 60), np.uint8)
    image[40, 30] = 255
    codec = dict(input_size=(64, 64))
    results = dict(
        img=image, keypoints=np.array([[[30.0, 40.0]]]), codec=codec, region=np.array([18.5, 24.0, 48.0, 63.0])
    )
    results = StretchToInput().transform(results)
    x, y = results['transformed_keypoints'][0, 0]
    seen_y, seen_x = np.unravel_index(results['img'].argmax(), (64, 64))
    assert abs(seen_x - x) <= 1 and abs(seen_y - y) <= 1
    assert (x, y) == pytest.approx((11.5 * 63 / 29.5, 16 * 63 / 39))
    back = results['transformed_keypoints'] / results['input_size'] * results['input_scale']
    back = back + results['input_center'] - results['input_scale'] / 2
    np.testing.assert_allclose(back, [[[30, 40]]], atol=1e-9)


@pytest.mark.parametrize('scale', [1.0, 1.6, 2.75])
def test_a_part_enlarged_by_augmentation_looks_as_a_closer_look_at_it_does(scale):
    """As sharp as well: what is enlarged in training must not have been averaged to the input's pixels before."""
    noise = np.random.default_rng(0).integers(0, 256, (640, 640)).astype(np.uint8)
    augmentation = np.array([[scale, 0, (1 - scale) / 2], [0, scale, (1 - scale) / 2], [0, 0, 1]])
    margin = 639 * (1 - 1 / scale) / 2
    region = np.array([margin, margin, 639 - margin, 639 - margin])
    trained = StretchToInput()(dict(sample(640, 640), img=noise, augmentation=augmentation))['img']
    looked = StretchToInput()(dict(sample(640, 640), img=noise, region=region))['img']
    assert np.abs(trained.astype(float) - looked).mean() < 0.1  # OpenCV interpolates in 32nds of a pixel
