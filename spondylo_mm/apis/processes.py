"""Training in several processes: what mmengine needs to know beforehand, also where there is no GPU."""

from __future__ import annotations

import os

import torch
from mmengine.config import Config

from ..errors import InputError

# What each launcher tells the processes it starts, and how it is used.
_TOLD = dict(
    pytorch=('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR', 'MASTER_PORT'),
    slurm=('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_NODELIST'),
    mpi=('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_LOCAL_RANK', 'OMPI_COMM_WORLD_SIZE'),
)
_STARTED_BY = dict(
    pytorch='torchrun: torchrun --nproc_per_node=N tools/train.py …',
    slurm='Slurm: srun -n N python tools/train.py …',
    mpi='Open MPI: mpirun -n N python tools/train.py …',
)


def prepare_processes(config: Config, launcher: str) -> None:
    """Set the config up for processes started by ``launcher``, one per GPU; on a machine without, they talk by gloo.

    On GPUs BatchNorm is synchronised, so that a step on N processes is one on their whole batch. On CPUs torch cannot
    do that.

    Raises:
        InputError: processes that no launcher started, or whose launcher needs a GPU that is not there.
    """
    config.launcher = launcher
    if launcher == 'none':
        return
    if launcher not in _TOLD:
        raise InputError(f'--launcher {launcher}: choose one of none, {", ".join(_TOLD)}')
    if launcher != 'pytorch' and not torch.cuda.is_available():
        raise InputError(f'--launcher {launcher}: torch sees no GPU on this machine: use torchrun, --launcher pytorch')
    if not all(name in os.environ for name in _TOLD[launcher]):
        raise InputError(f'--launcher {launcher}: is not started by {_STARTED_BY[launcher]}')
    if torch.cuda.is_available():
        config.setdefault('sync_bn', 'torch')
        return
    # mmengine would look for the process's GPU, to set it and to hand it to the wrapper
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group('gloo')
    config.model_wrapper_cfg = dict(
        type='MMDistributedDataParallel',
        device_ids=None,
        broadcast_buffers=False,
        find_unused_parameters=config.get('find_unused_parameters', False),
    )
