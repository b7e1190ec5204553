"""What is known of each of many films, kept on the disk until it is needed: ten thousand do not take more memory than
ten."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class KeptOnDisk(Mapping[str, Any]):
    """``{name: what JSON can hold}``, in the order in which it was added.

    The values lie in a nameless file that ends with the process, however that ends; in memory are the names, and where
    each value begins. What is looked up is read anew each time: to change it changes nothing here.

    Args:
        beside: the file that will be made of it. It lies on the same disk, and where that is full, this is named.

    Example:
        >>> with KeptOnDisk(folder / 'predictions.json') as records:
        ...     records.add('a.png', record)
        ...     records['a.png'] == record
        True
    """

    def __init__(self, beside: Path) -> None:
        self._beside = beside
        self._begins: dict[str, int] = {}
        with self._named():
            self._file = tempfile.TemporaryFile(dir=beside.parent)
        self._end = 0

    def add(self, name: str, value: object) -> None:
        """Keep a value; NaN, tuples and keys become what ``json`` makes of them.

        Raises:
            OSError: the disk is full.
        """
        line = json.dumps(value).encode() + b'\n'
        with self._named():
            self._file.seek(self._end)
            self._file.write(line)
            self._file.flush()
        self._begins[name] = self._end
        self._end += len(line)

    def __getitem__(self, name: str) -> Any:
        self._file.seek(self._begins[name])
        return json.loads(self._file.readline())

    def __iter__(self) -> Iterator[str]:
        return iter(self._begins)

    def __len__(self) -> int:
        return len(self._begins)

    def __enter__(self) -> KeptOnDisk:
        return self

    def __exit__(self, *_: object) -> None:
        with self._named():
            self._file.close()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            error.filename, error.filename2 = str(self._beside), None
            raise
