"""Files that are either whole or not there: written under a temporary name and renamed."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from .errors import InputError
from .json_pieces import json_pieces


def make_output_folder(path: str | Path) -> Path:
    """Make the folder for results before they are computed: one that cannot be written to is found out now.

    Raises:
        InputError: it cannot be made.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'{path}: {error.strerror}: choose an output folder that can be written to') from error
    return path


@contextmanager
def alone_in(folder: str | Path) -> Iterator[None]:
    """Wait until no other process is in this context for the same folder, which is made if need be.

    The system ends the lock with the process, however that ends. Where folders cannot be locked (Windows, some network
    file systems) nobody waits.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    try:
        import fcntl

        handle = os.open(folder, os.O_RDONLY)
    except (ImportError, PermissionError):
        yield
        return
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it becomes ``path``, on any error it is removed.

    The temporary name keeps the suffix, so that image writers choose the right format.

    Example:
        >>> with atomic_path('report.txt') as part:
        ...     part.write_text('whole or not at all')
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.parent / f'.part-{uuid.uuid4().hex}{path.suffix}'
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        # of a copy that finds no room, the first name is what was copied, which is not at fault
        if error.filename is None or str(part) in (str(error.filename), str(error.filename2)):
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        part.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` as UTF-8, atomically."""
    with atomic_path(path) as part:
        part.write_text(text, encoding='utf-8')


def write_pieces(path: str | Path, pieces: Iterable[str]) -> None:
    """Write a text that comes piece by piece as UTF-8, atomically."""
    write_together({Path(path): pieces})


def write_together(texts: Mapping[Path, Iterable[str]], replacing: Iterable[Path] = ()) -> None:
    """Write files as UTF-8, each from the pieces of its text, of which none gets its name before all are on the disk;
    and remove those that they replace just before. A full disk leaves everything as it was."""
    with ExitStack() as stack:
        for path, pieces in texts.items():
            with stack.enter_context(atomic_path(path)).open('w', encoding='utf-8') as file:
                file.writelines(pieces)
        for old in replacing:
            old.unlink(missing_ok=True)


def write_json(path: str | Path, content: object, indent: int | None = None) -> None:
    """Write ``content`` as strict JSON, atomically; of iterators and mappings in it one element is taken at a time."""
    write_pieces(path, strict_json(content, indent))


def strict_json(content: object, indent: int | None = None) -> Iterator[str]:
    """A line or more of JSON, see ``json_pieces``; NaN becomes an error, not invalid JSON."""
    yield from json_pieces(content, indent)
    yield '\n'
