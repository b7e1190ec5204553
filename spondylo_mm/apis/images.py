"""What the user means by ``--images``: files, folders and globs, each image with a name that is unique in the
output."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from ..datasets.dicom import is_dicom
from ..datasets.radiograph import RADIOGRAPH_SUFFIXES
from ..errors import InputError

_DICOM_INDEX = 'DICOMDIR'  # a disc's table of contents, DICOM without an image


def find_images(patterns: Sequence[str | Path], exclude: Path | None = None) -> dict[str, Path]:
    """Resolve files, folders (searched recursively) and globs to ``{name: path}``, sorted by name.

    A name is the path below the deepest folder that all images share, with ``/`` between its parts: short, unique and
    without the user's own folders.

    Args:
        patterns: what to look for; hidden files are left out of folders.
        exclude: a folder whose content is none of it, as the overlays of an earlier run.

    Raises:
        InputError: no pattern, one that is no path, or one that matches no image.
    """
    remedy = f'give files, folders or globs of {", ".join(RADIOGRAPH_SUFFIXES)} or DICOM of any name'
    if not len(patterns):
        raise InputError(f'no images: {remedy}')
    paths: set[Path] = set()
    for pattern in patterns:
        if not isinstance(pattern, (str, Path)):
            raise InputError(f'images: a {type(pattern).__name__} is no path: {remedy}')
        found = [path for path in _matches(str(pattern)) if exclude is None or exclude.resolve() not in path.parents]
        if not found:
            raise InputError(f'--images {pattern}: matches no image: {remedy}')
        paths.update(found)
    shared = Path(os.path.commonpath([path.parent for path in paths]))
    return {_text(path.relative_to(shared)): path for path in sorted(paths)}


def _text(path: Path) -> str:
    """A name that can be written as UTF-8: bytes of it that are none are shown as ``\\udcff``."""
    return path.as_posix().encode(errors='backslashreplace').decode()


def _only_name(path: Path) -> Path:
    """The one path of a file, however the user got there: ``Test/../Test/a.jpg`` is ``Test/a.jpg``. A link to a file
    keeps its own name."""
    return path.parent.resolve() / path.name


def _matches(pattern: str) -> list[Path]:
    path = Path(pattern)
    if path.is_dir():
        return [
            _only_name(file)
            for file in path.rglob('*')
            if file.name[0] != '.' and file.is_file() and _is_radiograph(file)
        ]
    if path.is_file():
        return [_only_name(path)]  # whatever its suffix: the user named it
    return [_only_name(Path(name)) for name in glob.glob(pattern, recursive=True) if Path(name).is_file()]


def _is_radiograph(file: Path) -> bool:
    """By its suffix, or, as hospitals' discs have DICOM files without one, by its first bytes."""
    if file.suffix.lower() in RADIOGRAPH_SUFFIXES:
        return True
    try:
        return file.name != _DICOM_INDEX and is_dicom(file)
    except OSError:  # of no suffix of ours and not readable: whatever it is, nobody asked for it
        return False
