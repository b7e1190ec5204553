"""The sheet of heatmaps."""

import numpy as np
import pytest

from spondylo_mm.anatomy import CORNERS, LEVELS, NUM_KEYPOINTS, NUM_SLOTS, keypoint_index
from spondylo_mm.visualization.heatmaps import MIN_TILE_WIDTH, TILE, draw_heatmaps

FILM = np.full((960, 800), 100, dtype=np.uint8)  # half the size in its tile
TO_IMAGE = np.diag([799 / 49, 959 / 59, 1])  # heatmaps of 50 x 60
ABSENT = np.zeros(NUM_SLOTS)


def maps(**peaks):
    """Heatmaps (K, 60, 50) of one pixel each: ``maps(k3=(x, y, height))``."""
    heatmaps = np.zeros((NUM_KEYPOINTS, 60, 50), dtype=np.float32)
    for name, (x, y, height) in peaks.items():
        heatmaps[int(name[1:]), y, x] = height
    return heatmaps


def tiles(sheet):
    """The ten films (480, 400, 3) on a sheet without its text."""
    width, label = sheet.shape[1] // 5, (sheet.shape[0] - title_height(sheet)) // 2 - TILE
    left = (width - 400) // 2
    found = []
    for slot in range(NUM_SLOTS):
        top = title_height(sheet) + (slot // 5) * (TILE + label) + label - 4
        start = (slot % 5) * width + left
        found.append(sheet[top : top + TILE, start : start + 400])
    return found


def title_height(sheet):
    """The strip of the title ends where its grey does."""
    return int(np.argmax((sheet[:, -1] != sheet[0, -1]).any(axis=-1)))


def red(tile):
    return tile[..., 2].astype(int) - tile[..., 0]


def test_heat_is_where_the_corner_is_in_the_tile_of_its_slot():
    k = keypoint_index(6, 2)
    sheet = tiles(draw_heatmaps(FILM, maps(**{f'k{k}': (20, 40, 1.0)}), TO_IMAGE, ABSENT))
    x, y = 20 * 799 / 49, 40 * 959 / 59  # in the image; its tile is half as large
    for slot, tile in enumerate(sheet):
        heat = red(tile)
        if slot == 6:
            assert heat.max() > 100
            found = np.argwhere(heat > heat.max() / 2).mean(axis=0)
            assert found == pytest.approx([y / 2 - 0.25, x / 2 - 0.25], abs=1)
        else:
            assert (tile == tile[0, 0]).all()  # the film alone


def test_the_four_corners_of_a_slot_are_merged():
    peaks = {f'k{keypoint_index(0, c)}': (10 + 8 * c, 20, 0.8) for c in range(4)}
    heat = red(tiles(draw_heatmaps(FILM, maps(**peaks), TO_IMAGE, ABSENT))[0])
    row = heat[round(20 * 959 / 59 / 2)]
    for c in range(4):
        assert row[round((10 + 8 * c) * 799 / 49 / 2)] > 50


def test_colours_mean_the_same_height_in_all_tiles():
    def brightness(heatmaps):
        return [int(tile.max()) for tile in tiles(draw_heatmaps(FILM, heatmaps, TO_IMAGE, ABSENT))[:2]]

    low, high = brightness(maps(k0=(10, 10, 0.2), k4=(10, 10, 1.0)))
    assert high > low + 50
    assert brightness(maps(k0=(10, 10, 2.0), k4=(10, 10, 10.0))) == [low, high]  # a recipe with peaks of 10


def test_true_corners_are_crosses_on_their_place():
    corners = {name: dict(x=101.0 + 200 * i, y=301.0) for i, name in enumerate(CORNERS)}
    truth = [dict(slot=4, level=LEVELS[4], corners=corners)]
    marked, plain = (tiles(draw_heatmaps(FILM, maps(), TO_IMAGE, ABSENT, truth=t))[4] for t in (truth, []))
    ys, xs = np.nonzero((marked != plain).any(axis=-1))
    assert set(np.unique(ys)) >= {150} and abs(ys.mean() - 150) < 1
    assert {50, 150, 250, 350} <= set(xs[ys == 150])


def test_peaks_and_presence_are_written():
    presence = np.linspace(0, 1, NUM_SLOTS)
    base = draw_heatmaps(FILM, maps(), TO_IMAGE, presence)
    assert (base != draw_heatmaps(FILM, maps(), TO_IMAGE, presence[::-1])).any()
    high = draw_heatmaps(FILM, maps(k39=(0, 0, 0.01)), TO_IMAGE, presence)  # too faint to be seen, but not to be read
    ys, xs = np.nonzero((base.astype(int) - high).any(axis=-1))
    assert len(ys) and xs.min() > 4 * base.shape[1] / 5 and ys.min() > base.shape[0] / 2


def test_heatmaps_that_are_not_finite_are_drawn_as_nothing():
    heatmaps = maps()
    heatmaps[0], heatmaps[1], heatmaps[2] = np.nan, np.inf, -np.inf
    assert (draw_heatmaps(FILM, heatmaps, TO_IMAGE, ABSENT) == draw_heatmaps(FILM, maps(), TO_IMAGE, ABSENT)).all()


def test_a_true_corner_that_is_nowhere_has_no_cross():
    truth = [dict(slot=4, level=LEVELS[4], corners={name: dict(x=np.nan, y=np.inf) for name in CORNERS})]
    sheets = [tiles(draw_heatmaps(FILM, maps(), TO_IMAGE, ABSENT, truth=t))[4] for t in (truth, [])]
    assert (sheets[0] == sheets[1]).all()


@pytest.mark.parametrize('shape', [(3000, 2), (60, 3000), (512, 512), (2134, 1276)])
def test_any_film_fits_its_tile(shape):
    sheet = draw_heatmaps(np.zeros(shape, np.uint8), maps(), np.eye(3), ABSENT, title=['a film'])
    assert 5 * MIN_TILE_WIDTH <= sheet.shape[1] <= 5 * (TILE + 10) and sheet.shape[0] < 2 * (TILE + 200)
