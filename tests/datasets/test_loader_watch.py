"""A loader worker that dies takes the name of its image with it, unless somebody remembers."""

import os
import signal

import pytest
from torch.utils.data import DataLoader, Dataset

from spondylo_mm.datasets.loader_watch import LOST_CONTACT, LoaderWatch


class Deadly(Dataset):
    """The sample with index 5 kills who reads it."""

    def __init__(self):
        self.watch = LoaderWatch()

    def __len__(self):
        return 8

    def __getitem__(self, index):
        with self.watch.reading(index):
            if index == 5:
                os.kill(os.getpid(), signal.SIGKILL)
            return index


@pytest.mark.parametrize('workers', [1, 2])
def test_the_index_that_was_being_read_is_remembered(workers):
    dataset = Deadly()
    with pytest.raises((RuntimeError, *LOST_CONTACT)) as error:
        list(DataLoader(dataset, batch_size=2, num_workers=workers))
    indices, how = dataset.watch.died(error.value)
    assert indices == [5]
    assert 'Killed' in how or 'exited unexpectedly' in how or how == 'it does not answer'


def test_a_worker_that_does_not_answer_is_recognised_by_being_dead():
    """It had sent a batch, and died before the main process fetched it."""
    dataset = Deadly()
    with pytest.raises((RuntimeError, *LOST_CONTACT)):
        list(DataLoader(dataset, batch_size=2, num_workers=1))
    assert dataset.watch.died(ConnectionResetError(104, 'Connection reset by peer'))[0] == [5]


def test_another_error_is_nobody_s_death():
    assert LoaderWatch().died(RuntimeError('mat1 and mat2 shapes cannot be multiplied')) is None
