"""The Python way to predict: one object holds the model, each call takes radiographs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, MODELS
from mmpose.structures import PoseDataSample
from torch.utils.data import Dataset

from .. import __version__, plugin  # noqa: F401 (registers what configs name)
from ..codecs.corner_sd import corner_sd, heatmap_sd
from ..codecs.gaussian_targets import frame_scale
from ..codecs.presence import levels_are_known
from ..datasets.anchors import CAUDAL
from ..datasets.pixel_geometry import is_plausible_aspect, is_plausible_spacing
from ..errors import InputError
from ..models.mc_dropout import dropout_layers, thinned
from .checkpoints import describe_checkpoint, load_weights, read_checkpoint
from .closer_looks import closeup_inputs, refine_spines, refine_vertebrae, spine_inputs
from .configs import built_from, choose_device, load_config, without_pretraining
from .images import find_images
from .predictions import image_record
from .sd_calibration import fit_calibration, read_sd_scale, write_calibration

FACING_CHOICES = ('auto', 'left', 'right')
EXTRA = ('extra_vertebrae', 'extra_scores', 'extra_presence')  # fields of vertebrae beyond the last slot
GIVEN = 'given by the user'  # a spacing's source
BATCH_SIZE = 8  # images per forward pass: enough to fill two cores, small enough for any GPU


class SpineInferencer:
    """Vertebral corners, slips and grades of radiographs.

    Args:
        config: path of a model config.
        checkpoint: path of its weights.
        data_root: folder of the dataset, where a labelled split is predicted.
        device: ``auto``, ``cpu``, ``cuda``, …
        flip_test: average with the prediction of the mirrored image.
        mc_dropout: number of passes with dropout from which each corner's standard deviation is estimated, see
            :mod:`~spondylo_mm.models.mc_dropout` and :mod:`~spondylo_mm.codecs.corner_sd`; 0 for none, else at least 2.
            The corner reported is that of the pass without dropout.
        seed: of what the passes drop: the same seed gives the same deviations, in whatever order and batches images
            come.
        facing: ``left`` or ``right``, the side of the image the patients' anterior side is on, or ``auto``: read from
            each spine.
        spacing: mm per pixel in x and y of every image, whatever its file says; None: that of DICOM files and of
            annotations that have one.
        aspect: width over height of the original radiographs, where the files have been squashed or stretched; in place
            of a spacing, and nothing is then given in mm.
        calibrated: use the calibration of the deviations that lies beside the checkpoint, if there is one; False: as
            the heatmaps have them, see :meth:`calibrate`.
        options: ``KEY=VALUE`` changes to the config.

    Raises:
        InputError: a config, checkpoint, calibration or device that cannot be used; a spacing or an aspect that is
            none.

    Example:
        >>> from spondylo_mm.apis import SpineInferencer
        >>> infer = SpineInferencer('configs/demo.py', 'work_dirs/demo/best_spondylo_MRE_epoch_16.pth')
        >>> records = infer('films/')
        >>> records['0001.png']['vertebrae'][0]['level']
        'S1'
    """

    def __init__(
        self,
        config: str | Path,
        checkpoint: str | Path,
        *,
        data_root: str | None = None,
        device: str = 'auto',
        flip_test: bool = False,
        mc_dropout: int = 0,
        seed: int = 0,
        facing: str = 'auto',
        spacing: Sequence[float] | None = None,
        aspect: float | None = None,
        calibrated: bool = True,
        options: Sequence[str] = (),
    ) -> None:
        if facing not in FACING_CHOICES:
            raise InputError(f'--facing {facing}: choose one of {", ".join(FACING_CHOICES)}')
        self.spacing, self.aspect = _checked_spacing(spacing, aspect), aspect
        self.config = without_pretraining(load_config(config, options, data_root))
        init_default_scope(self.config.default_scope)
        self.device = choose_device(device)
        with _quiet_logger(), built_from(self.config, 'the model'):
            self.model = MODELS.build(self.config.model)
        content = read_checkpoint(checkpoint)
        load_weights(self.model, checkpoint, content=content)
        self.model.to(self.device).eval()
        if flip_test:
            self.model.test_cfg.flip_test = True
        self.mc_dropout, self.seed, self.facing = mc_dropout, seed, facing
        self.description = dict(
            config=Path(config).name, **describe_checkpoint(checkpoint, content), version=__version__
        )
        self.checkpoint = Path(checkpoint)
        of = self.description['checkpoint_sha256']
        self.description['sd_scale'] = read_sd_scale(checkpoint, of) if calibrated else None
        if mc_dropout:
            self._check_mc_dropout()
            self.description['mc_dropout'] = dict(passes=mc_dropout, seed=seed)
        if facing != 'auto':
            self.description['facing'] = facing
        if spacing is not None:
            self.description['spacing'] = list(self.spacing)
        if aspect is not None:
            self.description['aspect'] = aspect

    def __call__(self, images: Sequence[str | Path] | str | Path) -> dict[str, dict]:
        """Records of files, folders and globs, ``{name: record}``, in image pixels; see
        :func:`~.predictions.image_record`.

        Raises:
            InputError: nothing matches, or an image cannot be read.
        """
        paths = find_images([images] if isinstance(images, (str, Path)) else images)
        samples = self.predict(self.dataset_of_images(paths), on_error=raise_error)
        return {name: record_of(sample) for name, sample in zip(paths, samples, strict=True)}

    def dataset_of_images(self, paths: dict[str, Path]) -> Dataset:
        """Unlabelled images as the dataset the model was made for: the same class and the same pipeline as a labelled
        split."""
        return self._build_dataset(
            ann_file='', data_root=None, images={name: str(path) for name, path in paths.items()}
        )

    def dataset_of_split(self, split: str) -> Dataset:
        """A split of the config's data, labelled or not."""
        return self._build_dataset(ann_file=f'annotations/{split}.json')

    def calibrate(self, split: str) -> Path:
        """Fit the factor of the deviations within a pass to a labelled split that the model was not trained on, use it
        from now on, and write it beside the checkpoint; returns where.

        Raises:
            InputError: too few of its corners are labelled and found, or an image cannot be read.
        """
        before = self.mc_dropout, self.description['sd_scale']
        self.mc_dropout, self.description['sd_scale'] = 0, None
        try:
            samples = list(self.predict(self.dataset_of_split(split), on_error=raise_error))
        finally:
            self.mc_dropout, self.description['sd_scale'] = before
        fitted = fit_calibration(samples, split)
        path = write_calibration(self.checkpoint, self.description['checkpoint_sha256'], fitted)
        self.description['sd_scale'] = fitted['sd_scale']
        return path

    def _build_dataset(self, **changes: object) -> Dataset:
        with built_from(self.config, 'the dataset'):
            return DATASETS.build({**self.config.test_dataloader.dataset, **changes})

    @torch.inference_mode()
    def predict(
        self, dataset: Dataset, on_error: Callable[[InputError], None], indices: Iterable[int] | None = None
    ) -> Iterator[PoseDataSample]:
        """Predict every image of a dataset in order, or those of ``indices`` in theirs; an image that cannot be read is
        reported to ``on_error`` and left out.

        Args:
            indices: each of them once; None for all.

        Yields:
            Samples whose ``pred_instances`` hold ``keypoints`` (1, K, 2) in image pixels, ``keypoint_scores`` (1, K),
            ``presence`` (1, S), ``keypoint_taught`` (1, K), ``keypoint_spread`` (1, K), the standard deviation that the
            heatmap leaves open in which the corner was found, that of the closer look where there was one, and, with
            Monte-Carlo dropout, ``keypoint_sd`` and its part ``keypoint_sd_between_passes`` (1, K), of looks as close,
            all in image pixels. A facing that was given is in their metainfo.
        """
        batch: dict[int, dict] = {}
        for index in range(len(dataset)) if indices is None else indices:
            try:
                batch[index] = dataset[index]
            except InputError as error:
                on_error(error)
            if len(batch) == BATCH_SIZE:
                yield from self._predict_batch(batch, dataset)
                batch = {}
        if batch:
            yield from self._predict_batch(batch, dataset)

    def _predict_batch(self, indexed: dict[int, dict], dataset: Dataset) -> list[PoseDataSample]:
        """Samples of ``{index in the dataset: input}``."""
        inputs, settings = list(indexed.values()), self.model.test_cfg
        samples = self._look(inputs)
        spines, closeups = {}, {}
        if settings.get('coarse_to_fine'):
            spines = spine_inputs(samples, list(indexed), dataset)
            refine_spines(samples, spines, self._look(list(spines.values())))
        if settings.get('closeups'):
            closeups = closeup_inputs(samples, list(indexed), dataset)
            refine_vertebrae(samples, closeups, self._look(list(closeups.values())))
        if self.mc_dropout:
            self._add_sd(samples, inputs, spines, closeups)
        for sample in samples:
            if self.facing != 'auto':
                sample.set_metainfo(dict(facing=self.facing))
            self._set_proportions(sample)
        return samples

    def _look(self, inputs: list[dict]) -> list[PoseDataSample]:
        """One pass, and what each of its heatmaps leaves open."""
        return [sample for batch in _batches(inputs) for sample in self._pass(batch)]

    def _thinned_looks(self, inputs: list[dict]) -> list[list[PoseDataSample]]:
        """A look by each of the thinned networks, the same ones at every call."""
        looks = [[] for _ in range(self.mc_dropout)]
        for batch in _batches(inputs):
            with thinned(self.model, self.seed):  # entered for each batch: its n-th pass is of the n-th network
                for look in looks:
                    look += self._pass(batch)
        return looks

    def _pass(self, batch: list[dict]) -> list[PoseDataSample]:
        scale = self.description['sd_scale'] or 1.0
        samples = self.model.test_step(pseudo_collate(batch))
        for sample in samples:
            spread = heatmap_sd(sample.pred_instances.keypoint_scores, self._sigma_of(sample), sample.ori_shape[::-1])
            sample.pred_instances.keypoint_spread = scale * spread
        return samples

    def _set_proportions(self, sample: PoseDataSample) -> None:
        """What the user says of the pixels, in place of what the file says."""
        if self.spacing is not None:
            sample.set_metainfo(dict(spacing=np.array(self.spacing), spacing_source=GIVEN))
        elif self.aspect is not None:
            height, width = sample.ori_shape
            sample.set_metainfo(dict(spacing=None, spacing_source=None, pixel_aspect=self.aspect * height / width))

    def _add_sd(
        self,
        samples: list[PoseDataSample],
        inputs: list[dict],
        spines: dict[int, dict],
        closeups: dict[tuple[int, int], dict],
    ) -> None:
        """Give the samples of a batch the standard deviation of each corner; see :func:`corner_sd`.

        Each thinned network does all that the whole one does: it looks at the image and then at the same parts of it.
        """
        passes = self._thinned_looks(inputs)
        for parts, take_over in ((spines, refine_spines), (closeups, refine_vertebrae)):
            for thin, again in zip(passes, self._thinned_looks(list(parts.values())), strict=True):
                take_over(thin, parts, again)
        for sample, *thin in zip(samples, *passes, strict=True):
            corners, spreads = (
                np.array([one.pred_instances[key][0] for one in thin]) for key in ('keypoints', 'keypoint_spread')
            )
            sd, between = corner_sd(corners, spreads)
            sample.pred_instances.keypoint_sd = sd[None]
            sample.pred_instances.keypoint_sd_between_passes = between[None]

    def _sigma_of(self, sample: PoseDataSample) -> np.ndarray:
        """Standard deviation (2,) in image px, along x and y, of the Gaussians the heatmaps were trained on."""
        codec = self.model.head.decoder
        to_input = frame_scale(codec.heatmap_size, codec.input_size)
        return codec.sigma * to_input * sample.input_scale / np.asarray(sample.input_size)

    def _check_mc_dropout(self) -> None:
        if self.mc_dropout < 2:
            raise InputError(f'--mc-dropout {self.mc_dropout}: a spread needs at least 2 passes: give 2 or more')
        if not 0 <= self.seed < 2**63:
            raise InputError(f'--seed {self.seed}: give a whole number from 0 to 2^63 - 1')
        if not dropout_layers(self.model):
            raise InputError(
                '--mc-dropout: the model has no dropout layer with a probability above 0: train a config that has, '
                'as configs/hrnet_w32_spondylo.py'
            )


def _batches(inputs: list[dict]) -> Iterator[list[dict]]:
    for start in range(0, len(inputs), BATCH_SIZE):
        yield inputs[start : start + BATCH_SIZE]


def record_of(sample: PoseDataSample) -> dict:
    """The record of a predicted sample."""
    predicted = sample.pred_instances
    height, width = sample.ori_shape
    return image_record(
        predicted.keypoints[0],
        predicted.keypoint_scores[0],
        predicted.presence[0],
        (width, height),
        sd=predicted.keypoint_sd[0] if 'keypoint_sd' in predicted else None,
        spacing=sample.get('spacing'),
        anchor=sample.get('anchor', CAUDAL),
        taught=taught_corners(sample),
        spread=predicted.keypoint_spread[0],
        side=sample.get('facing'),
        levels_known=levels_are_known(predicted),
        extra=tuple(predicted[key][0] for key in EXTRA) if EXTRA[0] in predicted else None,
        spacing_source=sample.get('spacing_source'),
        pixel_aspect=sample.get('pixel_aspect'),
    )


def taught_corners(sample: PoseDataSample) -> np.ndarray | None:
    """(K,) bool, the corners that the model of a predicted sample was taught; None where it does not say."""
    predicted = sample.pred_instances
    return predicted.keypoint_taught[0] if 'keypoint_taught' in predicted else None


def _checked_spacing(spacing: Sequence[float] | None, aspect: float | None) -> tuple[float, float] | None:
    """The spacing that the user gives, or refuse it or the aspect."""
    if aspect is not None and not is_plausible_aspect(aspect, 1.0):
        raise InputError(f'--aspect {aspect}: give the width over the height of the original radiograph, such as 0.6')
    if spacing is None:
        return None
    if aspect is not None:
        raise InputError('--spacing and --aspect: give one of them: a spacing tells the aspect')
    if len(spacing) != 2 or not is_plausible_spacing(*spacing):
        given = ' '.join(map(str, spacing))
        raise InputError(f'--spacing {given}: give two numbers, mm per pixel across and down, such as 0.143 0.143')
    return float(spacing[0]), float(spacing[1])


def raise_error(error: InputError) -> None:
    """For ``on_error``, where an image that cannot be read must stop everything."""
    raise error


@contextmanager
def _quiet_logger() -> Iterator[None]:
    """Without the lines that building a model writes: they are for training logs."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
