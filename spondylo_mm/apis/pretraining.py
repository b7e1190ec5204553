"""Weights to start from: found by any of the names configs use, read without unpickling, and complete."""

from __future__ import annotations

import copy
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.runner import CheckpointLoader
from mmengine.runner.checkpoint import get_torchvision_models
from torch import nn

from ..errors import InputError
from .checkpoints import load_weights, read_checkpoint
from .configs import is_pretrained

_TORCHVISION = 'torchvision://'
_HUB = ('huggingface.co', 443)  # where timm's weights are
_PATIENCE = 5.0  # s for an answer of a server of weights


@dataclass(frozen=True)
class Pretraining:
    """Weights of a backbone: a file, a URL or ``torchvision://NAME``, and the prefix of their names in it."""

    checkpoint: str
    prefix: str = ''


def take_pretraining(model: dict) -> tuple[dict, Pretraining | None]:
    """A model's config without the pretrained weights that we load ourselves, and those.

    mmengine (``init_cfg``) and timm (``pretrained_cfg_overlay.file``) load what happens to match and leave the rest
    random, and mmengine unpickles what a file holds. timm's own downloads stay timm's: they match by their name.
    """
    model = copy.deepcopy(model)
    backbone = model['backbone']
    init_cfg = backbone.get('init_cfg')
    if is_pretrained(init_cfg):
        del backbone['init_cfg']
        return model, Pretraining(init_cfg['checkpoint'], init_cfg.get('prefix', ''))
    file = (backbone.get('pretrained_cfg_overlay') or {}).get('file')
    if backbone.get('pretrained') and file:
        backbone['pretrained'] = False
        return model, Pretraining(file)
    return model, None


def load_pretraining(backbone: nn.Module, pretraining: Pretraining, allow_partial: bool = False) -> None:
    """Load a backbone's weights; what else a file holds (a classifier, a head) is left.

    Raises:
        OSError: the weights are not there and cannot be downloaded.
        InputError: a weight of the backbone is not in them, or has another shape, unless ``allow_partial``.
    """
    path = _local_file(pretraining.checkpoint)
    backbone = getattr(backbone, 'timm_model', backbone)  # mmpretrain's wrapper adds a level of names
    load_weights(backbone, path, prefix=pretraining.prefix, allow_more=True, allow_partial=allow_partial)


def _local_file(checkpoint: str) -> Path:
    """The file itself; one with an address is downloaded to torch's cache first, once."""
    if checkpoint.startswith(_TORCHVISION):
        checkpoint = get_torchvision_models()[checkpoint.removeprefix(_TORCHVISION)]
    if '://' not in checkpoint:
        if not Path(checkpoint).is_file():
            raise FileNotFoundError(checkpoint)
        return Path(checkpoint)
    path = Path(torch.hub.get_dir(), 'checkpoints', checkpoint.rsplit('/', 1)[-1])
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(checkpoint, str(path), progress=True)
    return path


@contextmanager
def no_waiting_for_the_network() -> Iterator[None]:
    """While this context lasts, weights that have to come from a server which does not answer fail within seconds.

    huggingface_hub asks five times, for half a minute in all. Where its server cannot be reached it is told that it is
    offline: then it takes what was downloaded earlier, or fails at once. Behind a proxy nothing can be known.
    """
    from huggingface_hub import constants

    offline, timeout = constants.HF_HUB_OFFLINE, socket.getdefaulttimeout()
    try:
        if not urllib.request.getproxies():
            socket.create_connection(_HUB, timeout=_PATIENCE).close()
    except OSError:
        constants.HF_HUB_OFFLINE = True
    socket.setdefaulttimeout(_PATIENCE)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = offline
        socket.setdefaulttimeout(timeout)


def _load_strictly(filename: str, map_location: object = None) -> object:
    """What mmengine loads, of a head's ``init_cfg`` for example: its own loader falls back to full unpickling, which
    runs whatever code a file holds."""
    if '://' in filename:
        raise InputError(f'{filename}: is only downloaded for backbones: download it and name the file')
    return read_checkpoint(filename)


CheckpointLoader.register_scheme(list(CheckpointLoader._schemes), _load_strictly, force=True)
