"""Which image a loader worker was reading when it died."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.utils.data import get_worker_info

_MOST_WORKERS = 256
_NOBODY = -1

# What torch says in the main process: "DataLoader worker (pid 12) is killed by signal: Killed", "DataLoader worker
# (pid(s) 12, 13) exited unexpectedly".
_DIED = re.compile(r'DataLoader worker \(pid(?:\(s\))? ([\d, ]+)\) (?P<how>[^.]*)')


class LoaderWatch:
    """Remembers what each loader worker is reading, in memory that the main process shares.

    Symbols: one row ``(process id, index into the dataset)`` per worker, ``_NOBODY`` where nothing is being read.
    """

    def __init__(self) -> None:
        self._rows = torch.full((_MOST_WORKERS, 2), _NOBODY, dtype=torch.int64).share_memory_()

    @contextmanager
    def reading(self, index: int) -> Iterator[None]:
        """While this context lasts, this worker reads the sample ``index``; in the main process it does nothing."""
        worker = get_worker_info()
        if worker is None or worker.id >= _MOST_WORKERS:
            yield
            return
        self._rows[worker.id] = torch.tensor([os.getpid(), int(index)])
        yield
        self._rows[worker.id] = _NOBODY

    def died(self, error: RuntimeError) -> tuple[list[int], str] | None:
        """The indices that workers were reading when they died, and how, if that is what ``error`` says; else None."""
        match = _DIED.search(str(error))
        if match is None:
            return None
        dead = [int(number) for number in match[1].split(',')]
        return [index for process, index in self._rows.tolist() if process in dead], match['how'].strip()
