"""The head decodes all slots together as soon as it knows what spines look like."""

import numpy as np
import pytest
import torch

from spondylo_mm import plugin  # noqa: F401
from spondylo_mm.anatomy import NUM_CORNERS, NUM_KEYPOINTS, NUM_SLOTS
from spondylo_mm.codecs.structured.fitting import fit_spine_model
from spondylo_mm.models.heads.vertebra_heatmap_head import VertebraHeatmapHead

SIDE = 128
CODEC = dict(type='VertebraHeatmap', input_size=(SIDE, SIDE), heatmap_size=(SIDE, SIDE), sigma=2.0, above='ignore')
BODY = np.array([(-12, -5), (12, -5), (-12, 5), (12, 5)], dtype=float)


def spine(rng: np.random.Generator, number: int = 7) -> np.ndarray:
    """A slightly lordotic spine of a patient who faces left, (V, 4, 2) px, caudal first; its sacrum is tilted."""
    centres = np.array([(60 - 3 * s + 0.5 * s**2, 112 - 14 * s) for s in range(number)]) + rng.normal(
        0, 0.6, (number, 2)
    )
    tilts = np.radians(np.linspace(40, -12, number) + rng.normal(0, 2, number))
    turns = np.moveaxis(np.array([[np.cos(tilts), -np.sin(tilts)], [np.sin(tilts), np.cos(tilts)]]), -1, 0)
    return np.einsum('vij,cj->vci', turns, BODY) + centres[:, None]


@pytest.fixture
def head() -> VertebraHeatmapHead:
    return VertebraHeatmapHead(4, deconv_out_channels=None, together=True, presence=True, decoder=CODEC).eval()


@pytest.fixture
def spine_model() -> torch.Tensor:
    rng = np.random.default_rng(0)
    model = fit_spine_model((np.arange(7), spine(rng)) for _ in range(60))
    return torch.from_numpy(model.to_vector())


def predicted(head, shown: dict[int, np.ndarray], second: dict[int, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Corners (S, 4, 2) and presence (S,) from heatmaps with these vertebrae in these slots, and fainter ones."""
    maps = torch.zeros(1, NUM_KEYPOINTS, SIDE, SIDE)
    for vertebrae, height in ((shown, 0.9), (second, 0.7)):
        keypoints, amplitudes = np.zeros((NUM_SLOTS, NUM_CORNERS, 2)), np.zeros((NUM_SLOTS, NUM_CORNERS))
        for slot, corners in vertebrae.items():
            keypoints[slot], amplitudes[slot] = corners, height
        drawn = head.decoder.encode_batch(
            torch.tensor(keypoints).reshape(1, -1, 2), torch.tensor(amplitudes).reshape(1, -1)
        )
        maps = torch.maximum(maps, drawn.float())
    head.features = lambda feats: torch.zeros(1, 4, SIDE, SIDE)
    head.heatmaps = lambda features: maps
    (prediction,) = head.predict((), [])
    return prediction.keypoints.reshape(NUM_SLOTS, NUM_CORNERS, 2), prediction.presence[0]


def test_a_spine_shown_one_slot_too_high_is_put_right(head, spine_model):
    true = dict(enumerate(spine(np.random.default_rng(1))))
    too_high = {slot + 1: corners for slot, corners in true.items()}
    independent, presence = predicted(head, too_high, true)
    assert presence[7] > 0.5 and np.abs(independent[1] - true[0]).max() < 0.5
    head.spine_model.copy_(spine_model)
    together, presence = predicted(head, too_high, true)
    assert max(np.abs(together[slot] - corners).max() for slot, corners in true.items()) < 0.5
    assert (presence[:7] > 0.5).all() and (presence[7:] < 0.5).all()


def test_a_plain_spine_is_decoded_as_without(head, spine_model):
    true = dict(enumerate(spine(np.random.default_rng(2))))
    independent, before = predicted(head, true, {})
    head.spine_model.copy_(spine_model)
    together, after = predicted(head, true, {})
    np.testing.assert_array_equal(together[:7], independent[:7])
    assert ((before > 0.5) == (after > 0.5)).all()


def test_how_slots_are_decoded_is_asked_of_the_device_as_often_for_many_images_as_for_one(head, spine_model):
    """Each answer waits for all that the device is still computing."""
    head.spine_model.copy_(spine_model)
    asked, counts = [], []
    taught_corners = head._taught_corners
    head._taught_corners = lambda: asked.append(None) or taught_corners()
    for number in (1, 4):
        asked.clear()
        head.features = lambda feats, number=number: torch.zeros(number, 4, SIDE, SIDE)
        head.heatmaps = lambda features: torch.zeros(len(features), NUM_KEYPOINTS, SIDE, SIDE)
        assert len(head.predict((), [])) == number
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_heatmaps_that_are_not_finite_show_nothing(head, spine_model):
    head.spine_model.copy_(spine_model)
    head.features = lambda feats: torch.zeros(1, 4, SIDE, SIDE)
    head.heatmaps = lambda features: torch.full((1, NUM_KEYPOINTS, SIDE, SIDE), float('nan'))
    (prediction,) = head.predict((), [])
    assert not (prediction.presence > 0.5).any()


def test_a_sacrum_taught_by_its_endplate_alone_leaves_slots_independent(head, spine_model):
    head.spine_model.copy_(spine_model)
    head.taught[:] = True
    head.taught[2:4] = False
    true = dict(enumerate(spine(np.random.default_rng(4))))
    too_high = {slot + 1: corners for slot, corners in true.items()}
    corners, _ = predicted(head, too_high, true)
    assert np.abs(corners[1] - true[0]).max() < 0.5
