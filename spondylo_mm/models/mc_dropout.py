"""Monte-Carlo dropout: how far corners move when parts of the network are left out (Gal and Ghahramani 2016,
arXiv:1506.02142).

The dropout layers of a model in evaluation mode are made to drop, and nothing else of it changes: no layer is switched
to training, so BatchNorm keeps its learned statistics. What they drop is drawn once per pass for all images of a batch,
from a generator of its own. Hence N passes are N thinned networks that follow from the seed alone, an ensemble that
sees every image alike: the result of an image depends neither on its neighbours nor on the device, up to rounding, and
no one else's random numbers are touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def dropout_layers(model: nn.Module) -> list[nn.Module]:
    """Layers that drop values (``nn.Dropout``) or whole channels (``nn.Dropout2d``) with a probability above 0."""
    return [layer for layer in model.modules() if isinstance(layer, (nn.Dropout, nn.Dropout2d)) and layer.p > 0]


@contextmanager
def thinned(model: nn.Module, seed: int) -> Iterator[None]:
    """Within this context each forward pass of ``model``, which must be in evaluation mode, is of a thinned network.

    The n-th pass after entering is of the same network whenever it is entered with the same seed, for any number of
    images (B, C, H, W). With ``flip_test`` the mirrored image has masks of its own.

    Example:
        >>> with thinned(model, seed=0):
        ...     passes = [model(images) for _ in range(20)]
    """
    generator = torch.Generator().manual_seed(seed)  # on the CPU: the same masks on every device

    def drop(layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        (features,) = inputs
        shape = features[:1, :, :1, :1].shape if isinstance(layer, nn.Dropout2d) else features[:1].shape
        kept = torch.empty(shape).bernoulli_(1 - layer.p, generator=generator)
        return features * (kept / (1 - layer.p)).to(features)

    handles = [layer.register_forward_hook(drop) for layer in dropout_layers(model)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
