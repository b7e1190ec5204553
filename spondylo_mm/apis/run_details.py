"""What the table of runs has no room for: where each run comes from, and in what the runs differ."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import InputError
from .run_table import UNKNOWN, ranked
from .runs import Run

_ABSENT = 'not set'
_LONGEST = 100  # characters of a value
_Groups = dict[str, list[str]]  # a value, and the runs that have it


def format_details(runs: Sequence[Run], on_error: Callable[[InputError], None]) -> str:
    """A block per run, then the versions and the config keys in which they differ.

    Args:
        on_error: called for a config that cannot be read; it is not compared.
    """
    runs = ranked(runs)
    blocks = [_describe(run) for run in runs]
    versions, configs = {}, {}
    for run in runs:
        versions[run.name] = run.recorded('versions')
        try:
            configs[run.name] = run.config()
        except InputError as error:
            on_error(error)
    for what, of_runs in (('versions', versions), ('config', configs)):
        known = {name: values for name, values in of_runs.items() if values}
        if len(known) > 1:
            blocks.append(_format_differences(what, differing_keys(known)))
    return '\n\n'.join(blocks)


def differing_keys(values: Mapping[str, Mapping]) -> dict[tuple[str, ...], _Groups]:
    """The keys that differ between nested dicts, one per run.

    Dicts are compared key by key, lists of dicts of equal length item by item. Dicts of another ``type`` are compared
    in the keys that all of them have: the others follow from the type. Keys of one name that differ in the same way
    (configs repeat their codec in several places) are one entry.

    Returns:
        ``{(shortest key, further keys that differ alike, …): {value: [runs]}}``.
    """
    found: dict[str, _Groups] = {}
    _compare('', values, found)
    merged: dict[tuple, tuple[list[str], _Groups]] = {}
    for key, groups in found.items():
        same = (key.rpartition('.')[2], tuple((value, *names) for value, names in groups.items()))
        merged.setdefault(same, ([], groups))[0].append(key)
    return {tuple(sorted(keys, key=len)): groups for keys, groups in merged.values()}


def _compare(key: str, values: Mapping[str, Any], found: dict[str, _Groups]) -> None:
    first = next(iter(values.values()))
    if all(value == first for value in values.values()):
        return
    nodes = {run: _children(value) for run, value in values.items()}
    children = _comparable_children(list(nodes.values()))
    if not children:
        groups = found.setdefault(key, {})
        for run, value in values.items():
            groups.setdefault(_text(value), []).append(run)
    for child in children:
        inner = {run: node.get(child, _ABSENT) for run, node in nodes.items()}
        _compare(f'{key}.{child}' if key else child, inner, found)


def _children(value: Any) -> dict[str, Any]:
    """The items by name of a dict or of a list of dicts; anything else, as ``(512, 512)``, is one value."""
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, dict) for item in value):
        value = dict(enumerate(value))
    return {str(name): item for name, item in value.items()} if isinstance(value, dict) else {}


def _comparable_children(nodes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the items to compare; none where the nodes are to be compared as a whole."""
    every = dict.fromkeys(name for node in nodes for name in node)
    shared = [name for name in every if all(name in node for node in nodes)]
    if len({str(node.get('type')) for node in nodes}) > 1:
        return shared
    if all(name.isdecimal() for name in every) and len(shared) < len(every):  # lists of unequal length
        return []
    return list(every) if all(nodes) else []


def _text(value: Any) -> str:
    """A value as it is shown; of a list of dicts, as a pipeline, the type of each."""
    if isinstance(value, (list, tuple)) and _children(value):
        return '[' + ', '.join(str(item.get('type', item)) for item in value) + ']'
    return value if value is _ABSENT else repr(value)


def _describe(run: Run) -> str:
    versions = run.recorded('versions') or {}
    data = [run.recorded('data', key) for key in ('root', 'train_images', 'val_images', 'sha256')]
    data[0] = ' and '.join(run.recorded('data', 'train_roots') or [str(data[0])])
    best = run.lowest('loss')
    _, rates = run.training_series('lr')
    rows = {
        'config': run.recorded('config'),
        'command': ' '.join(run.recorded('command') or []),
        'started': run.recorded('started'),
        'device': _device(run),
        'data': '{}, {} + {} images, sha256 {}'.format(*data) if data[3] else None,
        'git': _commit(run),
        'versions': ', '.join(f'{name} {version}' for name, version in versions.items()),
        'best loss': f'{run.validation[best]["loss"]:.4g} (validation, epoch {best})' if best else None,
        'last LR': f'{rates[-1]:.3g}' if rates else None,
    }
    lines = [f'    {name:<10} {value or UNKNOWN}' for name, value in rows.items()]
    return '\n'.join([f'{run.name}  ({run.folder})', *lines])


def _commit(run: Run) -> str | None:
    commit = run.recorded('git', 'commit')
    return f'{commit}, with modified files' if commit and run.recorded('git', 'modified') else commit


def _device(run: Run) -> str | None:
    device, processes = run.recorded('device'), run.recorded('processes') or 1
    return device if device is None or processes == 1 else f'{processes} x {device}'


def _format_differences(what: str, differences: Mapping[tuple[str, ...], _Groups]) -> str:
    lines = [f'differences in {what}' if differences else f'no differences in {what}']
    for keys, groups in differences.items():
        lines.append(f'    {keys[0]}' + (f' (and {len(keys) - 1} more of that name)' if keys[1:] else ''))
        shown = [(textwrap.shorten(value, _LONGEST, placeholder=' …'), names) for value, names in groups.items()]
        width = max(len(value) for value, _ in shown)
        lines += [f'        {value:<{width}}  {", ".join(names)}' for value, names in shown]
    return '\n'.join(lines)
