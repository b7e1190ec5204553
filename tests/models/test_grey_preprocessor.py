"""One normalisation for every split."""

import torch

from spondylo_mm import plugin  # noqa: F401
from spondylo_mm.models.grey_preprocessor import GreyDataPreprocessor


def batch() -> dict:
    images = [torch.full((1, 8, 8), 114, dtype=torch.uint8), torch.full((1, 8, 8), 172, dtype=torch.uint8)]
    return dict(inputs=images, data_samples=[])


def test_a_grey_image_becomes_three_equal_normalised_channels():
    inputs = GreyDataPreprocessor(mean=114, std=58)(batch())['inputs']
    assert inputs.shape == (2, 3, 8, 8)
    assert torch.equal(inputs[0], torch.zeros(3, 8, 8)) and torch.equal(inputs[1], torch.ones(3, 8, 8))


def test_training_and_test_images_are_normalised_alike():
    preprocessor = GreyDataPreprocessor(mean=114, std=58)
    assert torch.equal(preprocessor(batch(), training=True)['inputs'], preprocessor(batch(), training=False)['inputs'])
