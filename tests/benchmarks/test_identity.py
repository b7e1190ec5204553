"""The benchmark of identity: its films, its configs, and how it judges a probability."""

import importlib.util
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from spondylo_mm.anatomy import EMPTY, LABELLED, NUM_SLOTS, UNKNOWN
from spondylo_mm.apis.configs import load_config

FOLDER = Path(__file__).parents[2] / 'benchmarks' / 'identity'


@pytest.fixture(scope='module')
def modules():
    """``images``, ``rows`` and ``report`` of the benchmark, which is no package."""
    loaded = {}
    for name in ('images', 'rows', 'report'):
        spec = importlib.util.spec_from_file_location(name, FOLDER / f'{name}.py')
        loaded[name] = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded[name])
    yield loaded
    for name in loaded:
        del sys.modules[name]


@pytest.fixture
def film(modules):
    """A black film with a dot on every corner of six vertebrae, one above the other."""
    body = np.array([(-20, -12), (20, -12), (-20, 12), (20, 12)])
    corners = body + np.array([(100, 180 - 30 * level) for level in range(6)])[:, None]
    pixels = np.zeros((200, 200), np.uint8)
    for x, y in corners.reshape(-1, 2):
        pixels[y, x] = 255
    return pixels, modules['images']._label(corners.astype(float), np.arange(6))


def test_without_its_sacrum_a_film_keeps_its_levels_and_corners_stay_on_what_they_mark(modules, film):
    pixels, label = modules['images'].without_sacrum(*film)
    assert pixels.shape == film[0].shape
    assert label.presence.tolist() == [UNKNOWN] + [LABELLED] * 5 + [EMPTY] * (NUM_SLOTS - 6)
    assert label.slots.tolist() == [1, 2, 3, 4, 5]
    for x, y in label.corners.reshape(-1, 2):
        window = pixels[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2]
        assert window.max() > 80


def test_hidden_levels_are_neither_seen_nor_judged_and_the_others_keep_their_slots(modules, film):
    pixels, label = film
    for seed in range(20):
        covered, rest = modules['images'].with_levels_hidden(pixels, label, np.random.default_rng(seed))
        hidden = np.flatnonzero(rest.presence == UNKNOWN)
        assert 1 <= len(hidden) <= 3 and hidden[0] > 0 and hidden[-1] < 5 and (np.diff(hidden) == 1).all()
        assert rest.slots.tolist() == [slot for slot in range(6) if slot not in hidden]
        np.testing.assert_array_equal(rest.corners, label.corners[rest.slots])
        for slot in hidden:
            left, top = label.corners[slot].min(axis=0).astype(int)
            right, bottom = label.corners[slot].max(axis=0).astype(int)
            assert np.ptp(cv2.blur(covered, (3, 3))[top + 6 : bottom - 6, left + 6 : right - 6].astype(int)) < 3


def test_every_training_has_a_config_that_says_what_it_is(modules, tmp_path):
    rows = modules['rows']
    for name, run in rows.RUNS.items():
        path = tmp_path / f'{name}.py'
        path.write_text(rows.config_text(run, rows.SIZES['small']))
        config = load_config(path)
        assert {config[loader].dataset.anchor for loader in ('train_dataloader', 'test_dataloader')} == {run.anchor}
        assert config.train_cfg.max_epochs == rows.SIZES['small'].epochs == config.param_scheduler[-1].end
        assert config.model.head.decoder.type == ('VertebraCenters' if run.is_order_free else 'VertebraHeatmap')
        assert config.train_dataloader.dataset.codec.above == run.above
    assert {row.run for row in rows.ROWS} == set(rows.RUNS)


def test_a_probability_that_is_right_on_average_has_no_calibration_error(modules):
    """Of a hundred slots with 0.25, 25 hold a vertebra; of as many with 0.85, 60."""
    there = np.r_[np.ones(25), np.zeros(75), np.ones(60), np.zeros(40)]
    curve = modules['report'].reliability(np.column_stack([np.repeat([0.25, 0.85], 100), there]))
    assert curve['observed'] == pytest.approx([0.25, 0.6]) and curve['number'] == [100, 100]
    assert curve['expected_calibration_error'] == pytest.approx(0.25 / 2)
