"""Inputs for the closer looks at many images, and what these found taken over; see ``coarse_to_fine``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mmpose.structures import PoseDataSample

from ..datasets.spondylo_dataset import SpondyloDataset
from .coarse_to_fine import closeup_regions, refine, refine_one, spine_region


def spine_inputs(
    samples: Sequence[PoseDataSample], indices: Sequence[int], dataset: SpondyloDataset
) -> dict[int, dict]:
    """Inputs for a second pass on the part of each image that shows the spine, by number of the sample; without those
    that have none.

    Args:
        indices: of the samples in the dataset.
    """
    inputs = {}
    for number, sample in enumerate(samples):
        if (region := spine_region(sample)) is not None:
            (inputs[number],) = dataset.regions(indices[number], [region])
    return inputs


def closeup_inputs(
    samples: Sequence[PoseDataSample], indices: Sequence[int], dataset: SpondyloDataset
) -> dict[tuple[int, int], dict]:
    """Inputs for a third pass on the surroundings of each vertebra, by number of the sample and slot; arguments as of
    :func:`spine_inputs`."""
    inputs = {}
    for number, sample in enumerate(samples):
        if regions := closeup_regions(sample):
            parts = dataset.regions(indices[number], regions.values())
            inputs |= {(number, slot): part for slot, part in zip(regions, parts, strict=True)}
    return inputs


def refine_spines(samples: Sequence[PoseDataSample], spines: Iterable[int], again: Sequence[PoseDataSample]) -> None:
    """Refine the samples of these numbers by what a second pass found, in the same order."""
    for number, sample in zip(spines, again, strict=True):
        refine(samples[number], sample)


def refine_vertebrae(
    samples: Sequence[PoseDataSample], closeups: Iterable[tuple[int, int]], again: Sequence[PoseDataSample]
) -> None:
    """Refine single vertebrae, by number of the sample and slot, by what their closeups found, in the same order."""
    for (number, slot), sample in zip(closeups, again, strict=True):
        refine_one(samples[number], slot, sample)
