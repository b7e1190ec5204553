"""What configs may wrap around datasets, mmengine's ``ConcatDataset`` and ``RepeatDataset``, and the ones inside."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

from mmengine.dataset import ConcatDataset, RepeatDataset

from ..errors import InputError
from .spondylo_dataset import SpondyloDataset

_INSIDE = ('datasets', 'dataset')  # the arguments in which wrappers, whosever, take what they wrap
_TAKEN = ('ConcatDataset', 'RepeatDataset')


def configs_inside(config: Mapping[str, Any], where: str) -> list[Any]:
    """The configs of the datasets in that of a wrapper; of a dataset, its own.

    Args:
        where: names the config in an error.

    Raises:
        InputError: another wrapper: it would lose the seeds of the samples, or what a dataset says of them.
    """
    if not any(key in config for key in _INSIDE):
        return [config]
    name = str(config.get('type')).split('.')[-1]
    if name not in _TAKEN:
        raise InputError(f'{where}: {name} cannot be used here: join folders with ConcatDataset')
    inside = config['datasets'] if name == _TAKEN[0] else [config['dataset']]
    return list(chain.from_iterable(configs_inside(each, where) for each in inside))


def datasets_inside(dataset: object) -> list[SpondyloDataset]:
    """The datasets in a wrapper; of a dataset, itself."""
    if isinstance(dataset, ConcatDataset):
        return list(chain.from_iterable(map(datasets_inside, dataset.datasets)))
    if isinstance(dataset, RepeatDataset):
        return datasets_inside(dataset.dataset)
    return [dataset]
