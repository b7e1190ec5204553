"""Which image a loader worker was reading when it died."""

from __future__ import annotations

import multiprocessing
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.utils.data import get_worker_info

_MOST_WORKERS = 256
LOST_CONTACT = (ConnectionError, EOFError)  # in the main process, where a batch is no more to be had
_NOBODY = -1
_DYING = 2.0  # s that a killed process takes at most, on a busy machine

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

    def died(self, error: Exception) -> tuple[list[int], str] | None:
        """The indices that workers were reading when they died, and how, if that is what ``error`` says; else None."""
        rows = [(process, index) for process, index in self._rows.tolist() if process != _NOBODY]
        if isinstance(error, LOST_CONTACT):  # an earlier batch was still on its way from that worker
            try:
                dead, how = _dead([process for process, _ in rows]), 'it does not answer'
            except RuntimeError as late:  # by torch's handler of the signal that a child has died
                return self.died(late)
        elif match := _DIED.search(str(error)):
            dead, how = [int(number) for number in match[1].split(',')], match['how'].strip()
        else:
            return None
        return [index for process, index in rows if process in dead], how


def _dead(processes: list[int]) -> list[int]:
    """Those of the processes that are dead; one that is about to be has already closed its connections."""
    until = time.monotonic() + _DYING
    while not (dead := [process for process in processes if not _is_alive(process)]) and time.monotonic() < until:
        time.sleep(0.01)
    return dead


def _is_alive(process: int) -> bool:
    multiprocessing.active_children()  # buries the dead among them: until then they have their numbers
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
