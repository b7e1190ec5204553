"""Looking at predictions: the worst images first, each with its truth, and what its heatmaps show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmpose.structures import PoseDataSample
from torch.utils.data import Dataset

from ..anatomy import NUM_CORNERS, NUM_SLOTS
from ..atomic import make_output_folder, write_text
from ..codecs.presence import PRESENCE_THRESHOLD, levels_are_known
from ..datasets.anchors import slot_names
from ..datasets.radiograph import read_radiograph
from ..datasets.transforms.geometry import stretch_matrix
from ..errors import InputError
from ..escaping import csv_text
from ..evaluation.functional.image_score import ImageScore
from ..evaluation.functional.radial_errors import REFERENCE_SIZE
from ..evaluation.metrics.spondylo_metric import SpondyloMetric
from ..visualization.comparison import draw_comparison
from ..visualization.heatmaps import draw_heatmaps
from ..visualization.overlay import vertebra_name
from .images import find_images
from .inferencer import SpineInferencer, taught_corners
from .predictions import check_pictures_folder, image_record, is_picture_of_ours, overlay_names, write_png
from .testing import truth_of

RANKING = 'ranking.csv'
PICTURES = 'pictures'
WORST = 20  # images drawn unless told otherwise
_COLUMNS = ('rank', 'file_name', 'MRE', 'matched_MRE', 'worst_level', 'worst_level_MRE')


@dataclass(frozen=True)
class RankedImage:
    """An image and how wrong its prediction is.

    Attributes:
        sample: the prediction, and the labels where there are any.
        mre, matched_mre: px@512; NaN where nothing is labelled.
        worst_level: the level (or slot) of the largest mean error; None where nothing is labelled.
        worst_level_mre: its strict error, px@512.
    """

    sample: PoseDataSample
    mre: float
    matched_mre: float
    worst_level: str | None
    worst_level_mre: float


def visualize(
    inferencer: SpineInferencer,
    folder: Path,
    *,
    split: str | None = None,
    images: Sequence[str] = (),
    worst: int | None = None,
    heatmaps: bool = False,
    on_error: Callable[[InputError], None],
) -> list[RankedImage]:
    """Predict images, or else a split, and draw those of the largest strict MRE, or all where nothing is labelled.

    Args:
        folder: gets ``ranking.csv`` (all images, where they are labelled) and ``pictures/``, whose file names begin
            with the rank; those of an earlier call are removed.
        split: ``train``, ``val`` or ``test``; augmentation is never applied.
        images: files, folders and globs.
        worst: how many to draw; None for ``WORST``.
        heatmaps: also draw a sheet of heatmaps of each.
        on_error: called for an image that cannot be read, or no longer.

    Returns:
        What was to be drawn, the worst first.

    Raises:
        InputError: no image was found or could be read; ``worst`` of images without labels; files that are not of an
            earlier call would be replaced.
    """
    _check_output_folder(folder)
    if images:
        dataset = inferencer.dataset_of_images(find_images(images, exclude=folder / PICTURES))
    else:
        dataset = inferencer.dataset_of_split(split)
    if worst is not None and not _is_labelled(dataset):
        raise InputError(f'--worst {worst}: nothing is labelled here, so nothing can be ranked: leave it out')
    pictures = make_output_folder(folder / PICTURES)

    ranking = _rank(list(inferencer.predict(dataset, on_error)))
    if not ranking:
        raise InputError(f'none of {len(dataset)} images could be read: check their files')
    for old in [folder / RANKING, *filter(is_picture_of_ours, pictures.glob('*.png'))]:
        old.unlink(missing_ok=True)  # ranks of an earlier call would mix with these
    labelled = [image for image in ranking if image.worst_level]
    if labelled:
        write_text(folder / RANKING, _ranking_csv(labelled))
    drawn = labelled[: worst or WORST] or ranking
    names = overlay_names([image.sample.file_name for image in ranking])
    ranked = {image.sample.file_name: (rank, image) for rank, image in enumerate(drawn, start=1)}
    samples = predict_heatmaps(inferencer, dataset, drawn, on_error) if heatmaps else [each.sample for each in drawn]
    for sample in samples:
        rank, image = ranked[sample.file_name]
        name = names[sample.file_name].removesuffix('.png')
        path = pictures / (f'{rank:03}_{name}.png' if labelled else f'{name}.png')
        try:
            _draw(path, image, f'#{rank} of {len(labelled)}: ' if labelled else '', sample if heatmaps else None)
        except InputError as error:  # the film has gone since it was predicted
            on_error(error)
    return drawn


def _check_output_folder(folder: Path) -> None:
    """Refuse to replace what is not of an earlier call.

    Raises:
        InputError: something is not.
    """
    check_pictures_folder(folder / PICTURES)
    path = folder / RANKING
    if path.is_file():
        header = csv_text([_COLUMNS]).strip().encode()
        with path.open('rb') as file:
            start = file.read(len(header))
        if start != header:
            raise InputError(
                f'{path}: is no ranking of an earlier run, and would be replaced: move it elsewhere, or choose another '
                'output folder'
            )


def _is_labelled(dataset: Dataset) -> bool:
    return any(dataset.get_data_info(i)['keypoints_visible'].any() for i in range(len(dataset)))


def _draw(path: Path, image: RankedImage, rank: str, with_heatmaps: PoseDataSample | None) -> None:
    film, truth, title = read_radiograph(image.sample.img_path), truth_of(image.sample), title_of(image, rank)
    write_png(path, draw_comparison(film, vertebrae_to_draw(image.sample), truth, title))
    if with_heatmaps is not None:
        maps = with_heatmaps.pred_fields.heatmaps.cpu().float().numpy()
        presence = with_heatmaps.pred_instances.presence[0]
        names = slot_names(image.sample.anchor)
        sheet = draw_heatmaps(film, maps, heatmap_to_image(with_heatmaps), presence, truth, title, names)
        write_png(path.with_name(f'{path.stem}_heatmaps.png'), sheet)


def _rank(samples: list[PoseDataSample]) -> list[RankedImage]:
    """By strict MRE, as the metric counts it; images without labels keep their order, at the end."""
    metric = SpondyloMetric()
    metric.process(None, [sample.to_dict() for sample in samples])
    ranked = [_ranked_image(sample, score) for sample, score in zip(samples, metric.results, strict=True)]
    return sorted(ranked, key=lambda image: -image.mre if image.worst_level else np.inf)


def _ranked_image(sample: PoseDataSample, score: ImageScore) -> RankedImage:
    labelled = np.isfinite(score.strict).any(axis=1)
    if not labelled.any():
        return RankedImage(sample, np.nan, np.nan, None, np.nan)
    level_errors = {slot: float(np.nanmean(score.strict[slot])) for slot in np.flatnonzero(labelled).tolist()}
    worst = max(level_errors, key=level_errors.get)
    return RankedImage(
        sample,
        float(np.nanmean(score.strict)),
        float(np.nanmean(score.matched)),
        slot_names(sample.anchor)[worst],
        level_errors[worst],
    )


def vertebrae_to_draw(sample: PoseDataSample) -> list[dict]:
    """The vertebrae judged present, and those judged absent though they are labelled: their peaks count as errors."""
    predicted, (height, width) = sample.pred_instances, sample.ori_shape
    presence = predicted.presence[0]
    visible = np.asarray(sample.gt_instances.keypoints_visible[0]).reshape(NUM_SLOTS, NUM_CORNERS)
    shown = np.where((visible > 0).any(axis=1), 1.0, presence)
    record = image_record(
        predicted.keypoints[0],
        predicted.keypoint_scores[0],
        shown,
        (width, height),
        anchor=sample.anchor,
        taught=taught_corners(sample),
        levels_known=levels_are_known(predicted),
    )
    return [vertebra | dict(presence=float(presence[vertebra['slot']])) for vertebra in record['vertebrae']]


def title_of(image: RankedImage, rank: str) -> list[str]:
    """Lines above a picture: the file, how wrong it is, and the labelled levels that the model judges absent."""
    lines = [rank + Path(image.sample.file_name).name]
    if image.worst_level:
        lines.append(
            f'MRE {image.mre:.1f} px@{REFERENCE_SIZE:.0f} (matched {image.matched_mre:.1f}), '
            f'worst level {image.worst_level} {image.worst_level_mre:.1f}'
        )
    presence = image.sample.pred_instances.presence[0]
    absent = [
        vertebra_name(vertebra)
        for vertebra in truth_of(image.sample)
        if presence[vertebra['slot']] < PRESENCE_THRESHOLD
    ]
    return [*lines, f'judged absent: {", ".join(absent)}'] if absent else lines


def predict_heatmaps(
    inferencer: SpineInferencer, dataset: Dataset, drawn: list[RankedImage], on_error: Callable[[InputError], None]
) -> Iterator[PoseDataSample]:
    """Predict again, now with heatmaps: those of a whole split would not fit into memory. What can no longer be read is
    reported and left out."""
    index = {dataset.get_data_info(i)['file_name']: i for i in range(len(dataset))}
    chosen = [index[image.sample.file_name] for image in drawn]
    inferencer.model.test_cfg.output_heatmaps = True
    try:
        yield from inferencer.predict(dataset, on_error, indices=chosen)
    finally:
        inferencer.model.test_cfg.output_heatmaps = False


def heatmap_to_image(sample: PoseDataSample) -> np.ndarray:
    """The (3, 3) map from heatmap pixels to image pixels: the codec's to the input, MMPose's from there."""
    height, width = sample.pred_fields.heatmaps.shape[1:]
    input_size = np.array(sample.input_size)
    scale = np.asarray(sample.input_scale) / input_size
    offset = np.asarray(sample.input_center) - np.asarray(sample.input_scale) / 2
    to_image = np.array([[scale[0], 0, offset[0]], [0, scale[1], offset[1]], [0, 0, 1]])
    return to_image @ stretch_matrix((width, height), tuple(input_size))


def _ranking_csv(ranking: list[RankedImage]) -> str:
    rows = [_COLUMNS]
    for rank, image in enumerate(ranking, start=1):
        errors = [round(value, 3) for value in (image.mre, image.matched_mre, image.worst_level_mre)]
        rows.append([rank, image.sample.file_name, errors[0], errors[1], image.worst_level, errors[2]])
    return csv_text(rows)
