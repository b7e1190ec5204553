"""A second look at the part of a radiograph that shows the spine."""

import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from spondylo_mm.anatomy import NUM_KEYPOINTS, NUM_SLOTS
from spondylo_mm.apis.coarse_to_fine import (
    CLOSEUP_HEIGHT,
    CLOSEUP_MOST_ENLARGED,
    MOST_ENLARGED,
    closeup_regions,
    refine,
    refine_one,
    spine_region,
)

WIDTH, HEIGHT = 400, 600
BODY = np.array([(-20, -12), (20, -12), (-20, 12), (20, 12)], dtype=float)


def spine(number: int, at: tuple[float, float] = (200, 400)) -> np.ndarray:
    """Corners (V, 4, 2) of vertebrae one above the other, the lowest at a place."""
    return BODY + np.array([(at[0], at[1] - 30 * level) for level in range(number)], dtype=float)[:, None]


def sample(
    vertebrae: dict[int, np.ndarray], score: float = 0.5, spread: float = 6.0, sure: float = 0.9
) -> PoseDataSample:
    """A prediction with these vertebrae in these slots."""
    keypoints, presence = np.zeros((NUM_SLOTS, 4, 2)), np.zeros(NUM_SLOTS)
    for slot, corners in vertebrae.items():
        keypoints[slot], presence[slot] = corners, sure
    result = PoseDataSample(metainfo=dict(ori_shape=(HEIGHT, WIDTH)))
    result.pred_instances = InstanceData(
        keypoints=keypoints.reshape(1, NUM_KEYPOINTS, 2),
        keypoint_scores=np.full((1, NUM_KEYPOINTS), score),
        keypoint_spread=np.full((1, NUM_KEYPOINTS), spread),
        presence=presence[None],
    )
    return result


def test_the_region_holds_the_spine_and_its_surroundings_in_the_shape_of_the_image():
    vertebrae = spine(7)
    left, top, right, bottom = spine_region(sample(dict(enumerate(vertebrae))))
    assert left >= 0 and top >= 0 and right <= WIDTH - 1 and bottom <= HEIGHT - 1
    assert top <= vertebrae[..., 1].min() - 24 and bottom >= vertebrae[..., 1].max() + 24
    assert (bottom - top) / (right - left) == pytest.approx((HEIGHT - 1) / (WIDTH - 1))


def test_no_region_is_smaller_than_training_has_shown():
    left, _, right, _ = spine_region(sample({0: spine(1)[0]}))
    assert (WIDTH - 1) / (right - left) == pytest.approx(MOST_ENLARGED)


def test_a_spine_near_an_edge_is_looked_at_inside_the_image():
    left, top, right, bottom = spine_region(sample(dict(enumerate(spine(4, at=(30, 100))))))
    assert (left, top) == (0, 0) and right < WIDTH - 1 and bottom < HEIGHT - 1


def test_there_is_nothing_to_look_at_without_a_spine_or_where_it_fills_the_image():
    assert spine_region(sample({})) is None
    assert spine_region(sample({0: spine(1, at=(200, 560))[0], 9: spine(1, at=(200, 20))[0]})) is None


def test_vertebrae_found_again_are_moved_and_keep_their_slots():
    """The second look, which does not see the sacrum, counts from elsewhere."""
    vertebrae = spine(4)
    first = sample(dict(enumerate(vertebrae + 3)))
    refine(first, sample({slot - 1: vertebrae[slot] for slot in (1, 2, 3)}, score=0.8, spread=4.0))
    corners = first.pred_instances.keypoints.reshape(NUM_SLOTS, 4, 2)
    np.testing.assert_allclose(corners[1:4], vertebrae[1:])
    np.testing.assert_allclose(corners[0], vertebrae[0] + 3)
    assert first.pred_instances.keypoint_scores.reshape(NUM_SLOTS, 4)[:4, 0].tolist() == [0.5, 0.8, 0.8, 0.8]
    assert first.pred_instances.keypoint_spread.reshape(NUM_SLOTS, 4)[:5, 0].tolist() == [6, 4, 4, 4, 6]
    assert first.pred_instances.presence[0, :5].tolist() == [0.9] * 4 + [0]


def test_the_second_look_adds_no_vertebra_and_moves_none_to_its_neighbour():
    vertebrae = spine(4)
    first = sample({0: vertebrae[0]})
    refine(first, sample({0: vertebrae[1], 1: vertebrae[2]}))
    np.testing.assert_array_equal(first.pred_instances.keypoints.reshape(NUM_SLOTS, 4, 2)[0], vertebrae[0])
    assert first.pred_instances.presence[0].tolist() == [0.9] + [0] * 9


def test_the_ends_of_the_spine_are_where_the_surer_look_sees_them():
    """The sacrum under a slipped vertebra is doubtful in the first look, and half a body beside its place."""
    vertebrae = spine(5)
    first, closer = sample(dict(enumerate(vertebrae[:4]))), sample(dict(enumerate(vertebrae + 1)), score=0.8, spread=4)
    first.pred_instances.keypoints[0, :4] += [30, 0]
    first.pred_instances.presence[0, 0] = 0.4
    first.pred_instances.sacrum_seen, closer.pred_instances.sacrum_seen = np.array([0.4]), np.array([0.8])
    refine(first, closer)
    corners = first.pred_instances.keypoints.reshape(NUM_SLOTS, 4, 2)
    np.testing.assert_allclose(corners[:5], vertebrae + 1)
    assert first.pred_instances.presence[0].tolist() == [0.9] * 5 + [0] * 5
    assert first.pred_instances.keypoint_spread[0, :4].tolist() == [4] * 4
    assert first.pred_instances.sacrum_seen == 0.8


def test_an_end_that_the_closer_look_is_less_sure_of_stays():
    vertebrae = spine(4)
    first, closer = sample(dict(enumerate(vertebrae))), sample(dict(enumerate(vertebrae + 1)), sure=0.6)
    first.pred_instances.keypoints[0, :4] += [30, 0]
    refine(first, closer)
    np.testing.assert_allclose(first.pred_instances.keypoints.reshape(NUM_SLOTS, 4, 2)[0], vertebrae[0] + [30, 0])
    assert first.pred_instances.presence[0, 0] == 0.9


def test_looks_that_count_differently_give_no_vertebra_to_each_other():
    """Between the second and the third vertebra one look sees another: which one an end is, is not clear."""
    vertebrae = spine(5)
    first = sample({0: vertebrae[0], 1: vertebrae[1], 2: vertebrae[3]})
    refine(first, sample(dict(enumerate(vertebrae))))
    assert first.pred_instances.presence[0].tolist() == [0.9] * 3 + [0] * 7


def test_a_closeup_shows_a_vertebra_in_its_middle_and_the_same_share_of_the_image_for_all():
    vertebrae = spine(4) * 1.6 - (120, 200)  # bodies of 38 px in an image of 600
    regions = closeup_regions(sample(dict(enumerate(vertebrae, start=2))))
    assert list(regions) == [2, 3, 4, 5]
    for corners, (left, top, right, bottom) in zip(vertebrae, regions.values(), strict=True):
        np.testing.assert_allclose([(left + right) / 2, (top + bottom) / 2], corners.mean(axis=0))
        assert bottom - top == pytest.approx(max(CLOSEUP_HEIGHT * 24 * 1.6, (HEIGHT - 1) / CLOSEUP_MOST_ENLARGED))
        assert (bottom - top) / (right - left) == pytest.approx((HEIGHT - 1) / (WIDTH - 1))


def test_a_closeup_enlarges_no_further_than_training_has_shown_and_shows_the_image_only():
    (left, top, right, bottom) = closeup_regions(sample({0: spine(1, at=(10, 590))[0]}))[0]
    assert (left, bottom) == (0, HEIGHT - 1)
    assert (WIDTH - 1) / (right - left) == pytest.approx(CLOSEUP_MOST_ENLARGED)


def test_no_closeup_where_there_is_no_vertebra_or_a_few_fill_the_image():
    assert closeup_regions(sample({})) == {}
    assert closeup_regions(sample({0: (BODY * 6) + [200, 300]})) == {}


def test_a_closeup_moves_the_vertebra_in_its_middle_and_no_other():
    vertebrae = spine(4)
    first = sample(dict(enumerate(vertebrae + 3)))
    refine_one(first, 2, sample({0: vertebrae[1], 1: vertebrae[2], 2: vertebrae[3]}, score=0.8, spread=2.0))
    corners = first.pred_instances.keypoints.reshape(NUM_SLOTS, 4, 2)
    np.testing.assert_allclose(corners[2], vertebrae[2])
    np.testing.assert_allclose(corners[[0, 1, 3]], vertebrae[[0, 1, 3]] + 3)
    assert first.pred_instances.keypoint_spread.reshape(NUM_SLOTS, 4)[:4, 0].tolist() == [6, 6, 2, 6]
    assert first.pred_instances.presence[0, :5].tolist() == [0.9] * 4 + [0]


def test_a_corner_that_its_closeup_is_less_sure_of_stays():
    vertebrae = spine(2)
    first, closeup = sample(dict(enumerate(vertebrae))), sample({0: vertebrae[1] + 2}, score=0.7, spread=2.0)
    closeup.pred_instances.keypoint_spread[0, 2] = 7.0
    refine_one(first, 1, closeup)
    corners = first.pred_instances.keypoints.reshape(NUM_SLOTS, 4, 2)
    np.testing.assert_allclose(corners[1] - vertebrae[1], [[2, 2], [2, 2], [0, 0], [2, 2]])
    assert first.pred_instances.keypoint_spread[0, 4:8].tolist() == [2, 2, 6, 2]
    assert first.pred_instances.keypoint_scores[0, 4:8].tolist() == [0.7, 0.7, 0.5, 0.7]


def test_a_vertebra_that_its_closeup_does_not_show_stays():
    vertebrae = spine(2)
    first = sample(dict(enumerate(vertebrae)))
    refine_one(first, 1, sample({0: vertebrae[0] + 1}))
    np.testing.assert_array_equal(first.pred_instances.keypoints.reshape(NUM_SLOTS, 4, 2)[:2], vertebrae)
