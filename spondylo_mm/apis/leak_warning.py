"""Radiographs of evaluated patients among those trained on: in one folder ``tools/prepare_data.py`` refuses them, but
nobody has yet compared folders that a config joins."""

from __future__ import annotations

from collections.abc import Iterable

from ..datasets.leaks import Identity, find_leaks
from ..datasets.spondylo_dataset import SpondyloDataset


def leak_warning(trained: Iterable[SpondyloDataset], evaluated: Iterable[SpondyloDataset]) -> str | None:
    """One line, if an original radiograph or a patient, as their names have it, is in both; else None.

    It refuses nothing: two folders may number other patients alike, phantoms above all.
    """
    named = [*_named('train', trained), *_named('val', evaluated)]
    leaks = find_leaks([identity for _, identity in named])
    if not leaks:
        return None
    first = leaks[0]
    return (
        f'{named[first.drop][0]}: is trained on, and {first.why} is evaluated too, {named[first.keep][0]}; '
        f'{len(leaks)} in all: leave them out, or metrics are too good (unless other patients have the same number)'
    )


def _named(split: str, datasets: Iterable[SpondyloDataset]) -> list[tuple[str, Identity]]:
    """Each image of the annotation files, and what is known of it; a foreign file may know nothing."""
    found = []
    for dataset in datasets:
        for image in dataset.read_annotation_file()['images']:
            name = f'{dataset.data_root}/{image["file_name"]}'
            found.append((name, Identity(split, True, image.get('patient', name), image.get('source', name), name)))
    return found
