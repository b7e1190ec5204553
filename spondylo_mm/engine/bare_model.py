"""A model without what mmengine puts around it to train it in several processes."""

from __future__ import annotations

from mmengine.model import is_model_wrapper
from torch import nn


def bare_model(model: nn.Module) -> nn.Module:
    """The model itself: its parts are attributes of it and not of its wrapper."""
    return model.module if is_model_wrapper(model) else model
