"""The dataset class: a COCO keypoint file with one spine per image, read into what the transforms expect."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path

import numpy as np
from mmengine.dataset import Compose
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.registry import DATASETS

from ..anatomy import EMPTY, KEYPOINT_NAMES, LABELLED, NUM_KEYPOINTS, NUM_SLOTS, UNKNOWN, dataset_info
from ..errors import InputError
from .anchors import ANCHORS, CAUDAL, CRANIAL, counted_from_the_top
from .formats.mendeley import leads_out
from .formats.raw import short
from .loader_watch import LoaderWatch
from .pixel_geometry import PLAUSIBLE_ASPECT, PLAUSIBLE_SPACING, is_plausible_spacing
from .seeded_sampler import seeded

_LARGEST = 1e6  # of a coordinate: no image has as many pixels
_PIXEL_SIZE = ('spacing', 'spacing_source', 'pixel_aspect')


@DATASETS.register_module()
class SpondyloDataset(BaseCocoStyleDataset):
    """Radiographs with up to ``NUM_SLOTS`` vertebrae, one annotation per image or none (blind images).

    MMPose's ``CocoDataset`` reads the same files, but takes the labelled box as the model's region and drops images
    without annotations. Here the region is the whole image, for labelled and unlabelled images alike: no truth reaches
    prediction.

    Each data info holds, beside MMPose's keys: ``keypoints`` (1, K, 2) in image pixels, ``keypoints_visible`` (1, K) in
    {0, 1}; ``slot_presence`` (S,) in {1 labelled, 0 known to be empty, -1 unknown}; ``spacing`` (2,) in mm/px [x, y]
    and ``spacing_source`` where the file knows it; and ``codec``, for the transforms. Every sample carries ``anchor``
    and what is known of the size of its pixels in its metainfo, whatever the pipeline packs: without them a prediction
    could claim level names that its slots do not have, and take an endplate for longer than it is.

    Args:
        codec: config of the codec of the model that will read the samples: its input frame, and what it is taught of
            unknown slots.
        anchor: where the slots are counted from, one of ``ANCHORS``. With ``'cranial'`` a file that is numbered
            caudally, as ``tools/prepare_data.py`` writes it by default, is renumbered as it is read, see ``anchors``.
        images: unlabelled images, ``{name: path}``, in place of an annotation file.
        Others as in ``BaseCocoStyleDataset``; ``test_mode=True`` keeps images without annotation.

    Raises:
        InputError: a missing, malformed or empty annotation file, or one made for other keypoints, or counted from the
            cranial end where the caudal one is asked for; an anchor that does not exist.
    """

    METAINFO: dict = dataset_info()

    def __init__(self, codec: dict, images: Mapping[str, str] | None = None, anchor: str = CAUDAL, **kwargs) -> None:
        self._codec = codec
        self._images = images
        if anchor not in ANCHORS:
            raise InputError(f'anchor={anchor!r} in a dataset: choose one of {", ".join(ANCHORS)}')
        self.anchor = anchor
        self._watch = LoaderWatch()
        super().__init__(**kwargs)

    def get_data_info(self, idx: int) -> dict:
        return _no_labels() | super().get_data_info(idx) | dict(codec=self._codec)

    def prepare_data(self, idx: int) -> dict:
        """Run the pipeline; with an index of ``SeededSampler``, what it draws at random follows from that."""
        with self._watch.reading(idx), seeded(idx):
            return self._sample(self.get_data_info(idx), self.pipeline)

    def regions(self, idx: int, regions: Iterable[np.ndarray]) -> list[dict]:
        """The sample ``idx``, read once, with nothing but a region of its image as input, for each region.

        Args:
            idx: index of the sample, in ``test_mode``.
            regions: (4,) left, top, right, bottom in image pixels, see ``transforms.geometry``.
        """
        load, *steps = self.pipeline.transforms
        loaded = load(self.get_data_info(idx))
        return [self._sample(deepcopy(loaded) | dict(region=region), Compose(steps)) for region in regions]

    def _sample(self, info: dict, pipeline: Compose) -> dict:
        """Run the pipeline, and say what the slots mean and how large the pixels are."""
        info['dataset'] = self  # as MMPose's, whose mixing transforms need it
        sample = pipeline(info)
        if 'data_samples' in sample:
            known = {key: info[key] for key in _PIXEL_SIZE if key in info}  # LoadRadiograph has added the file's own
            sample['data_samples'].set_metainfo(dict(anchor=self.anchor) | known)
        return sample

    def read_when_a_worker_died(self, error: Exception) -> tuple[list[str], str] | None:
        """The images that loader workers were reading when they died, and how, if that is what ``error`` says."""
        died = self._watch.died(error)
        return died and ([self.get_data_info(index)['img_path'] for index in died[0]], died[1])

    def load_data_list(self) -> list[dict]:
        if self._images:
            named = enumerate(self._images.items())
            return [self._data_info(dict(id=i, file_name=name)) | dict(img_path=path) for i, (name, path) in named]
        content = self.read_annotation_file()
        spines = {annotation['image_id']: annotation for annotation in content['annotations']}
        if len(spines) < len(content['annotations']):
            raise InputError(f'{self.ann_file}: an image has more than one annotation: give one spine per image')
        kept = [image for image in content['images'] if self.test_mode or image['id'] in spines]
        if not kept:
            which = 'images' if self.test_mode else 'labelled images'
            raise InputError(f'{self.ann_file}: holds no {which}: choose another split or run tools/prepare_data.py')
        return [self._data_info(image, spines.get(image['id'])) for image in kept]

    def read_annotation_file(self) -> dict:
        """Its content, numbered from the end that this dataset counts from."""
        remedy = 'run tools/prepare_data.py on the dataset, or name its folder with --data-root'
        try:
            content = json.loads(Path(self.ann_file).read_text(encoding='utf-8'))
            names = tuple(content['categories'][0]['keypoints'])
            for image in content['images']:
                _check_image(image)
            for annotation in content['annotations']:
                _check_spine(annotation)
            anchor = (content.get('info') or {}).get('anchor', CAUDAL)  # a foreign COCO file need not say
        except _Malformed as error:
            raise InputError(f'{self.ann_file}: {error}: {remedy}') from None
        except FileNotFoundError:
            raise InputError(f'{self.ann_file}: no such annotation file: {remedy}') from None
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
            raise InputError(f'{self.ann_file}: not a COCO keypoint file: {remedy}') from None
        if names != KEYPOINT_NAMES:
            raise InputError(
                f'{self.ann_file}: has {len(names)} keypoints {names[:2]}…, expected {NUM_KEYPOINTS} '
                f'{KEYPOINT_NAMES[:2]}…: {remedy}'
            )
        if anchor == CAUDAL and self.anchor == CRANIAL:
            return content | dict(annotations=[counted_from_the_top(spine) for spine in content['annotations']])
        if anchor != self.anchor:  # where each spine's sacrum was is no longer known
            raise InputError(
                f'{self.ann_file}: slots are counted from the {anchor} end, the config counts from the {self.anchor} '
                f'one: run tools/prepare_data.py without --anchor, or set anchor={anchor!r} in the datasets'
            )
        return content

    def _data_info(self, image: dict, spine: dict | None = None) -> dict:
        info = dict(
            id=image['id'],
            img_id=image['id'],
            img_path=str(Path(self.data_prefix['img'] or '') / image['file_name']),
            file_name=image['file_name'],
            category_id=1,
        )
        if image.get('spacing'):
            info['spacing'] = np.array(image['spacing'], dtype=np.float32)
            info['spacing_source'] = 'annotations'
        if spine is not None:
            keypoints = np.array(spine['keypoints'], dtype=np.float32).reshape(1, NUM_KEYPOINTS, 3)
            info['keypoints'] = keypoints[..., :2]
            info['keypoints_visible'] = np.minimum(1, keypoints[..., 2])
            info['slot_presence'] = _slot_presence(spine, info['keypoints_visible'][0])
        return info


def _no_labels() -> dict:
    """What an image without annotation has in place of one; not kept with each, for there may be ten thousand."""
    return dict(
        keypoints=np.zeros((1, NUM_KEYPOINTS, 2), dtype=np.float32),
        keypoints_visible=np.zeros((1, NUM_KEYPOINTS), dtype=np.float32),
        slot_presence=np.full(NUM_SLOTS, UNKNOWN, dtype=np.int8),
    )


class _Malformed(Exception):
    pass


def _check_image(image: dict) -> None:
    """
    Raises:
        _Malformed: its id could be that of no annotation; its file lies outside the data root, where a file of
            strangers has no business; or its spacing is none.
    """
    of = f'image {_checked_id(image["id"])}'
    if leads_out(image['file_name']):
        raise _Malformed(f'{of} is {image["file_name"]!r}, not a path below the data root')
    spacing = image.get('spacing')
    if spacing and not (_are_numbers(spacing, 2) and is_plausible_spacing(*spacing)):
        raise _Malformed(
            f'{of} has the spacing {short(spacing)}, not x and y in mm per pixel (from {PLAUSIBLE_SPACING[0]:g} to '
            f'{PLAUSIBLE_SPACING[1]:g}, neither over {PLAUSIBLE_ASPECT:g} times the other)'
        )


def _check_spine(annotation: dict) -> None:
    """
    Raises:
        _Malformed: keypoints or presence are not what the dataset would make arrays of, or contradict each other.
    """
    of = f'the annotation of image {_checked_id(annotation["image_id"])}'
    counts = dict(keypoints=3 * NUM_KEYPOINTS) | (dict(presence=NUM_SLOTS) if 'presence' in annotation else {})
    for key, count in counts.items():
        values = annotation[key]
        if len(values) != count:
            raise _Malformed(f'{of} has {len(values)} numbers in {key}, not {count}')
        if not _are_numbers(values, count):
            raise _Malformed(f'{of} has {key} that are not finite numbers')
    if 'presence' in annotation:
        presence = np.array(annotation['presence'])
        if not np.isin(presence, (LABELLED, EMPTY, UNKNOWN)).all():
            raise _Malformed(f'{of} has presence other than {LABELLED}, {EMPTY} and {UNKNOWN}')
        has_corners = (np.array(annotation['keypoints']).reshape(NUM_SLOTS, -1, 3)[..., 2] > 0).any(axis=1)
        wrong = np.flatnonzero(has_corners & (presence != LABELLED))
        if wrong.size:
            raise _Malformed(f'{of} has keypoints in slot {wrong[0]}, whose presence is not {LABELLED}')


def _checked_id(number: object) -> str:
    if type(number) not in (int, str):
        raise _Malformed(f'{short(number)} for the id of an image, not a number')
    return short(number)


def _are_numbers(values: object, count: int) -> bool:
    """Whether this is a list of so many numbers that an image may hold."""
    return (
        isinstance(values, list)
        and len(values) == count
        and all(type(value) in (int, float) and abs(value) < _LARGEST for value in values)
    )


def _slot_presence(spine: dict, visible: np.ndarray) -> np.ndarray:
    """What the annotation says of each slot; where it says nothing (a foreign COCO file) only labelled slots are
    known."""
    if 'presence' in spine:
        return np.array(spine['presence'], dtype=np.int8)
    labelled = visible.reshape(NUM_SLOTS, -1).any(axis=1)
    return np.where(labelled, LABELLED, UNKNOWN).astype(np.int8)
