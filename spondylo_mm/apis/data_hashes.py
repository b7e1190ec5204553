"""Which data a result is of: hashes by which two results can be told to be of the same radiographs and labels."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path


def data_hashes(images: Mapping[str, str | Path], annotations: Path | None) -> dict[str, str]:
    """
    Args:
        images: ``{name: path}`` of what was predicted, in any order.
        annotations: where a split was predicted, its annotation file.

    Returns:
        ``images_sha256``, the SHA-256 of the list that ``sha256sum`` makes of the images, sorted by name; and
        ``annotations_sha256``, that of the annotation file.
    """
    listed = hashlib.sha256()
    for name in sorted(images):
        listed.update(f'{_sha256(images[name])}  {name}\n'.encode())
    hashes = dict(images_sha256=listed.hexdigest())
    return hashes | (dict(annotations_sha256=_sha256(annotations)) if annotations else {})


def _sha256(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
