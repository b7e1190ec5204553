"""Mixed precision where there is no GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from mmpose.registry import OPTIM_WRAPPERS
from torch import nn


@OPTIM_WRAPPERS.register_module()
class Bf16OptimWrapper(OptimWrapper):
    """bf16 for convolutions on the CPU; mmengine's ``AmpOptimWrapper`` is for GPUs alone.

    bf16 has the range of float32, so no loss is scaled. Weights, gradients and losses stay float32, and so does
    validation.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        with super().optim_context(model), torch.autocast('cpu', dtype=torch.bfloat16):
            yield


def cpu_computes_bf16() -> bool:
    """Whether this processor multiplies bf16 itself (AVX-512 BF16 or AMX): any other emulates it, and takes longer."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
