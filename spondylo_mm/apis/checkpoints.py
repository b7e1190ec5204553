"""Weights from a checkpoint into a model, or one line that says why not."""

from __future__ import annotations

import hashlib
import logging
import pickle
import re
from pathlib import Path

import torch
from mmengine.logging import print_log
from torch import nn

from ..errors import InputError
from ..escaping import printable

_SHOWN = 3  # names of mismatching weights worth showing in one line

# What mmengine's own checkpoints hold beside weights: its log history and numpy values. MMPose's model zoo is of them.
_PICKLED_BY_MMENGINE = (
    'mmengine.logging.history_buffer.HistoryBuffer',
    'numpy.core.multiarray._reconstruct',
    'numpy._core.multiarray._reconstruct',
    'numpy.core.multiarray.scalar',
    'numpy._core.multiarray.scalar',
    'numpy.ndarray',
    'numpy.dtype',
    'builtins.getattr',
)


# What old files lack: a counter that only BatchNorm without momentum uses, and which corners the head was taught.
_OPTIONAL = ('num_batches_tracked', 'head.taught')


class _Unread:
    """Stands for any of ``_PICKLED_BY_MMENGINE`` while a file is read: takes what it is given and does nothing."""

    def __new__(cls, *args: object) -> _Unread:
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None:
        pass


def load_weights(
    model: nn.Module,
    path: str | Path,
    *,
    content: object = None,
    prefix: str = '',
    allow_more: bool = False,
    allow_partial: bool = False,
) -> None:
    """Load every weight of ``model`` from a checkpoint, without unpickling anything but tensors and plain values.

    Args:
        content: of the file, where it has been read; see :func:`read_checkpoint`.
        prefix: of the names in the checkpoint that are the model's; others are another part's.
        allow_more: leave weights the model does not have, as those of a pretrained backbone's classifier.
        allow_partial: load the weights that match and log which do not.

    Raises:
        InputError: the file is missing, is no checkpoint, holds pickled objects, belongs to another model (with
            ``allow_partial``: nothing matches), or a weight is not finite.
    """
    weights = weights_of(read_checkpoint(path) if content is None else content, path)
    weights = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
    own = model.state_dict()
    needed = [name for name in own if not name.endswith(_OPTIONAL)]
    missing = [name for name in needed if name not in weights]
    unexpected = [] if allow_more else [name for name in weights if name not in own]
    reshaped = [name for name in own if name in weights and weights[name].shape != own[name].shape]
    if missing or unexpected or reshaped:
        difference = _difference(weights, own, reshaped, missing, unexpected)
        fitting = sum(name in weights and name not in reshaped for name in needed)  # counters alone teach nothing
        if not allow_partial or fitting == 0:
            advice = 'give the config it was trained with'
            if not allow_partial and fitting > 0:
                advice += ', or to train from the weights that match, --allow-partial'
            raise InputError(f'{path}: belongs to another model ({difference}): {advice}')
        said = printable(f'{path}: {fitting} of {len(needed)} weights fit and are loaded; {difference}')
        print_log(said, 'current', logging.WARNING)
    if broken := [name for name in own if name in weights and not stays_finite(weights[name], own[name].dtype)]:
        raise not_finite(path, broken)
    model.load_state_dict(
        {name: value for name, value in weights.items() if name in own and name not in reshaped}, strict=False
    )


def read_checkpoint(path: str | Path) -> object:
    """The content of a checkpoint file, without unpickling anything but tensors and plain values.

    Of mmengine's own checkpoints the log history and numpy values come as placeholders.

    Raises:
        InputError: the file is missing, is no checkpoint, or holds pickled objects.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f'{path}: is a folder: give a .pth file in it')
    if not path.is_file():
        raise InputError(f'{path}: no such checkpoint: train one with tools/train.py')
    if path.suffix == '.safetensors':
        return _read_safetensors(path)
    try:
        with torch.serialization.safe_globals([(_Unread, name) for name in _PICKLED_BY_MMENGINE]):
            return torch.load(path, map_location='cpu', weights_only=True)
    except pickle.UnpicklingError as error:
        if 'Unsupported global' in str(error) or 'GLOBAL' in str(error):
            raise InputError(
                f'{path}: holds pickled objects beside weights and is not opened for safety: save its state_dict alone '
                'with torch.save from a source you trust'
            ) from None
        raise InputError(f'{path}: is not a checkpoint: give a .pth file written by tools/train.py') from None
    except Exception as error:  # a damaged zip archive fails in many ways
        raise _damaged(path, error) from None


def describe_checkpoint(path: str | Path, content: object = None) -> dict[str, str | None]:
    """Which weights a result is of: name and SHA-256 of the file, and the SHA-256 of the annotations it was trained and
    validated on (``data.sha256`` of its ``run.json``), None where the file does not say.

    Args:
        content: of the file, where it has been read.
    """
    content = read_checkpoint(path) if content is None else content
    meta = content.get('meta') if isinstance(content, dict) else None
    data = meta.get('data_sha256') if isinstance(meta, dict) else None
    return dict(
        checkpoint=Path(path).name,
        checkpoint_sha256=hashlib.sha256(Path(path).read_bytes()).hexdigest(),
        data_sha256=data if isinstance(data, str) and re.fullmatch('[0-9a-f]{64}', data) else None,
    )


def holds_placeholders(content: object) -> bool:
    """Whether a checkpoint's content is in part objects of mmengine that were not opened."""
    if isinstance(content, dict):
        return any(map(holds_placeholders, content.values()))
    if isinstance(content, (list, tuple)):
        return any(map(holds_placeholders, content))
    return isinstance(content, _Unread)


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(
        f'{path}: cannot be read as a checkpoint ({type(error).__name__}; truncated?): give a whole file of weights'
    )


def weights_of(content: object, path: str | Path) -> dict[str, torch.Tensor]:
    """The weights by name in a checkpoint's content.

    Raises:
        InputError: there are none, or something else is among them.
    """
    weights = content.get('state_dict', content) if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not weights:
        raise InputError(f'{path}: holds no state_dict: give a .pth file written by tools/train.py')
    if not all(isinstance(name, str) and _has_values(value) for name, value in weights.items()):
        raise InputError(f'{path}: holds no state_dict: give a .pth file written by tools/train.py')
    return {name.removeprefix('module.'): value for name, value in weights.items()}


def _has_values(value: object) -> bool:
    """Whether it is a tensor of numbers in memory: others can be saved too, but are no weights of ours."""
    if not isinstance(value, torch.Tensor) or value.layout != torch.strided:
        return False
    if value.is_meta or value.is_quantized or value.is_nested or value.is_complex():
        return False
    try:
        torch.empty(1, dtype=value.dtype).float()  # torch stores types that it cannot compute with
    except NotImplementedError:
        return False
    return True


def stays_finite(value: torch.Tensor, dtype: torch.dtype) -> bool:
    """Whether all of ``value`` is finite as the model will hold it: 1e300 is, but not in single precision."""
    return bool(torch.isfinite(value.to(dtype if dtype.is_floating_point else torch.float64)).all())


def not_finite(path: str | Path, names: list[str]) -> InputError:
    shown = f'{", ".join(names[:_SHOWN])}{_more(names)}'
    return InputError(
        f'{path}: {shown} hold NaN or infinity, so the training had diverged: give an earlier checkpoint, or train '
        'with a lower learning rate'
    )


def _difference(weights: dict, own: dict, reshaped: list[str], missing: list[str], unexpected: list[str]) -> str:
    """What does not match, in one line."""
    reasons = []
    if reshaped:
        shown = [f'{name} is {tuple(weights[name].shape)}, expected {tuple(own[name].shape)}' for name in reshaped]
        reasons.append('; '.join(shown[:_SHOWN]) + _more(shown))
    if missing:
        reasons.append(f'lacks {", ".join(missing[:_SHOWN])}{_more(missing)}')
    if unexpected:
        reasons.append(f'has unknown {", ".join(unexpected[:_SHOWN])}{_more(unexpected)}')
    return '; '.join(reasons)


def _more(names: list[str]) -> str:
    return f' and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''
