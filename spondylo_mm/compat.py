"""The one place that knows the packaging faults of the MM stack.

``import mmpose.models`` imports ``mmcv.ops``, whose modules bind functions of the compiled extension ``mmcv._ext`` at
import time, although no 2-D pose model calls them. A pure-Python mmcv (seconds to install) lacks that extension;
building it takes twenty minutes. So while mmpose is being imported a stand-in takes its place. It is removed
afterwards, because mmengine asks ``importlib.util.find_spec('mmcv._ext')`` whether compiled ops exist, and the honest
answer stays no. Where the real extension is installed, nothing is replaced.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import sys
import types
import warnings
from collections.abc import Callable, Iterator

_EXTENSION = 'mmcv._ext'


class _MissingOps(types.ModuleType):
    """Has every attribute; each is a function that refuses to be called."""

    def __getattr__(self, name: str) -> Callable:
        if name.startswith('__'):  # the import system probes for __path__, __spec__ and the like: absent, as they are
            raise AttributeError(name)

        def missing_op(*args: object, **kwargs: object) -> None:
            raise RuntimeError(
                f'mmcv op "{name}" is not compiled in this environment and no model of spondylo_mm needs it. '
                'To use a model that does, install mmcv with its compiled ops (build it with torch present).'
            )

        missing_op.__name__ = name
        return missing_op


def has_compiled_ops() -> bool:
    """Whether mmcv's compiled extension is installed."""
    return _EXTENSION in sys.modules or importlib.util.find_spec(_EXTENSION) is not None


@contextlib.contextmanager
def stand_in_for_missing_ops() -> Iterator[None]:
    """While this context lasts, ``mmcv._ext`` can be imported; where the real one is installed this does nothing."""
    if has_compiled_ops():
        yield
        return
    sys.modules[_EXTENSION] = _MissingOps(_EXTENSION)
    try:
        yield
    finally:
        del sys.modules[_EXTENSION]
        mmcv = sys.modules.get('mmcv')
        if mmcv is not None:
            vars(mmcv).pop('_ext', None)  # the import system also binds a submodule to its parent


def import_mmpose() -> types.ModuleType:
    """Import mmpose, and mmpretrain for ``mmpretrain.TIMMBackbone``, whether or not mmcv has compiled ops."""
    with stand_in_for_missing_ops(), _quiet_mmdet():
        for name in ('mmpretrain.models', 'mmpose.models', 'mmpose.evaluation', 'mmpose.visualization'):
            importlib.import_module(name)
    return importlib.import_module('mmpose')


@contextlib.contextmanager
def _quiet_mmdet() -> Iterator[None]:
    """mmdet, imported by mmpose for a detector nobody uses here, prints and warns that it lacks optional packages."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.filterwarnings('ignore', message='faster_coco_eval')
        yield
