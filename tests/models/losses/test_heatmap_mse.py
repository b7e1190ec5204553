"""The heatmap loss against sums by hand."""

import pytest
import torch

from spondylo_mm import plugin  # noqa: F401
from spondylo_mm.models.losses.heatmap_mse import HeatmapMSELoss

LOSS = HeatmapMSELoss(background=0.05, foreground=5.0, threshold=0.1)


def test_by_default_every_supervised_pixel_counts_alike():
    output, target = heatmaps(2)
    weights = torch.tensor([[1.0, 0, 1, 0], [0, 0, 0, 0]])
    by_hand = (output[0, [0, 2]] - target[0, [0, 2]]).square().mean()
    torch.testing.assert_close(HeatmapMSELoss()(output, target, weights), by_hand)
    torch.testing.assert_close(HeatmapMSELoss(loss_weight=500.0)(output, target, weights), 500 * by_hand)
    torch.testing.assert_close(HeatmapMSELoss(foreground=2.0, background=2.0)(output, target, weights), 2 * by_hand)


def test_each_pixel_counts_by_its_target():
    """Pixels of target 0, 0.1, 0.2 and 1, each missed by 0.5: only those above the threshold are foreground."""
    target = torch.tensor([[[[0.0, 0.1], [0.2, 1.0]]]])
    by_hand = (0.05 + 0.05 + 5 + 5) * 0.25 / 4
    assert LOSS(target + 0.5, target, torch.ones(1, 1)).item() == pytest.approx(by_hand)


def test_an_error_counts_squared():
    target = torch.zeros(1, 1, 2, 2)
    output = torch.tensor([[[[1.0, -2.0], [0.0, 0.0]]]])
    assert LOSS(output, target, torch.ones(1, 1)).item() == pytest.approx(0.05 * (1 + 4) / 4)


def heatmaps(batch: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(batch, 4, 8, 8, generator=generator), torch.rand(batch, 4, 8, 8, generator=generator)


def test_a_larger_batch_of_the_same_images_has_the_same_loss():
    output, target = heatmaps(2)
    once = LOSS(output, target, torch.ones(2, 4))
    torch.testing.assert_close(LOSS(output.repeat(3, 1, 1, 1), target.repeat(3, 1, 1, 1), torch.ones(6, 4)), once)


def test_slots_that_teach_nothing_do_not_thin_the_loss():
    output, target = heatmaps(2)
    weights = torch.tensor([[1.0, 1, 0, 0], [0, 0, 0, 0]])
    torch.testing.assert_close(LOSS(output, target, weights), LOSS(output[:1, :2], target[:1, :2], torch.ones(1, 2)))


def test_unsupervised_keypoints_get_no_gradient():
    output, target = heatmaps(1)
    output.requires_grad_()
    LOSS(output, target, torch.tensor([[0.0, 1, 0, 1]])).backward()
    assert output.grad.abs().sum(dim=(0, 2, 3)).gt(0).tolist() == [False, True, False, True]


def test_a_batch_that_teaches_nothing_has_loss_zero_and_no_gradient():
    output, target = heatmaps(1)
    output.requires_grad_()
    loss = LOSS(output, target, torch.zeros(1, 4))
    loss.backward()
    assert loss == 0 and not output.grad.any()


def test_the_best_answer_to_an_uncertain_pixel_is_what_the_docstring_says():
    """A pixel that is foreground in 1 of 100 images: the loss is least at f p / (f p + b (1 - p)), over a half."""
    target = torch.zeros(100, 1, 1, 1)
    target[0] = 1
    answers = torch.linspace(0, 1, 1001)
    losses = torch.stack([LOSS(torch.full_like(target, answer), target, torch.ones(100, 1)) for answer in answers])
    assert answers[losses.argmin()] == pytest.approx(5 * 0.01 / (5 * 0.01 + 0.05 * 0.99), abs=1e-3)


def test_a_large_error_does_not_overflow_half_precision():
    target = torch.zeros(1, 1, 2, 2, dtype=torch.float16)
    loss = LOSS(torch.full_like(target, 2000), target, torch.ones(1, 1))
    assert loss.item() == pytest.approx(0.05 * 2000**2)
