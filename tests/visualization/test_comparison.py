"""Truth against prediction."""

import numpy as np
import pytest

from spondylo_mm.anatomy import CORNERS, LEVELS, SLOT_COLORS
from spondylo_mm.visualization.comparison import draw_comparison, with_title
from spondylo_mm.visualization.overlay import draw_overlay

BODY = np.array([[0.0, 0], [120, 0], [0, 80], [120, 80]])
IMAGE = np.full((1000, 800), 40, dtype=np.uint8)  # large enough not to be enlarged


def vertebra(slot, corners):
    named = {name: dict(x=float(x), y=float(y)) for name, (x, y) in zip(CORNERS, corners, strict=True)}
    return dict(slot=slot, level=LEVELS[slot], corners=named)


def added(predicted, truth):
    """What the comparison draws beyond the overlay, and the picture without its title."""
    picture = draw_comparison(IMAGE, predicted, truth, [])[-1000:]
    return (picture != draw_overlay(IMAGE, predicted, truth)).any(axis=-1), picture


def test_a_line_in_the_slots_colour_leads_from_every_true_corner_to_the_predicted_one():
    true, predicted = BODY + [100, 600], BODY + [300, 100]
    _, picture = added([vertebra(2, predicted), vertebra(5, BODY + [600, 850])], [vertebra(2, true)])
    for start, end in zip(true, predicted, strict=True):
        x, y = np.round(0.7 * start + 0.3 * end).astype(int)
        near = picture[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).astype(int)
        assert np.abs(near - SLOT_COLORS[2][::-1]).max(axis=1).min() < 60


def test_only_corners_that_both_have_are_joined():
    """Of the true sacrum the superior endplate is labelled, of the predicted vertebra TL is unknown: TR is left."""
    true, predicted = vertebra(0, BODY + [100, 600]), vertebra(0, BODY + [500, 100])
    true['corners']['BL'] = true['corners']['BR'] = dict(x=float('nan'), y=float('nan'))
    del predicted['corners']['TL']
    mask, picture = added([predicted], [true])
    x, y = np.round(0.7 * np.array([220, 600]) + 0.3 * np.array([620, 100])).astype(int)
    near = picture[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).astype(int)
    assert np.abs(near - SLOT_COLORS[0][::-1]).max(axis=1).min() < 60
    assert not mask[455:495, 190:210].any()  # where a line from TL would run
    assert not mask[640:].any()


def test_a_prediction_of_another_slot_is_no_answer():
    mask, _ = added([vertebra(3, BODY + [300, 100])], [vertebra(2, BODY + [100, 600])])
    ys, xs = np.nonzero(mask)
    assert 100 < xs.min() and xs.max() < 220 and 600 < ys.min() and ys.max() < 680  # the true name alone


def test_the_true_level_is_named_inside_the_true_vertebra():
    true = BODY + [100, 600]
    l5, _ = added([], [vertebra(1, true)])
    l4, _ = added([], [vertebra(2, true)])
    ys, xs = np.nonzero(l5)
    assert abs(xs.mean() - 160) < 5 and abs(ys.mean() - 640) < 5
    assert (l5 != l4).any()


@pytest.mark.parametrize('wrong', [np.nan, np.inf, 1e12])
def test_a_corner_that_is_nowhere_breaks_nothing(wrong):
    nowhere = vertebra(2, np.where(BODY == 80, wrong, BODY))
    assert draw_comparison(IMAGE, [nowhere], [vertebra(2, BODY + 300)], ['a']).shape[1] == 800
    assert draw_comparison(IMAGE, [vertebra(2, BODY + 300)], [nowhere], ['a']).shape[1] == 800


def test_the_title_lies_above_the_picture_and_does_not_hide_it():
    picture = np.random.default_rng(0).integers(0, 255, (900, 500, 3), dtype=np.uint8)
    one, two = with_title(picture, ['one']), with_title(picture, ['one', 'two'])
    assert (one[-900:] == picture).all() and (two[-900:] == picture).all()
    assert 900 < len(one) < len(two)


def test_a_long_line_is_made_smaller_until_it_fits():
    picture = np.zeros((900, 500, 3), dtype=np.uint8)
    for count in (10, 40, 200):
        strip = with_title(picture, ['M' * count])[:-900]
        is_text = (strip != strip[0, 0]).any(axis=(0, 2))
        assert is_text.any() and not is_text[-4:].any()


def test_letters_the_font_lacks_and_tiny_pictures_are_no_error():
    assert with_title(np.zeros((2, 3, 3), dtype=np.uint8), ['Röntgen.png', '']).shape[1] == 3
