"""Training in several processes: what mmengine needs to know beforehand, also where there is no GPU."""

from __future__ import annotations

import os

import torch
from mmengine.config import Config

from ..errors import InputError

_TORCHRUN = ('RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT')


def prepare_processes(config: Config, launcher: str) -> None:
    """Set the config up for processes started by ``launcher``, one per GPU; on a machine without, they talk by gloo.

    On GPUs BatchNorm is synchronised, so that a step on N processes is one on their whole batch. On CPUs torch cannot
    do that.

    Raises:
        InputError: ``launcher='pytorch'`` without torchrun.
    """
    config.launcher = launcher
    if launcher == 'none':
        return
    if launcher == 'pytorch' and not all(name in os.environ for name in _TORCHRUN):
        raise InputError('--launcher pytorch: is not started by torchrun: torchrun --nproc_per_node=N tools/train.py …')
    if torch.cuda.is_available():
        config.setdefault('sync_bn', 'torch')
        return
    if launcher != 'pytorch':
        raise InputError(f'--launcher {launcher}: torch sees no GPU on this machine: use torchrun, --launcher pytorch')
    # mmengine would look for the process's GPU, to set it and to hand it to the wrapper
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group('gloo')
    config.model_wrapper_cfg = dict(
        type='MMDistributedDataParallel',
        device_ids=None,
        broadcast_buffers=False,
        find_unused_parameters=config.get('find_unused_parameters', False),
    )
