"""A loader worker that dies takes the name of its image with it, unless somebody remembers."""

import os
import signal

import pytest
from torch.utils.data import DataLoader, Dataset

from spondylo_mm.datasets.loader_watch import LoaderWatch


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
    with pytest.raises(RuntimeError) as error:
        list(DataLoader(dataset, batch_size=2, num_workers=workers))
    indices, how = dataset.watch.died(error.value)
    assert indices == [5]
    assert 'Killed' in how or 'exited unexpectedly' in how


def test_another_error_is_nobody_s_death():
    assert LoaderWatch().died(RuntimeError('mat1 and mat2 shapes cannot be multiplied')) is None
