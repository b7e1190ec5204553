"""Random numbers that a resumed run draws as the run would have that was not stopped."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmpose.registry import HOOKS


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seed Python, numpy and torch at the first step of every epoch from the run's seed, the epoch and the process.

    Then no state of a random number generator has to be kept in checkpoints, and nothing that happens between two
    epochs (validation, starting workers) changes what the next one draws: dropout, above all. Samples are seeded by
    ``datasets.SeededSampler``.
    """

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        if batch_idx == 0:
            seed = np.random.SeedSequence([runner.seed, runner.epoch, get_rank()]).generate_state(2)
            random.seed(int(seed[0]))
            np.random.seed(seed)
            torch.manual_seed(int(seed[0]) << 32 | int(seed[1]))
