"""Where background may be taught: nowhere that an annotation leaves open."""

import numpy as np
import pytest

from spondylo_mm.anatomy import NUM_SLOTS
from spondylo_mm.codecs.centers.layout import SACRUM, VERTEBRA
from spondylo_mm.codecs.centers.unknown import unknown_pixels

SIZE = (128, 128)
TO_HEATMAP = 127 / 511


@pytest.fixture
def spine(straight) -> np.ndarray:
    """Ten vertebrae (10, 4, 2) in heatmap pixels."""
    return straight(NUM_SLOTS) * TO_HEATMAP


def unknown(spine: np.ndarray, labelled: slice | list, empty: slice | list = ()) -> np.ndarray:
    taught, is_empty = np.zeros((NUM_SLOTS, 4), dtype=bool), np.zeros(NUM_SLOTS, dtype=bool)
    taught[labelled] = True
    is_empty[list(empty) if not isinstance(empty, slice) else empty] = True
    return unknown_pixels(np.where(taught[..., None], spine, np.nan), taught, is_empty, SIZE)


def at(pixels: np.ndarray, points: np.ndarray) -> np.ndarray:
    columns, rows = np.round(points).astype(int).T
    return pixels[..., rows, columns]


def test_what_is_above_the_topmost_label_is_unknown_and_what_is_labelled_is_known(spine):
    pixels = unknown(spine, slice(0, 6))
    others = [channel for channel in range(6) if channel != SACRUM]
    for corner in range(4):
        assert at(pixels[others], spine[6:, corner]).all()
    assert not at(pixels[VERTEBRA], spine[:6].mean(axis=1)).any()
    assert not pixels[SACRUM].any()  # no sacrum is above a labelled one
    assert not pixels[:, 110:].any() and not pixels[:, 60:, :30].any()


def test_unless_nothing_is_known_to_be_there(spine):
    assert not unknown(spine, slice(0, 6), empty=[6]).any()


def test_above_a_leaning_spine_is_along_the_spine(spine):
    angle = np.deg2rad(50)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    leaning = (spine - spine[5].mean(axis=0)) @ turn.T + [64, 64]
    pixels = unknown(leaning, slice(0, 6))
    inside = leaning[6:8].mean(axis=1)
    assert at(pixels[VERTEBRA], inside).all()
    assert not at(pixels[VERTEBRA], 2 * leaning[5].mean(axis=0) - inside).any()


def test_ten_labelled_vertebrae_say_nothing_of_an_eleventh(spine):
    low = spine + [0, 30]
    assert unknown(low, slice(0, 10))[VERTEBRA].any()


def test_below_the_lowest_label_is_unknown_unless_it_is_the_sacrum(spine):
    pixels = unknown(spine, slice(2, 6), empty=[6])
    assert at(pixels, spine[1].mean(axis=0)[None]).all() and at(pixels[SACRUM], spine[0, :2]).all()
    assert not unknown(spine, slice(0, 6), empty=[6])[:, 100:].any()


def test_a_gap_in_the_labels_is_unknown_and_its_neighbours_are_not(spine):
    pixels = unknown(spine, [0, 1, 2, 4, 5], empty=[6])
    assert at(pixels[[VERTEBRA, 2, 3, 4, 5]], spine[3].mean(axis=0)[None]).all()
    assert not at(pixels[VERTEBRA], spine[[1, 5]].mean(axis=1)).any()


def test_where_no_vertebra_is_whole_no_background_is_taught(spine):
    assert unknown(spine, []).all()
    taught = np.zeros((NUM_SLOTS, 4), dtype=bool)
    taught[0, :2] = True
    assert unknown_pixels(spine, taught, np.zeros(NUM_SLOTS, dtype=bool), SIZE).all()


def test_an_image_known_to_be_empty_is_all_background(spine):
    assert not unknown(spine, [], empty=slice(None)).any()


def test_a_label_without_area_is_no_error(spine):
    flat = spine.copy()
    flat[5] = flat[5].mean(axis=0)
    assert np.isfinite(unknown(flat, slice(0, 6))).all()
