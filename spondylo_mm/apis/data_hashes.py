"""Which data a result is of: hashes by which two results can be told to be of the same radiographs and labels."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from ..errors import InputError


def data_hashes(images: Mapping[str, str], annotations: str | None) -> dict[str, str]:
    """
    Args:
        images: ``{name: SHA-256}`` of what was predicted, in any order.
        annotations: where a split was predicted, that of its annotation file.

    Returns:
        ``images_sha256``, the SHA-256 of the list that ``sha256sum`` makes of the images, sorted by name; and
        ``annotations_sha256``, that of the annotation file.
    """
    listed = hashlib.sha256()
    for name in sorted(images):
        listed.update(f'{images[name]}  {name}\n'.encode())
    hashes = dict(images_sha256=listed.hexdigest())
    return hashes | (dict(annotations_sha256=annotations) if annotations else {})


def sha256_of(path: str | Path) -> str:
    """Of a file, while it is read for something else: later it may have gone.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f'{path}: {error.strerror}: leave the file in its place until the end') from error
