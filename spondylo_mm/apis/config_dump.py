"""The config that mmengine wrote down at the start of a run, read as data: a work dir may be a stranger's, and a config
is a program."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from ..errors import InputError

_LONGEST_NUMBER = 64  # bits; Python cannot print much longer ones


def read_config_dump(path: Path) -> dict[str, Any]:
    """The names that a dump assigns and their values: constants, lists, tuples, dicts and ``dict(…)``. Nothing is run.

    Raises:
        InputError: it cannot be read, or holds anything else.
    """
    try:
        if not path.is_file():  # a pipe would be waited for
            raise ValueError('no file')
        module = ast.parse(path.read_text(encoding='utf-8'))
        return dict(_assigned(statement) for statement in module.body)
    except (OSError, SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise InputError(
            f'{path}: cannot be read as a config that mmengine wrote ({type(error).__name__}): restore it'
        ) from None


def _assigned(statement: ast.stmt) -> tuple[str, Any]:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id, _value(statement.value)
    raise ValueError('no assignment of one name')


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant) and not (type(node.value) is int and node.value.bit_length() > _LONGEST_NUMBER):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        return -_value(node.operand)
    if isinstance(node, ast.List):
        return [_value(item) for item in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(_value(item) for item in node.elts)
    if isinstance(node, ast.Dict) and None not in node.keys:
        return {_value(key): _value(value) for key, value in zip(node.keys, node.values, strict=True)}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict':
        # dict({'a-b': 1}) is how mmengine writes keys that are no names
        (positional,) = node.args if node.args else [ast.Dict([], [])]
        keywords = {keyword.arg: _value(keyword.value) for keyword in node.keywords}
        if isinstance(positional, ast.Dict) and None not in keywords:
            return _value(positional) | keywords
    raise ValueError('no plain value')
