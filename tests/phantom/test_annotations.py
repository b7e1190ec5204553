from __future__ import annotations

import numpy as np

from spondylo_mm.phantom.annotations import annotate
from spondylo_mm.phantom.view import Framing, View

VIEW = View(Framing((0.0, 0.0), (200.0, 300.0), 0.0, 'left'), 320, 480)
KEEP = np.array([110.0, 0.0, 200.0, 240.0])


def annotated(seed, base=0.2):
    grey = np.full((480, 320), base, np.float32)
    annotate(grey, VIEW, KEEP, np.random.default_rng(seed))
    return grey


def test_nothing_is_written_on_the_spine():
    for seed in range(150):
        grey = annotated(seed)
        assert (grey[1:239, 112:199] == np.float32(0.2)).all()
        assert 0 <= grey.min() and grey.max() <= 1


def test_most_films_are_marked_some_with_white_plates():
    films = [annotated(seed) for seed in range(150)]
    assert np.mean([(grey > 0.7).sum() > 20 for grey in films]) > 0.85
    plates = np.mean([(grey[60:] > 0.7).sum() > 700 for grey in films])
    assert 0.1 < plates < 0.8


def test_a_marker_darkens_where_its_letters_are_black_on_white():
    dark = [(annotated(seed, base=0.6) < 0.3).sum() > 30 for seed in range(150)]
    assert 0.2 < np.mean(dark) < 0.8


def test_the_same_source_writes_the_same():
    assert (annotated(4) == annotated(4)).all() and (annotated(4) != annotated(5)).any()
