"""The six faults of the published pipeline, each a switch that is off unless a config turns it on.

With every switch off, each class here is the one of the package that it extends, and behaves like it. README.md beside
this file explains the faults; the recipes beside it turn all six on.

Symbols, as in the package: keypoints K, slots S, four corners per slot; image pixels; px@512.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spondylo_mm import plugin  # noqa: F401 (before mmpose: this may be the first module a loader worker imports)

# isort: split
import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import DATASETS, HOOKS, METRICS, MODELS
from torch import Tensor

from spondylo_mm.anatomy import CORNERS, EMPTY, NUM_CORNERS, NUM_KEYPOINTS, NUM_SLOTS, UNKNOWN
from spondylo_mm.apis.configs import DATALOADERS
from spondylo_mm.atomic import write_json
from spondylo_mm.codecs.presence import PRESENCE_THRESHOLD
from spondylo_mm.datasets.anchors import CAUDAL, CRANIAL
from spondylo_mm.datasets.spondylo_dataset import SpondyloDataset
from spondylo_mm.errors import InputError
from spondylo_mm.evaluation.functional.image_score import ImageScore
from spondylo_mm.evaluation.functional.radial_errors import radial_errors, reference_scale
from spondylo_mm.evaluation.metrics.spondylo_metric import SpondyloMetric
from spondylo_mm.models.grey_preprocessor import GreyDataPreprocessor
from spondylo_mm.models.heads.vertebra_heatmap_head import VertebraHeatmapHead

ORDER_READ = ('BL', 'BR', 'TL', 'TR')  # on disk in 484 of 698 label files; the published reader takes it for all
MIN_SCORE = 0.1  # share of a full peak; "low" is not quantified in what is known of the published evaluator
RADII = (6, 12, 18, 24)  # px@512


@DATASETS.register_module()
class PublishedDataset(SpondyloDataset):
    """Labels as the published pipeline reads them. What is taught is faulty; the truth that predictions are held
    against in ``test_mode`` keeps its corners and the presence of its slots.

    Added to the data info in ``test_mode``: ``published_targets`` (V, 4, 2), what the published evaluator takes for the
    truth: the vertebrae in the order in which the label file lists them, with their corners as they were read (NaN: not
    labelled).

    Args:
        numbered_from_the_top: fault 1. ``anchor='cranial'`` under a name that says what it is: the topmost *labelled*
            vertebra gets the last slot and the others follow downwards. Needed in every loader alike, since it is what
            the model's channels mean (see :class:`OneNumbering`).
        corner_orders_taken_as_one: fault 2. Every label file is read as if its corners were in ``ORDER_READ``.
        flipped_without_exchange: fault 3. A flip mirrors the corners and leaves left named left.
        empty_slots_ignored: fault 5, the half of it in training. A slot known to hold no vertebra teaches nothing.
    """

    def __init__(
        self,
        *args,
        anchor: str = CAUDAL,
        numbered_from_the_top: bool = False,
        corner_orders_taken_as_one: bool = False,
        flipped_without_exchange: bool = False,
        empty_slots_ignored: bool = False,
        **kwargs,
    ) -> None:
        self.numbered_from_the_top = numbered_from_the_top
        self.corner_orders_taken_as_one = corner_orders_taken_as_one
        self.flipped_without_exchange = flipped_without_exchange
        self.empty_slots_ignored = empty_slots_ignored
        super().__init__(*args, anchor=CRANIAL if numbered_from_the_top else anchor, **kwargs)

    def get_data_info(self, idx: int) -> dict:
        info = super().get_data_info(idx)
        if self.flipped_without_exchange:
            info['flip_indices'] = list(range(NUM_KEYPOINTS))
        return info

    def _data_info(self, image: dict, spine: dict | None = None) -> dict:
        info = super()._data_info(image, spine)
        if spine is None:
            return info
        read = np.where(info['keypoints_visible'][..., None] > 0, info['keypoints'], np.nan)
        if self.corner_orders_taken_as_one:
            read = corners_as_read(read, self._corner_order(spine))
        if self.test_mode and 'listed' in spine:
            info['published_targets'] = read.reshape(NUM_SLOTS, NUM_CORNERS, 2)[spine['listed']]
        if not self.test_mode:
            info['keypoints'] = np.nan_to_num(read)
            info['keypoints_visible'] = np.isfinite(read[..., 0]).astype(np.float32)
        if self.empty_slots_ignored and not self.test_mode:
            info['slot_presence'] = np.where(info['slot_presence'] == EMPTY, UNKNOWN, info['slot_presence'])
        return info

    def _corner_order(self, spine: dict) -> str:
        if 'corner_order' not in spine:
            raise InputError(
                f'{self.ann_file}: does not say in which order its label files list corners, which '
                'corner_orders_taken_as_one needs: run tools/prepare_data.py again'
            )
        return spine['corner_order']


def corners_as_read(keypoints: np.ndarray, corner_order: str) -> np.ndarray:
    """Keypoints (1, K, 2) of a label file whose corners are in ``corner_order``, such as ``'TL,BL,BR,TR'``, as a reader
    names them that expects ``ORDER_READ``."""
    on_disk = [CORNERS.index(corner) for corner in corner_order.split(',')]
    named = [CORNERS.index(corner) for corner in ORDER_READ]
    corners = keypoints.reshape(NUM_SLOTS, NUM_CORNERS, 2)
    read = np.empty_like(corners)
    read[:, named] = corners[:, on_disk]
    return read.reshape(keypoints.shape)


@MODELS.register_module()
class PublishedPreprocessor(GreyDataPreprocessor):
    """Grey levels as the published pipeline normalises them.

    Args:
        unequal_normalisation: fault 4. Training images in [-1, 1], all others in [0, 1], whatever ``mean`` and ``std``.
    """

    def __init__(self, mean: float, std: float, unequal_normalisation: bool = False, **kwargs) -> None:
        if unequal_normalisation:
            mean = std = 127.5  # to [-1, 1]
        super().__init__(mean, std, **kwargs)
        self.unequal_normalisation = unequal_normalisation

    def forward(self, data: dict, training: bool = False) -> dict:
        data = super().forward(data, training)
        if self.unequal_normalisation and not training:
            data['inputs'] = (data['inputs'] + 1) / 2
        return data


@MODELS.register_module()
class PublishedHead(VertebraHeatmapHead):
    """The heatmap head as the published pipeline uses it.

    Args:
        ten_in_every_image: fault 5, the half of it in prediction. Every slot's vertebra is there, each found by
            itself, and nothing learns whether it is.
    """

    def __init__(self, *args, ten_in_every_image: bool = False, **kwargs) -> None:
        ours = not ten_in_every_image
        super().__init__(*args, presence=ours, together=ours, **kwargs)
        self.ten_in_every_image = ten_in_every_image

    def decode(self, batch_outputs: Tensor) -> list:
        predictions = super().decode(batch_outputs)
        if self.ten_in_every_image:
            for prediction in predictions:
                prediction.presence = np.ones_like(prediction.presence)
        return predictions


@METRICS.register_module()
class PublishedMetric(SpondyloMetric):
    """``spondylo/…`` as ever, and beside it what the published evaluator says of the same predictions.

    Needs ``published_targets`` of :class:`PublishedDataset` in the samples' metainfo.

    Args:
        forgiving: fault 6. Adds ``published/MRE`` and ``published/SDR@{6,12,18,24}px``, see :func:`published_errors`;
            0.0 where nothing was compared. In ``metrics.json`` they are under ``published``.
    """

    def __init__(self, *args, forgiving: bool = False, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.forgiving = forgiving

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        done = len(self.results)
        super().process(data_batch, data_samples)
        if self.forgiving:
            errors = [_errors_of(sample) for sample in data_samples]
            self.results[done:] = zip(self.results[done:], errors, strict=True)

    def compute_metrics(self, results: list[ImageScore | tuple[ImageScore, np.ndarray]]) -> dict[str, float]:
        if not self.forgiving:
            return super().compute_metrics(results)
        errors = np.concatenate([errors for _, errors in results])
        shares = {f'SDR@{radius}px': np.mean(errors <= radius) if errors.size else 0.0 for radius in RADII}
        published = dict(MRE=errors.mean() if errors.size else 0.0, **shares)
        published = {f'published/{name}': float(value) for name, value in published.items()}
        metrics = super().compute_metrics([score for score, _ in results])
        if self.metrics_file:
            content = json.loads(Path(self.metrics_file).read_text(encoding='utf-8'))
            write_json(self.metrics_file, content | dict(published=published), indent=2)
        return metrics | published

    def evaluate(self, size: int) -> dict[str, float]:
        metrics = super().evaluate(size)  # which puts its prefix before every name
        return {name.replace(f'{self.prefix}/published/', 'published/'): value for name, value in metrics.items()}


def published_errors(
    predicted: np.ndarray, scores: np.ndarray, present: np.ndarray, targets: np.ndarray, size: Sequence[float]
) -> np.ndarray:
    """Errors that the published evaluator counts in one image.

    The vertebrae judged present are sorted by height, topmost first, so that their slots are forgotten, and the i-th is
    compared with the i-th that the label file lists. So a spine that is off by one level scores as if it were right.
    Files list from the top, but for 41 of 698, and nothing sorts them: there a perfect prediction scores as a whole
    spine of errors. Predicted points with a score below ``MIN_SCORE`` are left out, and so are vertebrae of either side
    beyond the number of the other's.

    Args:
        predicted: (S, 4, 2) image pixels.
        scores: (S, 4) in [0, 1].
        present: (S,) bool.
        targets: (V, 4, 2) image pixels, in the file's order; NaN where not labelled.
        size: (width, height) of the image.

    Returns:
        (N,) px@512 of the points compared.
    """
    from_the_top = np.argsort(predicted[present, :, 1].mean(axis=1), kind='stable')
    predicted, scores = predicted[present][from_the_top], scores[present][from_the_top]
    pairs = min(len(predicted), len(targets))
    errors = radial_errors(predicted[:pairs], targets[:pairs], size) * reference_scale(size)
    return errors[(scores[:pairs] >= MIN_SCORE) & np.isfinite(errors)]


def _errors_of(sample: dict) -> np.ndarray:
    if 'published_targets' not in sample:
        raise InputError(
            'PublishedMetric: forgiving=True compares with published_targets, which the samples lack: use '
            'PublishedDataset, name it in meta_keys of PackPoseInputs, and prepare the data with tools/prepare_data.py'
        )
    predicted = sample['pred_instances']
    height, width = sample['ori_shape'][:2]
    return published_errors(
        np.asarray(predicted['keypoints'], float).reshape(NUM_SLOTS, NUM_CORNERS, 2),
        np.asarray(predicted['keypoint_scores'], float).reshape(NUM_SLOTS, NUM_CORNERS),
        np.asarray(predicted['presence']).reshape(NUM_SLOTS) >= PRESENCE_THRESHOLD,
        np.asarray(sample['published_targets'], float),
        (width, height),
    )


@HOOKS.register_module()
class OneNumbering(Hook):
    """Refuses a run whose loaders number vertebrae differently: every prediction would be held against another level's
    truth."""

    def before_run(self, runner: Runner) -> None:
        numbered = {loader: runner.cfg[loader].dataset.get('numbered_from_the_top', False) for loader in DATALOADERS}
        if len(set(numbered.values())) > 1:
            said = ', '.join(f'{loader} {value}' for loader, value in numbered.items())
            raise InputError(f'numbered_from_the_top: {said}: give all three the same')
