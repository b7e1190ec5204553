"""Checkpoints: damaged, foreign, diverged, or a trap."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import torch

from .case import Bench, Case

AREA = 'checkpoints'


class Trap:
    """Unpickled, it makes a folder: the proof that code has run."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self) -> tuple:
        return os.mkdir, (self.folder,)


def tested(name: str, make: Callable[[Bench, Path], None], says: str, suffix: str = '.pth') -> Case:
    return Case(AREA, name, _made(make, suffix, lambda bench, path: ['test.py', bench.config, path, '--data-root',
                bench.phantoms, '--out', bench.out]), says)  # fmt: skip


def trained(name: str, make: Callable[[Bench, Path], None], says: str, *option: str) -> Case:
    """``option`` names the checkpoint as the last of its words, or ends with ``=`` before it."""

    def command(bench: Bench, path: Path) -> list:
        *words, last = option
        return bench.train(*words, *([f'{last}{path}'] if last.endswith('=') else [last, path]))

    return Case(AREA, f'{name}, {option[0]}', _made(make, '.pth', command), says)


def _made(make: Callable, suffix: str, command: Callable) -> Callable[[Bench], list]:
    def build(bench: Bench) -> list:
        path = bench.folder / f'bad{suffix}'
        make(bench, path)
        return command(bench, path)

    return build


def content_of(path: Path) -> dict:
    return torch.load(path, weights_only=True)


def of_another_width(bench: Bench, path: Path) -> None:
    weights = content_of(bench.checkpoint)['state_dict']
    weights['head.final_layer.weight'] = weights['head.final_layer.weight'][:38]
    torch.save(weights, path)


def with_nan(bench: Bench, path: Path) -> None:
    content = content_of(bench.checkpoint.parent / 'epoch_2.pth')
    content['state_dict']['head.final_layer.weight'][0, 0] = float('nan')
    torch.save(content, path)


def trap(bench: Bench, path: Path) -> None:
    content = content_of(bench.checkpoint.parent / 'epoch_2.pth')
    torch.save(content | dict(trap=Trap(bench.folder / 'code_has_run')), path)


def truncated(share: float) -> Callable[[Bench, Path], None]:
    def make(bench: Bench, path: Path) -> None:
        whole = bench.checkpoint.read_bytes()
        path.write_bytes(whole[: int(share * len(whole))])

    return make


def flipped(bench: Bench, path: Path) -> None:
    content = bytearray(bench.checkpoint.read_bytes())
    content[: len(content) // 4] = bytes(len(content) // 4)
    path.write_bytes(content)


def saved(content: object) -> Callable[[Bench, Path], None]:
    return lambda bench, path: torch.save(content, path)


def trap_in_config(bench: Bench) -> list:
    """mmengine would unpickle what the ``init_cfg`` of a head names."""
    trap(bench, bench.folder / 'bad.pth')
    path = bench.folder / 'own.py'
    path.write_text(
        f"_base_ = ['{bench.config}']\n"
        f"model = dict(head=dict(init_cfg=dict(type='Pretrained', checkpoint='{bench.folder / 'bad.pth'}')))\n"
    )
    return bench.train(config=path)


_PICKLED = 'holds pickled objects beside weights and is not opened for safety'
CASES = [
    tested('not there', lambda bench, path: None, 'no such checkpoint'),
    tested('empty', lambda bench, path: path.touch(), 'cannot be read as a checkpoint'),
    tested('a folder', lambda bench, path: path.mkdir(), 'is a folder'),
    tested('a text file', lambda bench, path: path.write_text('weights'), 'is not a checkpoint'),
    tested('truncated at the start', truncated(0.01), 'cannot be read as a checkpoint'),
    tested('truncated in the middle', truncated(0.5), 'cannot be read as a checkpoint'),
    tested('truncated at the end', truncated(0.9999), 'cannot be read as a checkpoint'),
    tested('overwritten with zeros', flipped, 'cannot be read as a checkpoint'),
    tested('a truncated safetensors file', lambda bench, path: path.write_bytes(b'\x10\0\0\0\0\0\0\0{'),
           'cannot be read as a checkpoint', '.safetensors'),
    tested('no weights in it', saved(dict(meta=dict(epoch=3))), 'holds no state_dict'),
    tested('a list', saved([1, 2, 3]), 'holds no state_dict'),
    tested('of another architecture', saved(dict(state_dict={'layer.weight': torch.ones(3)})), 'another model'),
    tested('of 38 keypoints', of_another_width, 'head.final_layer.weight is (38, 16, 1, 1), expected (40'),
    tested('NaN among the weights', with_nan, 'head.final_layer.weight hold NaN or infinity'),
    tested('weights without values', saved(dict(state_dict={'a': torch.ones(3, device='meta')})),
           'holds no state_dict'),
    tested('a pickle that runs code', trap, _PICKLED),
    tested('an old pickle that runs code', lambda bench, path: path.write_bytes(
           pickle.dumps(Trap(bench.folder / 'code_has_run'), protocol=2)), _PICKLED),
    trained('a pickle that runs code', trap, _PICKLED, '--load-from'),
    trained('a pickle that runs code', trap, _PICKLED, '--resume'),
    trained('a pickle that runs code', trap, _PICKLED, '--cfg-options', 'load_from='),
    Case(AREA, "a pickle that runs code, a head's init_cfg", trap_in_config, _PICKLED),
    trained('NaN among the weights', with_nan, 'hold NaN or infinity', '--load-from'),
    trained('NaN among the weights', with_nan, 'hold NaN or infinity', '--resume'),
    trained('weights alone', of_another_width, 'holds no optimizer state', '--resume'),
    trained('truncated', truncated(0.5), 'cannot be read as a checkpoint', '--resume'),
]  # fmt: skip
