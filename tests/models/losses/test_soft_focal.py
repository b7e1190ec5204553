"""Focal loss against soft targets."""

import pytest
import torch

from spondylo_mm.models.losses.soft_focal import SoftFocalLoss


def one_pixel(probability: float, target: float) -> float:
    logits = torch.tensor(probability).logit().reshape(1, 1, 1, 1)
    return float(SoftFocalLoss()(logits, torch.full((1, 1, 1, 1), target), torch.ones(1, 1, 1, 1)))


@pytest.mark.parametrize('target', [0.05, 0.3, 0.8])
def test_it_is_least_and_zero_at_the_target_s_height(target):
    assert one_pixel(target, target) == pytest.approx(0, abs=1e-9)
    assert one_pixel(target - 0.04, target) > 0 < one_pixel(target + 0.04, target)


def test_easy_background_hardly_counts():
    assert one_pixel(0.01, 0.0) < 1e-5 * one_pixel(0.9, 0.0)


def test_half_is_the_best_answer_to_an_even_chance():
    chance = {p: one_pixel(p, 1.0) + one_pixel(p, 0.0) for p in (0.3, 0.4, 0.5, 0.6, 0.7)}
    assert min(chance, key=chance.get) == 0.5


def test_sums_are_of_each_image_and_of_weighted_pixels_only():
    logits, target = torch.randn(2, 3, 4, 4), torch.rand(2, 3, 4, 4)
    weights = torch.zeros(2, 3, 4, 4)
    weights[1, 2, 3, 1] = 1
    loss = SoftFocalLoss(loss_weight=2.0)(logits, target, weights)
    assert loss.shape == (2,) and loss[0] == 0
    expected = one_pixel(float(logits[1, 2, 3, 1].sigmoid()), float(target[1, 2, 3, 1]))
    assert float(loss[1]) == pytest.approx(2 * expected, rel=1e-4)
