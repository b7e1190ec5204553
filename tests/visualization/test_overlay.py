from __future__ import annotations

import cv2
import numpy as np
import pytest

from spondylo_mm.anatomy import CORNERS, LEVELS, SLOT_COLORS
from spondylo_mm.visualization.overlay import MAX_ENLARGED, MIN_HEIGHT, draw_overlay

BODY = np.array([[0.0, 0], [90, 10], [5, 60], [95, 70]])


def vertebra(slot, corners, presence=0.97):
    named = {name: dict(x=float(x), y=float(y), score=0.9) for name, (x, y) in zip(CORNERS, corners, strict=True)}
    return dict(slot=slot, level=LEVELS[slot], corners=named) | ({} if presence is None else dict(presence=presence))


def spine(number=6, left=300.0):
    """Vertebrae one above the other in an image of 640 x 640."""
    return [vertebra(slot, BODY + [left, 520 - 88 * slot]) for slot in range(number)]


def dark(height=640, width=640, value=40):
    return np.full((height, width), value, dtype=np.uint8)


def bgr(slot):
    return np.array(SLOT_COLORS[slot][::-1])


def difference(picture, value=40):
    """Where something is drawn on the enlarged radiograph."""
    return (picture != value).any(axis=-1)


def colored(picture, slot):
    return np.abs(picture.astype(int) - bgr(slot)).max(axis=-1) <= 8


@pytest.mark.parametrize('shape', [(640, 640), (1024, 612), (2134, 1276), (300, 700)])
def test_each_corner_is_a_dot_of_its_slots_colour_where_the_corner_is(shape):
    height, width = shape
    corners = BODY * (height / 640) + [width / 2 - 20, height / 2]
    picture = draw_overlay(dark(height, width), [vertebra(3, corners)])
    scale = max(1, MIN_HEIGHT / height)
    assert picture.dtype == np.uint8 and picture.shape == (round(height * scale), round(width * scale), 3)
    for x, y in (corners + 0.5) * scale - 0.5:
        assert colored(picture, 3)[round(y), round(x)]


def test_colour_order_is_bgr():
    picture = draw_overlay(dark(), [vertebra(0, BODY + 300)])
    red = draw_overlay(dark(), [vertebra(0, BODY + 300)])[colored(picture, 0)][0]
    assert SLOT_COLORS[0][0] > 200 > 100 > SLOT_COLORS[0][2] and red[2] > 200 > 100 > red[0]


def test_the_radiograph_shows_through_and_is_brightened_by_nothing():
    image = np.random.default_rng(0).integers(0, 255, (1000, 600), dtype=np.uint8)
    picture = draw_overlay(image, [vertebra(2, BODY + [200, 400])])
    untouched = ~difference(picture, image[..., None])
    assert untouched.mean() > 0.95
    inside = picture[430:445, 235:260]  # the middle of the body stays free
    assert (inside == image[430:445, 235:260, None]).all()


def test_the_superior_endplate_is_thicker_than_the_inferior():
    flat = np.array([[0.0, 0], [200, 0], [0, 100], [200, 100]]) + [400, 500]
    picture = colored(draw_overlay(dark(1000, 1000), [vertebra(4, flat)]), 4)
    column = picture[:, 500]
    assert column[490:510].sum() > column[590:610].sum() > 0


def label_mask(with_label, without_label):
    """Pixels that differ between two overlays."""
    return (with_label != without_label).any(axis=-1)


def test_labels_cover_no_vertebra_and_no_other_label():
    """Each label is found by drawing it in another wording: what changes is its text."""
    vertebrae = spine()
    picture = draw_overlay(dark(), vertebrae)
    masks = []
    for i, one in enumerate(vertebrae):
        other = [*vertebrae[:i], one | dict(level=one['level'][0] + '\u00a0', presence=None), *vertebrae[i + 1 :]]
        masks.append(label_mask(picture, draw_overlay(dark(), other)))
    assert all(mask.any() for mask in masks)
    bodies = np.zeros(picture.shape[:2], dtype=np.uint8)
    for one in vertebrae:
        corners = np.array([[c['x'], c['y']] for c in one['corners'].values()]) * MIN_HEIGHT / 640
        cv2.fillConvexPoly(bodies, corners[[0, 1, 3, 2]].round().astype(int), 1)
    boxes = []
    for mask, one in zip(masks, vertebrae, strict=True):
        assert not (mask & (bodies > 0)).any()
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        boxes.append((rows[0], rows[-1], columns[0], columns[-1]))
        middle = np.mean([c['y'] for c in one['corners'].values()]) * MIN_HEIGHT / 640
        assert abs((rows[0] + rows[-1]) / 2 - middle) < 0.05 * MIN_HEIGHT  # beside its own vertebra
        assert rows[-1] - rows[0] >= 0.022 * MIN_HEIGHT
    boxes.sort()
    assert all(below[0] > above[1] for above, below in zip(boxes[:-1], boxes[1:], strict=True))


def test_labels_stay_readable_when_vertebrae_lie_on_top_of_each_other():
    one = vertebra(2, BODY + [300, 300])
    double = vertebra(7, BODY + [304, 303])
    without_texts = draw_overlay(dark(), [one | dict(level='', presence=None), double | dict(level='', presence=None)])
    mask = label_mask(draw_overlay(dark(), [one, double]), without_texts)
    lines, _ = cv2.connectedComponents(cv2.dilate(mask.astype(np.uint8), np.ones((3, 25))))
    assert lines - 1 == 2  # beside the background: two lines of text, apart
    assert not mask[
        round(310 * 900 / 640) : round(360 * 900 / 640), round(310 * 900 / 640) : round(390 * 900 / 640)
    ].any()


def test_labels_are_inside_the_picture_and_on_the_side_with_more_room():
    for left, expected in ((8.0, 'right'), (530.0, 'left')):
        vertebrae = spine(4, left)
        mask = label_mask(
            draw_overlay(dark(), vertebrae),
            draw_overlay(dark(), [v | dict(level='', presence=None) for v in vertebrae]),
        )
        columns = np.flatnonzero(mask.any(axis=0))
        spine_x = (left + 47) * 900 / 640
        assert (columns[0] > spine_x) if expected == 'right' else (columns[-1] < spine_x)
        assert 0 < columns[0] and columns[-1] < 899


def test_a_vertebra_that_fills_the_picture_is_labelled_all_the_same():
    everything = np.array([[-50.0, -50], [700, -50], [-50, 700], [700, 700]])
    plain = vertebra(5, everything) | dict(level='', presence=None)
    assert label_mask(draw_overlay(dark(), [vertebra(5, everything)]), draw_overlay(dark(), [plain])).any()


def test_text_has_a_dark_rim_that_reads_on_bright_bone():
    white = draw_overlay(dark(value=255), [vertebra(5, BODY + 300)])
    mask = label_mask(white, draw_overlay(dark(value=255), [vertebra(5, BODY + 300) | dict(level='', presence=None)]))
    assert (white[mask] < 40).all(axis=-1).mean() > 0.3


def test_truth_is_thin_white_and_dashed():
    flat = np.array([[0.0, 0], [300, 0], [0, 100], [300, 100]])
    picture = draw_overlay(dark(1000, 1000), [], [vertebra(1, flat + [300, 400], presence=None)])
    edge = (picture[400, 300:600] > 200).all(axis=-1)
    assert 0.3 < edge.mean() < 0.7 and np.abs(np.diff(edge.astype(int))).sum() >= 10
    assert (picture[397:404, 300:600] > 200).all(axis=-1).sum(axis=0).max() <= 2
    assert not colored(picture, 1).any()


def test_corners_outside_or_not_finite_are_no_error():
    outside = vertebra(1, BODY + [-200, 1e9])
    broken = vertebra(2, np.where(np.arange(4)[:, None] == 1, np.nan, BODY + 300))
    assert not difference(draw_overlay(dark(), [vertebra(2, np.full((4, 2), np.nan))])).any()
    assert draw_overlay(dark(), [outside, *spine(3)], [broken]).shape == (900, 900, 3)


def endplate_of(slot, **more):
    """A sacrum of 300 px of which only the superior endplate is known."""
    flat = vertebra(slot, np.array([[300.0, 400], [600, 400], [300, 500], [600, 500]]), **more)
    return flat | dict(corners={name: flat['corners'][name] for name in ('TL', 'TR')})


def test_of_a_sacrum_without_inferior_corners_the_superior_endplate_is_drawn():
    picture = draw_overlay(dark(1000, 1000), [endplate_of(0)])
    assert colored(picture, 0)[400, 310:590].all() and colored(picture, 0)[400, 300]
    beside = np.ones((1000, 1000), dtype=bool)
    beside[380:420, 280:620] = False
    texts = draw_overlay(dark(1000, 1000), [endplate_of(0) | dict(level='', presence=None)])
    assert not difference(texts)[beside].any() and difference(picture)[beside].any()  # it has its label


def test_of_a_true_sacrum_without_inferior_corners_one_edge_is_dashed():
    unlabelled = np.array([[300.0, 400], [600, 400], [np.nan, np.nan], [np.nan, np.nan]])
    picture = draw_overlay(dark(1000, 1000), [], [vertebra(0, unlabelled, presence=None)])
    assert 0.3 < (picture[400, 300:600] > 200).all(axis=-1).mean() < 0.7
    assert not difference(picture)[410:].any() and not difference(picture)[:390].any()


def test_where_slots_are_no_levels_a_vertebra_is_called_by_its_slot():
    unnamed = [one | dict(level=None) for one in spine()]
    named = [one | dict(level=f'slot {one["slot"]}') for one in spine()]
    assert (draw_overlay(dark(), unnamed) == draw_overlay(dark(), named)).all()


def test_nothing_found_is_the_radiograph_alone():
    image = np.arange(256, dtype=np.uint8).repeat(4 * 1000).reshape(1024, 1000)
    assert (draw_overlay(image, []) == image[..., None]).all()


def test_a_thin_strip_is_not_enlarged_to_a_billion_pixels():
    assert draw_overlay(np.zeros((2, 300), np.uint8), []).shape == (2 * 16, 300 * 16, 3)
    assert draw_overlay(np.zeros((16, 20_000), np.uint8), []).shape == (24, MAX_ENLARGED, 3)  # not 256 x 320,000
    assert draw_overlay(np.zeros((16, 40_000), np.uint8), []).shape == (16, 40_000, 3)  # nor made smaller


def test_a_vertebra_above_the_last_slot_is_drawn_in_the_first_one_s_colour():
    eleventh = vertebra(0, BODY + 300) | dict(slot=len(SLOT_COLORS), level=None)
    assert colored(draw_overlay(dark(), [eleventh]), 0).any()
