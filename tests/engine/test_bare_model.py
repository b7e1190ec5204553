"""The model inside what several processes train."""

from torch import nn

from spondylo_mm.engine.bare_model import bare_model


def test_a_model_is_found_with_and_without_a_wrapper_around_it():
    model = nn.Linear(1, 1)
    assert bare_model(model) is model
    assert bare_model(nn.DataParallel(model)) is model
