"""Testing: predictions of a split or of any images, their files, and the metrics where there is truth."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from mmengine.evaluator import Evaluator
from mmpose.structures import PoseDataSample
from torch.utils.data import Dataset

from ..anatomy import CORNERS, NUM_CORNERS, NUM_SLOTS
from ..atomic import atomic_path, make_output_folder
from ..datasets.anchors import level_names
from ..datasets.dicom import dicom_identifiers
from ..errors import InputError
from ..visualization.reliability import draw_reliability
from .coco_export import COCO, write_coco
from .data_hashes import data_hashes, sha256_of
from .images import find_images
from .inferencer import SpineInferencer, record_of
from .kept_on_disk import KeptOnDisk
from .predictions import (
    PREDICTIONS,
    check_pictures_folder,
    is_picture_of_ours,
    overlay_names,
    write_overlay,
    write_predictions,
)
from .report import MAX_REPORTED, REPORT, write_report

METRICS = 'metrics.json'
RELIABILITY_PLOT = 'reliability.png'


@dataclass
class TestResult:
    """What a test run made.

    Attributes:
        folder: where it lies.
        predictions: path of ``predictions.json``.
        num_images: images predicted.
        metrics: the metrics, ``None`` where nothing was labelled.
        metrics_file: path of ``metrics.json``, likewise.
        report: path of ``report.html``, where one was written.
        reliability_plot: path of ``reliability.png``, where standard deviations could be compared with errors.
        failures: one line per image that could not be read, and per picture that is missing because a film could no
            longer be.
    """

    __test__ = False  # the name is a domain word, not a pytest class

    folder: Path
    predictions: Path
    num_images: int
    metrics: dict[str, float] | None = None
    metrics_file: Path | None = None
    report: Path | None = None
    reliability_plot: Path | None = None
    failures: list[str] = field(default_factory=list)


def test(
    inferencer: SpineInferencer,
    folder: Path,
    *,
    split: str | None = None,
    images: Sequence[str] = (),
    keep_ids: bool = False,
    report: bool | None = None,
    coco: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> TestResult:
    """Predict images, or else a split, and write predictions, summary, overlays, a report and, where there is truth,
    metrics and (with Monte-Carlo dropout) the reliability plot.

    Args:
        folder: where to; results of an earlier run are removed as soon as there are new predictions.
        split: ``val`` or ``test``.
        images: files, folders and globs.
        keep_ids: copy what names patient and examination from DICOM headers into ``predictions.json``, under ``ids``.
        report: whether to write ``report.html``; None: unless there are more than ``MAX_REPORTED`` images.
        coco: also write the predictions as a COCO keypoint file, ``coco.json``.
        progress: called with the images done and all images.

    Raises:
        InputError: no image could be read, or none was found; files that are no results of an earlier run would be
            replaced.
    """
    _check_output_folder(folder)
    if images:
        dataset = inferencer.dataset_of_images(find_images(images, exclude=folder / 'overlays'))
    else:
        dataset = inferencer.dataset_of_split(split)
    annotations = None if images else sha256_of(dataset.ann_file)
    make_output_folder(folder)

    failures: list[str] = []
    films: dict[str, str] = {}
    hashes: dict[str, str] = {}
    scores = None if images or not _is_labelled(dataset) else _Scores(inferencer, folder / METRICS)
    with KeptOnDisk(folder / PREDICTIONS) as records, KeptOnDisk(folder / PREDICTIONS) as truths:
        for sample in inferencer.predict(dataset, on_error=lambda error: failures.append(str(error))):
            name = sample.file_name
            try:
                digest = sha256_of(sample.img_path)
                ids = dict(ids=dicom_identifiers(Path(sample.img_path))) if keep_ids else {}
            except InputError as error:  # gone since it was read
                failures.append(str(error))
                continue
            films[name], hashes[name] = sample.img_path, digest
            records.add(name, record_of(sample) | ids)
            if truth := truth_of(sample):
                truths.add(name, truth)
            if scores:
                scores.add(sample)
            if progress:
                progress(len(films) + len(failures), len(dataset))
        if not films:
            raise InputError(f'none of {len(dataset)} images could be read; first: {failures[0]}')

        about = inferencer.description | data_hashes(hashes, annotations)
        earlier = [path for path in _earlier_results(folder) if path.parent == folder or is_picture_of_ours(path)]
        predictions = write_predictions(folder, records, about, replacing=earlier)
        result = TestResult(folder, predictions, len(films), failures=failures)
        for name, overlay_name in overlay_names(films).items():
            try:
                write_overlay(folder / 'overlays' / overlay_name, films[name], records[name], truths.get(name, []))
            except InputError as error:
                failures.append(f'{error} (predicted, but without an overlay)')
        if coco:
            write_coco(folder / COCO, records, about, dataset.anchor)
        if report or (report is None and len(films) <= MAX_REPORTED):
            result.report = folder / REPORT
            write_report(
                result.report,
                records,
                films,
                about,
                on_error=lambda error: failures.append(f'{error} (predicted, but black in the report)'),
            )
        if truths:
            result.metrics_file = folder / METRICS
            result.metrics = scores.evaluate(about)
            uncertainty = json.loads(result.metrics_file.read_text()).get('uncertainty')
            if uncertainty and uncertainty['reliability']:
                result.reliability_plot = _plot_reliability(folder / RELIABILITY_PLOT, uncertainty)
    return result


def _is_labelled(dataset: Dataset) -> bool:
    """Whether any of its images is."""
    return any(dataset.get_data_info(index)['keypoints_visible'].any() for index in range(len(dataset)))


def _check_output_folder(folder: Path) -> None:
    """Refuse to replace what is not of an earlier run: without predictions, which are written first, there was none.

    Raises:
        InputError: something is not.
    """
    check_pictures_folder(folder / 'overlays')
    if (folder / PREDICTIONS).is_file():
        return
    for path in _earlier_results(folder):
        if path.parent == folder and path.exists():
            raise InputError(
                f'{path}: is of no earlier run, as no {PREDICTIONS} lies beside it, and would be replaced: move it '
                'elsewhere, or choose another output folder'
            )


def _earlier_results(folder: Path) -> list[Path]:
    """Metrics or pictures of an earlier run beside new predictions would be taken for theirs."""
    files = [folder / name for name in (METRICS, RELIABILITY_PLOT, REPORT, COCO)]
    return [*files, *(folder / 'overlays').glob('*.png')]


def truth_of(sample: PoseDataSample) -> list[dict]:
    """The labelled vertebrae of a sample in the form of a prediction's, to be drawn beside them; a corner that is not
    labelled is NaN, and there are none where nothing is labelled."""
    corners = np.asarray(sample.gt_instances.keypoints[0], dtype=float).reshape(NUM_SLOTS, NUM_CORNERS, 2)
    labelled = np.asarray(sample.gt_instances.keypoints_visible[0]).reshape(NUM_SLOTS, NUM_CORNERS) > 0
    corners = np.where(labelled[..., None], corners, np.nan)
    levels = level_names(sample.anchor)
    return [
        dict(
            slot=slot,
            level=levels[slot],
            corners={name: dict(x=x, y=y) for name, (x, y) in zip(CORNERS, corners[slot].tolist(), strict=True)},
        )
        for slot in np.flatnonzero(labelled.any(axis=1)).tolist()
    ]


class _Scores:
    """The images of a split compared with their labels as they come; of each its errors are kept.

    Args:
        metrics_file: where the metrics go.
    """

    def __init__(self, inferencer: SpineInferencer, metrics_file: Path) -> None:
        self._evaluator = Evaluator({**inferencer.config.test_evaluator, 'metrics_file': str(metrics_file)})
        self._count = 0

    def add(self, sample: PoseDataSample) -> None:
        self._evaluator.process([sample])
        self._count += 1

    def evaluate(self, about: dict) -> dict[str, float]:
        """``about``: of which model and data the metrics are."""
        for metric in self._evaluator.metrics:
            metric.about = about
        return self._evaluator.evaluate(self._count)


def _plot_reliability(path: Path, uncertainty: dict) -> Path:
    with atomic_path(path) as part:
        draw_reliability(uncertainty).savefig(part, dpi=130)
    return path
