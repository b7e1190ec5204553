"""Phantoms in the layout of BUU-LSPINE: lateral radiographs in their true aspect, a CSV of endplates beside each.

As in the real ones L1 to S1 are labelled on every image, and nothing above. There are no AP views.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..anatomy import LEVELS
from ..atomic import write_text
from ..clinical.meyerding import meyerding_grade
from ..datasets.formats.buu import DIAGNOSES, LISTED_LEVELS, SUFFIX
from .geometry import SLIP_PROBABILITY, SlipRates
from .plan import ImageSpec, plan
from .radiograph import make_radiograph
from .writer import check, write_images, write_jpeg

FOLDER = 'LA'
_LEAST_VISIBLE = LEVELS.index('L1') + 1


def write_buu_dataset(
    out: str | Path,
    count: int,
    seed: int = 0,
    size: int = 640,
    slips: float = SLIP_PROBABILITY,
    processes: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> dict:
    """Write ``count`` radiographs of as many patients; ``tools/prepare_data.py`` splits them.

    Args:
        size: As of the squashed images of ``write_dataset``: these here are as the blind ones there.
        Others as in ``write_dataset``.

    Returns:
        The content of ``truth.json``.

    Raises:
        InputError: a value out of range, or a folder that is not empty.
    """
    out = Path(out).resolve()
    counts = dict(train=0, val=0, test=count)  # unlabelled and in their true aspect; the label is added here
    check(out, counts, seed, size, 'mixed', slips, processes)
    specs = [replace(spec, path=f'{FOLDER}/{spec.stem}.jpg') for spec in plan(counts, seed, 'mixed')]
    write_image = partial(write_buu_image, rates=SlipRates.with_antero(slips))
    return write_images(out, specs, seed, size, processes, write_image, progress)


def write_buu_image(spec: ImageSpec, root: Path, seed: int, size: int, rates: SlipRates) -> dict:
    """Draw and write one image and its label, and return its entry of ``truth.json``."""
    radiograph = make_radiograph(spec, seed, size, rates, _LEAST_VISIBLE)
    vertebrae = [v | dict(labelled=v['level'] in LISTED_LEVELS) for v in radiograph.truth['vertebrae']]
    truth = radiograph.truth | dict(split=None, label_format='buu', vertebrae=vertebrae)
    write_jpeg(root / spec.path, radiograph.pixels)
    write_text((root / spec.path).with_suffix(SUFFIX), label_csv(truth))
    return truth


def label_csv(truth: dict) -> str:
    """The label of an image: both endplates of L1 to L5 and the superior one of S1.

    A slipped vertebra has its diagnosis in both of its rows. Which of them the real files use is not known to us.
    """
    corners = {vertebra['level']: vertebra['corners'] for vertebra in truth['vertebrae']}
    percent = {slip['upper']: slip['percent'] for slip in truth['slips']}
    rows = []
    for level in LISTED_LEVELS:
        slip = percent.get(level, 0.0)
        word = 'normal' if not meyerding_grade(slip) else 'anterolisthesis' if slip > 0 else 'retrolisthesis'
        for left, right in (('TL', 'TR'), ('BL', 'BR')) if level != LISTED_LEVELS[-1] else (('TL', 'TR'),):
            ends = [*corners[level][left], *corners[level][right]]
            rows.append(','.join([*(f'{value:.4f}' for value in ends), str(DIAGNOSES.index(word))]))
    return '\n'.join(rows) + '\n'
