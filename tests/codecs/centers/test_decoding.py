"""From maps to a numbered spine: any number of vertebrae, and what does not belong to it."""

import numpy as np
import pytest

from spondylo_mm.anatomy import NUM_KEYPOINTS, NUM_SLOTS
from spondylo_mm.codecs.centers.layout import SACRUM, VERTEBRA
from spondylo_mm.codecs.gaussian_targets import draw_gaussians

CELLS, SIGMA, TO_HEATMAP = 128, 1.5, 127 / 511


def placed(prediction: dict) -> np.ndarray:
    """Vertebrae (V, 4, 2) that are judged present, from below."""
    corners = prediction['keypoints'].reshape(NUM_SLOTS, 4, 2)
    return corners[prediction['presence'][0] >= 0.5]


def add_blob(maps: np.ndarray, channel: int, place: tuple, height: float) -> None:
    """A peak at a place in input pixels."""
    point = np.array([place]) * TO_HEATMAP
    blob = draw_gaussians(point, np.array([height]), (CELLS, CELLS), SIGMA)[0]
    maps[channel] = np.maximum(maps[channel], blob)


@pytest.mark.parametrize('count', [1, 2, 6, 10])
def test_every_vertebra_is_in_its_slot_counted_from_the_sacrum(codec, straight, seen, count):
    spine = straight(count)
    prediction = codec.decode_spine(seen(spine))
    assert prediction['keypoints'].shape == (1, NUM_KEYPOINTS, 2)
    np.testing.assert_allclose(placed(prediction), spine, atol=0.01)
    assert (prediction['presence'][0] > 0.5).tolist() == [True] * count + [False] * (NUM_SLOTS - count)
    assert prediction['sacrum_seen'][0] > 0.99 and prediction['keypoint_taught'].all()
    assert 'extra_vertebrae' not in prediction


def test_the_eleventh_vertebra_is_not_lost(codec, straight, seen):
    spine = straight(12)
    prediction = codec.decode_spine(seen(spine))
    np.testing.assert_allclose(placed(prediction), spine[:10], atol=0.01)
    np.testing.assert_allclose(prediction['extra_vertebrae'], spine[None, 10:], atol=0.01)
    assert (prediction['extra_presence'] > 0.99).all() and prediction['extra_scores'].shape == (1, 2, 4)


def test_without_a_sacrum_vertebrae_are_found_and_levels_are_not(codec, straight, seen):
    spine = straight(6)
    prediction = codec.decode_spine(seen(spine, is_sacrum=False))
    np.testing.assert_allclose(placed(prediction), spine, atol=0.01)
    assert prediction['sacrum_seen'][0] == 0


def test_a_lowest_vertebra_that_looks_more_like_a_vertebra_is_no_sacrum(codec, straight, seen):
    spine = straight(5)
    maps = seen(spine, height=[0.3, 1, 1, 1, 1])
    add_blob(maps, VERTEBRA, spine[0].mean(axis=0), 0.9)
    prediction = codec.decode_spine(maps)
    assert prediction['sacrum_seen'][0] < 0.5
    np.testing.assert_allclose(placed(prediction)[-1], spine[4], atol=0.01)
    assert len(placed(prediction)) == 5


def test_a_sacrum_that_might_be_a_vertebra_is_as_likely_as_their_scores_say(codec, straight, seen):
    spine = straight(5)
    maps = seen(spine, height=[0.8, 1, 1, 1, 1])
    add_blob(maps, VERTEBRA, spine[0].mean(axis=0), 0.4)
    assert codec.decode_spine(maps)['sacrum_seen'][0] == pytest.approx(0.8 / 1.2, abs=0.02)


@pytest.mark.parametrize('place', [(120, 300), (400, 420), (256, 505)])
def test_a_stray_blob_off_the_spine_or_below_the_sacrum_changes_nothing(codec, straight, seen, place):
    spine = straight(7)
    maps = seen(spine)
    add_blob(maps, VERTEBRA, place, 0.9)
    np.testing.assert_allclose(placed(codec.decode_spine(maps)), spine, atol=0.01)


def test_a_second_sacrum_off_the_spine_is_dropped(codec, straight, seen):
    spine = straight(7)
    maps = seen(spine)
    add_blob(maps, SACRUM, (100, 200), 0.95)
    np.testing.assert_allclose(placed(codec.decode_spine(maps)), spine, atol=0.01)


def test_two_peaks_on_one_vertebra_are_one_vertebra(codec, straight, seen):
    spine = straight(7)
    maps = seen(spine)
    for shift in ([14, 3], [-14, -3]):
        add_blob(maps, VERTEBRA, tuple(spine[3].mean(axis=0) + shift), 0.9)
    np.testing.assert_allclose(placed(codec.decode_spine(maps)), spine, atol=0.5)


def test_a_vertebra_that_is_hardly_seen_keeps_its_slot_and_its_place(codec, straight, seen):
    spine = straight(6)
    prediction = codec.decode_spine(seen(spine, height=[1, 1, 0.25, 1, 1, 1]))
    assert (prediction['presence'][0] >= 0.5).tolist() == [True, True, False] + [True] * 3 + [False] * 4
    np.testing.assert_allclose(prediction['keypoints'].reshape(10, 4, 2)[:6], spine, atol=0.01)
    assert prediction['presence'][0, 2] == pytest.approx(0.25, abs=0.01)


def test_a_vertebra_that_is_not_seen_keeps_its_slot_free(codec, straight, seen):
    spine = straight(7)
    prediction = codec.decode_spine(seen(np.delete(spine, 3, axis=0)))
    assert prediction['presence'][0, 3] == 0 and (prediction['keypoint_scores'][0, 12:16] == 0).all()
    corners = prediction['keypoints'].reshape(10, 4, 2)
    np.testing.assert_allclose(corners[[0, 1, 2, 4, 5, 6]], spine[[0, 1, 2, 4, 5, 6]], atol=0.01)
    assert np.linalg.norm(corners[3].mean(axis=0) - spine[3].mean(axis=0)) < 15  # between its neighbours


@pytest.mark.parametrize('height', [0.12, 0.3])
def test_a_sacrum_that_is_hardly_seen_is_still_slot_0(codec, straight, seen, height):
    spine = straight(6)
    prediction = codec.decode_spine(seen(spine, height=[height, 1, 1, 1, 1, 1]))
    np.testing.assert_allclose(prediction['keypoints'].reshape(10, 4, 2)[:6], spine, atol=0.01)
    assert prediction['sacrum_seen'][0] == pytest.approx(height, abs=0.01)


def test_a_collapsed_vertebra_does_not_look_like_a_missing_one(codec, straight, seen):
    spine = straight(7)
    lost = 28 * 0.7  # of its height
    spine[3, :2, 1] += lost
    spine[4:, :, 1] += lost
    np.testing.assert_allclose(placed(codec.decode_spine(seen(spine))), spine, atol=0.5)


def test_a_slip_of_a_whole_endplate_breaks_no_chain(codec, straight, seen):
    for link in (1, 2):
        spine = straight(7)
        spine[link:, :, 0] -= 50
        np.testing.assert_allclose(placed(codec.decode_spine(seen(spine))), spine, atol=0.01)


def test_a_vertebra_that_has_slipped_off_a_steep_sacrum_is_still_the_next_one(codec, seen):
    """Corners of a phantom whose L5 has slipped by more than its endplate, in heatmap pixels."""
    sacrum = [[68.0, 85.8], [76.2, 75.0], [80.8, 87.9], [86.2, 80.2]]
    slipped = [[47.0, 80.3], [63.2, 77.6], [51.2, 90.6], [67.1, 85.8]]
    above = [[45.6, 65.4], [62.4, 66.1], [44.5, 74.8], [62.7, 74.6]]
    spine = np.array([sacrum, slipped, above]) / TO_HEATMAP
    np.testing.assert_allclose(placed(codec.decode_spine(seen(spine, height=[0.7, 0.9, 0.9]))), spine, atol=0.5)


def test_vertebrae_that_are_all_hardly_seen_are_all_in_their_slots(codec, straight, seen):
    spine = straight(6)
    prediction = codec.decode_spine(seen(spine, height=0.3))
    np.testing.assert_allclose(prediction['keypoints'].reshape(10, 4, 2)[:6], spine, atol=3)
    assert not (prediction['presence'] >= 0.5).any()


def test_a_corner_without_a_peak_does_not_take_its_neighbour_s(codec, straight, seen):
    spine = straight(6)
    maps = seen(spine)
    x, y = np.round(spine[2, 0] * TO_HEATMAP).astype(int)
    maps[2, y - 4 : y + 5, x - 4 : x + 5] = 0
    np.testing.assert_allclose(placed(codec.decode_spine(maps)), spine, atol=0.5)


def test_where_a_corner_has_no_peak_the_offsets_place_it(codec, straight, seen):
    spine = straight(6)
    maps = seen(spine)
    maps[2:6] = 0
    prediction = codec.decode_spine(maps)
    np.testing.assert_allclose(placed(prediction), spine, atol=0.01)
    assert (prediction['keypoint_scores'][0, :24] == 0).all()


def test_a_clear_peak_near_by_corrects_the_offsets(codec, straight, seen):
    spine = straight(6)
    maps = seen(spine)
    maps[6:] += 1.5  # heatmap pixels, both axes
    np.testing.assert_allclose(placed(codec.decode_spine(maps)), spine, atol=0.01)


def test_only_corners_that_were_taught_are_told(codec, straight, seen):
    taught = np.ones((2, 4), dtype=bool)
    taught[SACRUM, 2:] = False
    prediction = codec.decode_spine(seen(straight(4)), taught)
    assert np.flatnonzero(~prediction['keypoint_taught'][0]).tolist() == [2, 3]


def test_empty_maps_show_nothing_and_stay_in_the_frame(codec):
    prediction = codec.decode_spine(np.zeros((14, CELLS, CELLS), dtype=np.float32))
    assert not prediction['presence'].any() and not prediction['keypoint_scores'].any()
    np.testing.assert_allclose(prediction['keypoints'], 255.5)
    assert prediction['sacrum_seen'][0] == 0


def test_maps_that_are_no_numbers_show_nothing_and_say_so(codec):
    prediction = codec.decode_spine(np.full((14, CELLS, CELLS), np.nan, dtype=np.float32))
    assert not prediction['presence'].any() and np.isnan(prediction['keypoint_scores']).all()
    assert np.isfinite(prediction['keypoints']).all()


@pytest.mark.parametrize('channel', [VERTEBRA, 6], ids=['a heatmap', 'an offset'])
def test_one_pixel_that_is_no_number_is_enough_to_believe_nothing_of_an_image(codec, straight, seen, channel):
    maps = seen(straight(12))
    maps[channel, 0, 0] = np.inf
    prediction = codec.decode_spine(maps)
    assert not prediction['presence'].any() and not prediction['extra_presence'].any()
    assert prediction['sacrum_seen'][0] == 0


def test_predictions_stay_in_the_frame_whatever_the_maps(codec):
    rng = np.random.default_rng(0)
    for _ in range(20):
        maps = rng.normal(0, 20, (14, CELLS, CELLS)).astype(np.float32)
        maps[:6] = rng.random((6, CELLS, CELLS))
        prediction = codec.decode_spine(maps)
        assert ((prediction['keypoints'] >= 0) & (prediction['keypoints'] <= 511)).all()
        assert ((prediction['presence'] >= 0) & (prediction['presence'] <= 1)).all()


def test_maps_of_another_size_are_refused(codec):
    with pytest.raises(ValueError, match='heatmap_size'):
        codec.decode_spine(np.zeros((14, 64, 64), dtype=np.float32))
