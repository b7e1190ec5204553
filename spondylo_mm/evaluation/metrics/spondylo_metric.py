"""The metric of this package: a thin mmengine class around ``evaluation.functional``."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmpose.registry import METRICS

from ...anatomy import NUM_KEYPOINTS
from ...atomic import write_json
from ...clinical.patient_spine import proportions
from ...codecs.presence import levels_are_known, vertebra_presence
from ...datasets.anchors import CAUDAL, slot_names
from ..functional.clinical_score import score_clinical
from ..functional.image_score import ImageScore, score_image
from ..functional.summary import as_json, summarise, without_data


@METRICS.register_module()
class SpondyloMetric(BaseMetric):
    """Strict and matched radial errors, vertebra detection, identification and count (see ``functional``).

    Reads of each data sample, in image pixels: ``pred_instances`` with ``keypoints`` (1, K, 2), ``keypoint_scores``
    (1, K) and, if the model has one, ``presence`` (1, S) in [0, 1], else the mean of the four corners' scores; perhaps
    ``sacrum_seen`` (1,), below one half of which levels are unknown and nothing is measured; perhaps
    ``keypoint_taught`` (1, K), without which nothing is measured on a corner; with Monte-Carlo dropout, ``keypoint_sd``
    and ``keypoint_sd_between_passes`` (1, K), without it perhaps ``keypoint_spread`` (1, K);
    ``gt_instances`` with ``keypoints`` (1, K, 2) and ``keypoints_visible`` (1, K); and the metainfo ``ori_shape``
    (h, w), ``img_path``, optionally ``slot_presence`` (S,), ``spacing`` (2,) mm/px [x, y] or else ``pixel_aspect``, a
    pixel's width over its height, ``facing`` and ``anchor``, without which slots are taken for levels; counted from the
    cranial end they are none, and no clinical metric has data.

    Args:
        clinical: also compare slips, grades and alignment.
        metrics_file: where to write ``metrics.json`` (metrics, intervals, tables, counts, definitions); None: nowhere.
        about: of which model and data the metrics are, for that file.
        num_bootstrap: resampled data sets for the 95 % intervals.
        seed: of the resampling.
        collect_device, prefix, collect_dir: as in ``BaseMetric``.
    """

    default_prefix = 'spondylo'

    def __init__(
        self,
        clinical: bool = False,
        metrics_file: str | None = None,
        about: dict | None = None,
        num_bootstrap: int = 1000,
        seed: int = 0,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        self.clinical = clinical
        self.metrics_file = metrics_file
        self.about = about
        self.num_bootstrap = num_bootstrap
        self.seed = seed
        self.slot_names = slot_names(CAUDAL)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Score each image as it comes, so that only its errors are kept and sent between processes."""
        for sample in data_samples:
            predicted, true = sample['pred_instances'], sample['gt_instances']
            corners = [_keypoints(sample[part]['keypoints'], part) for part in ('pred_instances', 'gt_instances')]
            if 'presence' in predicted:
                presence = _array(predicted['presence'])[0]
            else:
                presence = vertebra_presence(_array(predicted['keypoint_scores'])[0])
            anchor = sample.get('anchor', CAUDAL)
            self.slot_names = slot_names(anchor)
            height, width = sample['ori_shape'][:2]
            spacing, slot_presence = sample.get('spacing'), sample.get('slot_presence')
            slot_presence = None if slot_presence is None else _array(slot_presence)
            spacing = None if spacing is None else _array(spacing)
            labelled = _array(true['keypoints_visible'])[0]
            sd, sd_between, spread = (
                _array(predicted[key])[0] if key in predicted else None
                for key in ('keypoint_sd', 'keypoint_sd_between_passes', 'keypoint_spread')
            )
            score = score_image(
                predicted=corners[0],
                presence=presence,
                true=corners[1],
                labelled=labelled,
                size=(width, height),
                slot_presence=slot_presence,
                spacing=spacing,
                name=str(sample.get('img_path', '')),
                sd=sd,
                sd_between=sd_between,
            )
            if self.clinical:
                reported, known = corners[0], labelled
                if 'keypoint_taught' in predicted:  # predictions leave out the corners that no label taught
                    reported = np.where(_array(predicted['keypoint_taught'])[0][:, None], reported, np.nan)
                if not levels_are_known(predicted):
                    presence = np.zeros_like(presence)
                if anchor != CAUDAL:  # slots are no levels: neither predictions nor labels tell any
                    known = np.zeros_like(labelled)
                score.clinical = score_clinical(
                    reported,
                    presence,
                    corners[1],
                    known,
                    spacing=proportions(spacing, sample.get('pixel_aspect')),
                    facing=sample.get('facing'),
                    sd=spread if sd is None else sd,
                )
            self.results.append(score)

    def compute_metrics(self, results: list[ImageScore]) -> dict[str, float]:
        """Metrics without their prefix. Runs on one process, with the scores of all."""
        summary = summarise(results, self.num_bootstrap, self.seed, self.slot_names, with_clinical=self.clinical)
        missing, invalid = without_data(summary), summary['invalid_predictions']
        if missing:
            print_log(f'no data for {", ".join(missing)}: NaN', logger='current', level=logging.WARNING)
        if invalid:
            print_log(
                f'{sum(invalid.values())} corners in {len(invalid)} images are predicted as NaN or infinite and count '
                f"as errors of the image's diagonal; first image: {next(iter(invalid))}",
                logger='current',
                level=logging.WARNING,
            )
        if self.metrics_file:
            about = {} if self.about is None else dict(model=self.about)
            write_json(self.metrics_file, about | as_json(summary), indent=2)
        return summary['metrics']


def _array(values: Any) -> np.ndarray:
    """Array of a tensor on any device, or of anything numpy takes."""
    return values.detach().cpu().numpy() if hasattr(values, 'detach') else np.asarray(values)


def _keypoints(values: Any, source: str) -> np.ndarray:
    """The keypoints (K, 2) of the one spine an image has."""
    keypoints = _array(values)
    if keypoints.shape != (1, NUM_KEYPOINTS, 2):
        raise ValueError(
            f'{source}.keypoints: shape {keypoints.shape}, needed (1, {NUM_KEYPOINTS}, 2): one spine per '
            'image, four corners per slot'
        )
    return keypoints[0]
