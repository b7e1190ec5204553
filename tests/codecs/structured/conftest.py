"""Spines of the phantom sampler, and heatmaps in which a network has miscounted them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from spondylo_mm.anatomy import NUM_CORNERS, NUM_KEYPOINTS, NUM_SLOTS
from spondylo_mm.codecs.gaussian_targets import draw_gaussians
from spondylo_mm.codecs.structured.fitting import fit_spine_model
from spondylo_mm.phantom.geometry import sample_spine
from spondylo_mm.phantom.labelling import sample_counts
from spondylo_mm.phantom.step_statistics import FILM, FULL
from spondylo_mm.phantom.view import sample_framing

SIZE, SIGMA = 128, 2.0  # heatmap pixels, as the reference model
NOISE = 0.03  # of a heatmap value


def sample_spines(count: int, seed: int) -> list[np.ndarray]:
    """Corners (V, 4, 2) of the labelled vertebrae in heatmap pixels, caudal first."""
    rng = np.random.default_rng(seed)
    spines = []
    while len(spines) < count:
        labelled, visible = sample_counts(rng)
        spine = sample_spine(rng)
        framing = sample_framing(rng, spine, visible, FILM[FULL])
        if framing is not None:
            spines.append(framing.squashed(SIZE).corners(spine)[:labelled])
    return spines


@pytest.fixture(scope='session')
def training_spines() -> list[tuple[np.ndarray, np.ndarray]]:
    return [(np.arange(len(corners)), corners) for corners in sample_spines(200, seed=1)]


@pytest.fixture(scope='session')
def spine_model(training_spines):
    return fit_spine_model(training_spines)


@pytest.fixture(scope='session')
def spines() -> list[np.ndarray]:
    """Spines that the model was not fitted to."""
    return sample_spines(300, seed=2)


@dataclass
class Miscount:
    """Which vertebra each channel shows best, ``{channel: vertebra}``."""

    shown: dict[int, int]

    def draw(self, corners: np.ndarray, rng: np.random.Generator, second: tuple[float, float] | None) -> np.ndarray:
        """Heatmaps (K, H, W): peaks of 0.5 to 0.95; where a channel shows another vertebra than its own, its own at
        ``second`` times that height (None: not at all)."""
        maps = np.zeros((NUM_SLOTS, NUM_CORNERS, SIZE, SIZE), np.float32)
        for channel in range(NUM_SLOTS):
            height = rng.uniform(0.5, 0.95)
            peaks = {self.shown[channel]: height} if channel in self.shown else {}
            if second and channel < len(corners) and self.shown.get(channel) != channel:
                peaks[channel] = height * rng.uniform(*second)
            for vertebra, amplitude in peaks.items():
                drawn = draw_gaussians(corners[vertebra], np.full(NUM_CORNERS, amplitude), (SIZE, SIZE), SIGMA)
                maps[channel] = np.maximum(maps[channel], drawn)
        maps += NOISE * rng.standard_normal(maps.shape, dtype=np.float32)
        return maps.reshape(NUM_KEYPOINTS, SIZE, SIZE)


def draw_faintly(corners: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Heatmaps (K, H, W) as of a network that counts rightly but is sure of little: low peaks, wider than the drawn
    ones and off by a pixel, and in each channel the neighbours' ghosts, at a tenth to six tenths of that."""
    maps = np.zeros((NUM_SLOTS, NUM_CORNERS, SIZE, SIZE), np.float32)
    sigma = SIGMA * rng.uniform(1, 1.8)
    for channel in range(len(corners)):
        height = rng.uniform(0.15, 0.6)
        for vertebra in (channel - 1, channel, channel + 1):
            if 0 <= vertebra < len(corners):
                share = rng.uniform(0.8, 1.2, NUM_CORNERS) if vertebra == channel else np.full(4, rng.uniform(0.1, 0.6))
                found = corners[vertebra] + rng.normal(0, 0.5, (NUM_CORNERS, 2))
                drawn = draw_gaussians(found, height * share, (SIZE, SIZE), sigma)
                maps[channel] = np.maximum(maps[channel], drawn)
    maps += NOISE / 2 * rng.standard_normal(maps.shape, dtype=np.float32)
    return maps.reshape(NUM_KEYPOINTS, SIZE, SIZE)


def miscount(kind: str, number: int, rng: np.random.Generator) -> Miscount:
    """What the channels show of ``number`` vertebrae."""
    if kind == 'none':
        return Miscount({s: s for s in range(number)})
    if kind == 'shifted up':  # each vertebra in the channels of the slot above
        return Miscount({s + 1: s for s in range(number)})
    if kind == 'shifted down':  # each in those of the slot below
        return Miscount({s - 1: s for s in range(1, number)})
    if kind == 'doubled':  # one vertebra in its own channels and those above, the others above it one higher
        twice = int(rng.integers(0, number - 1))
        return Miscount({s: s for s in range(twice + 1)} | {s + 1: s for s in range(twice, number)})
    if kind == 'doubled once':  # the same, the others in their own
        twice = int(rng.integers(0, number - 1))
        return Miscount({s: s for s in range(number)} | {twice + 1: twice})
    assert kind == 'skipped'  # one in no channels best, the others above it one lower
    left_out = int(rng.integers(1, number - 1))
    return Miscount({s: s for s in range(left_out)} | {s - 1: s for s in range(left_out + 1, number)})
