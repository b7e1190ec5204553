"""JSON of more than should be in memory at a time, as pieces of text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping


def json_pieces(content: object, indent: int | None = None, separators: tuple[str, str] | None = None) -> Iterator[str]:
    """What ``json.dumps`` makes of ``content``, strictly: NaN is an error.

    Mappings of any kind become objects, and iterators lists; what is in them is taken one after the other and not kept.

    Args:
        indent, separators: as in ``json.dumps``.

    Raises:
        ValueError: a number that JSON does not have.

    Example:
        >>> ''.join(json_pieces(dict(images=iter([1, 2]))))
        '{"images": [1, 2]}'
    """
    separators = separators or (', ' if indent is None else ',', ': ')
    encoder = json.JSONEncoder(indent=indent, separators=separators, allow_nan=False)
    yield from _pieces(content, encoder, '' if indent is None else '\n')


def _pieces(content: object, encoder: json.JSONEncoder, line: str) -> Iterator[str]:
    """``line`` is a line break and the indentation of what ``content`` stands in; nothing where all is on one line."""
    if isinstance(content, Mapping):
        opening, closing = '{}'
        items = ((_key(key, encoder) + encoder.key_separator, value) for key, value in content.items())
    elif isinstance(content, Iterator):
        opening, closing = '[]'
        items = (('', value) for value in content)
    else:
        yield encoder.encode(content).replace('\n', line)  # a line break in a string is written \n
        return
    inner = line and line + ' ' * encoder.indent
    is_empty = True
    for key, value in items:
        yield (opening if is_empty else encoder.item_separator) + inner + key
        yield from _pieces(value, encoder, inner)
        is_empty = False
    yield opening + closing if is_empty else line + closing


def _key(key: object, encoder: json.JSONEncoder) -> str:
    return encoder.encode(key if isinstance(key, str) else encoder.encode(key))  # a number as text
