"""The probability that a slot holds a vertebra, learned beside the pose."""

import pytest
import torch

from spondylo_mm.anatomy import NUM_CORNERS, NUM_KEYPOINTS, NUM_SLOTS
from spondylo_mm.models.heads.slot_presence import SlotPresence

CHANNELS = 6
ALL = torch.ones(NUM_KEYPOINTS, dtype=torch.bool)


def maps_of(heights: torch.Tensor) -> torch.Tensor:
    """Heatmaps (B, K, 4, 4) whose peaks are those of their slots' heights (B, S)."""
    maps = torch.zeros(len(heights), NUM_KEYPOINTS, 4, 4)
    maps[:, :, 1, 2] = heights.repeat_interleave(NUM_CORNERS, dim=1)
    return maps


def of_corners(slots: list[float]) -> torch.Tensor:
    return torch.tensor([slots]).repeat_interleave(NUM_CORNERS, dim=1)


def test_untrained_it_is_the_rule_of_half_a_peak():
    presence = SlotPresence(CHANNELS)
    odds = presence(torch.tensor([[0.0, 0.49, 0.5, 0.51, 1.0] * 2]), torch.rand(1, CHANNELS, 3, 3))
    assert (odds[0, :5].sign() == torch.tensor([-1.0, -1.0, 0.0, 1.0, 1.0])).all()


def test_only_slots_of_which_something_is_known_are_taught():
    """A labelled slot, an empty one, and eight of which nothing is known."""
    presence = SlotPresence(CHANNELS)
    amplitudes, weights = of_corners([1.0] + [0.0] * 9), of_corners([1.0, 1.0] + [0.0] * 8)
    presence.loss(
        maps_of(torch.full((1, NUM_SLOTS), 0.5)), torch.rand(1, CHANNELS, 3, 3), amplitudes, weights, ALL
    ).backward()
    slope = presence.of_image.bias.grad
    assert slope[0] < 0 < slope[1] and not slope[2:].any()


def test_a_sacrum_labelled_by_its_endplate_alone_is_there():
    presence = SlotPresence(CHANNELS)
    amplitudes = torch.zeros(1, NUM_KEYPOINTS)
    amplitudes[0, :2] = 1
    taught = amplitudes[0] > 0
    heights = maps_of(torch.zeros(1, NUM_SLOTS))
    heights[0, :2, 0, 0] = 1  # the lower corners, never taught, show nothing
    loss = presence.loss(heights, torch.rand(1, CHANNELS, 3, 3), amplitudes, amplitudes, taught)
    assert loss < 0.1


def test_a_vertebra_moved_across_the_edge_of_the_frame_teaches_nothing():
    """Two of its corners are inside."""
    presence = SlotPresence(CHANNELS)
    amplitudes = of_corners([1.0] * 2 + [0.0] * 8)
    amplitudes[0, 4:6] = 0
    presence.loss(
        maps_of(torch.full((1, NUM_SLOTS), 0.5)), torch.rand(1, CHANNELS, 3, 3), amplitudes, amplitudes, ALL
    ).backward()
    slope = presence.of_image.bias.grad
    assert slope[0] < 0 and not slope[1:].any()


def test_the_pose_does_not_feel_it():
    presence = SlotPresence(CHANNELS)
    heatmaps = maps_of(torch.rand(1, NUM_SLOTS)).requires_grad_()
    features = torch.rand(1, CHANNELS, 3, 3, requires_grad=True)
    ones = torch.ones(1, NUM_KEYPOINTS)
    presence.loss(heatmaps, features, ones, ones, ALL).backward()
    assert heatmaps.grad is None and features.grad is None


def test_it_learns_the_frequency_of_a_vertebra_at_each_height():
    """Peaks of 0.3 that are a vertebra nine times in ten, and of 0.7 that are one in half of the images."""
    torch.manual_seed(0)
    presence = SlotPresence(CHANNELS)
    heights = torch.tensor([[0.3] * NUM_SLOTS] * 10 + [[0.7] * NUM_SLOTS] * 10)
    is_there = torch.tensor([1.0] * 9 + [0.0] + [1.0, 0.0] * 5)[:, None].expand(-1, NUM_SLOTS).contiguous()
    amplitudes = is_there.repeat_interleave(NUM_CORNERS, dim=1)
    features = torch.zeros(20, CHANNELS, 2, 2)
    optimizer = torch.optim.Adam(presence.parameters(), lr=0.1)
    for _ in range(400):
        optimizer.zero_grad()
        presence.loss(maps_of(heights), features, amplitudes, torch.ones_like(amplitudes), ALL).backward()
        optimizer.step()
    learned = presence(heights, features).sigmoid()
    assert learned[0].tolist() == pytest.approx([0.9] * NUM_SLOTS, abs=0.02)
    assert learned[10].tolist() == pytest.approx([0.5] * NUM_SLOTS, abs=0.02)
