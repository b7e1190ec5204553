"""Whether backbone, head and codec of a model fit each other: found out before the first epoch, not in it."""

from __future__ import annotations

import torch
from mmengine.config import Config
from torch import nn

from ..errors import InputError
from .configs import built_from


@torch.no_grad()
def check_parts_fit(model: nn.Module, config: Config) -> None:
    """Send one black image through the network, as an evaluation would: it draws no random number, and changes
    nothing.

    Raises:
        InputError: the head takes other channels than the backbone gives, or gives heatmaps of another size than the
            codec's.
    """
    codec, head = config.model.head.decoder, config.model.head
    width, height = codec.input_size
    was_training = model.training
    model.eval()
    try:
        with built_from(config, 'the model'):
            features = model.extract_feat(torch.zeros(1, 3, height, width, device=next(model.parameters()).device))
            given = features[-1].shape[1]
            if given != head.get('in_channels', given):
                raise InputError(
                    f'{config.filename}: model.head.in_channels={head.in_channels}: the backbone gives {given} '
                    f'channels: set it to {given}'
                )
            size = tuple(model.head.forward(features).shape[:1:-1])
    finally:
        model.train(was_training)
    if size != tuple(codec.heatmap_size):
        raise InputError(
            f'{config.filename}: heatmap_size={tuple(codec.heatmap_size)} in the codec: the network gives heatmaps of '
            f'{size} for an input of {(width, height)}: correct the codec, or the layers of model.head'
        )
