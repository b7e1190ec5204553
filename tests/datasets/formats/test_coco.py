import json

import numpy as np
import pytest

from spondylo_mm import anatomy
from spondylo_mm.datasets.formats.coco import Entry, coco_file
from spondylo_mm.datasets.formats.label import Label


def entry(slots=(0, 1, 3), name='a.jpg', **changes):
    corners = np.array(
        [[[10, 90 - 20 * s], [30, 92 - 20 * s], [8, 100 - 20 * s], [33.5, 103 - 20 * s]] for s in slots], float
    )
    presence = np.full(anatomy.NUM_SLOTS, -1)
    presence[list(slots)] = 1
    label = Label(corners, np.array(slots), presence, np.array(slots[::-1]), (), 'TL,TR,BL,BR', False, '.json')
    return Entry(**{**dict(file_name=name, width=640, height=480, source='a', patient='12', label=label), **changes})


def file_of(*entries):
    return coco_file(list(entries), dict(anchor='caudal', levels_known=False))


def test_keypoint_4_times_slot_plus_corner_is_that_corner():
    (annotation,) = file_of(entry())['annotations']
    keypoints = np.array(annotation['keypoints']).reshape(-1, 3)
    assert keypoints.shape == (40, 3)
    for slot, c, point in ((0, 'TL', (10, 90)), (1, 'BR', (33.5, 83)), (3, 'TR', (30, 32))):
        index = anatomy.KEYPOINT_NAMES.index(f'{anatomy.LEVELS[slot]}_{c}')
        np.testing.assert_array_equal(keypoints[index], [*point, 2])
    assert (keypoints[8:12] == 0).all() and (keypoints[16:] == 0).all()
    assert annotation['num_keypoints'] == 12 == (keypoints[:, 2] > 0).sum()
    assert annotation['presence'] == [1, 1, -1, 1, -1, -1, -1, -1, -1, -1]


def test_a_corner_that_is_not_labelled_is_invisible_and_in_no_box():
    label = entry().label
    label.corners[0, 2:] = np.nan  # S1 without its inferior endplate, which reached furthest down and right
    (annotation,) = file_of(entry(label=label))['annotations']
    keypoints = np.array(annotation['keypoints']).reshape(-1, 3)
    np.testing.assert_array_equal(keypoints[:4], [[10, 90, 2], [30, 92, 2], [0, 0, 0], [0, 0, 0]])
    assert annotation['num_keypoints'] == 10 and annotation['bbox'] == [8, 30, 25.5, 62]
    assert 'diagnosis' not in annotation


def test_the_orders_of_the_label_file_are_kept():
    (annotation,) = file_of(entry())['annotations']
    assert annotation['corner_order'] == 'TL,TR,BL,BR' and annotation['listed'] == [3, 1, 0]


def test_the_box_encloses_the_corners():
    (annotation,) = file_of(entry())['annotations']
    assert annotation['bbox'] == [8, 30, 25.5, 73]
    assert annotation['area'] == 25.5 * 73
    assert annotation['iscrowd'] == 0 and annotation['levels_known'] is False


def test_a_blind_image_has_no_annotation():
    content = file_of(entry(), entry(name='blind.jpg', label=None), entry(name='c.jpg'))
    assert [image['file_name'] for image in content['images']] == ['a.jpg', 'blind.jpg', 'c.jpg']
    assert [annotation['image_id'] for annotation in content['annotations']] == [
        content['images'][i]['id'] for i in (0, 2)
    ]
    assert content['images'][0] | {'id': 0} == dict(
        id=0, file_name='a.jpg', width=640, height=480, source='a', patient='12'
    )


def test_coordinates_are_rounded_alike_everywhere():
    label = entry().label
    moved = entry(
        label=Label(label.corners + 1e-9, *[getattr(label, name) for name in list(label.__dataclass_fields__)[1:]])
    )
    assert json.dumps(file_of(moved)) == json.dumps(file_of(entry()))


def test_the_skeleton_joins_the_corners_around_each_vertebra_counted_from_1():
    (category,) = file_of(entry())['categories']
    names = [[category['keypoints'][end - 1] for end in bone] for bone in category['skeleton']]
    assert names[:4] == [['S1_TL', 'S1_TR'], ['S1_TR', 'S1_BR'], ['S1_BR', 'S1_BL'], ['S1_BL', 'S1_TL']]
    assert len(names) == 40


def test_it_loads_in_xtcocotools(tmp_path):
    coco_module = pytest.importorskip('xtcocotools.coco')
    path = tmp_path / 'val.json'
    path.write_text(json.dumps(file_of(entry(), entry(name='blind.jpg', label=None))))
    coco = coco_module.COCO(str(path))
    assert [image['file_name'] for image in coco.loadImgs(coco.getImgIds())] == ['a.jpg', 'blind.jpg']
    (annotation,) = coco.loadAnns(coco.getAnnIds(imgIds=[1], catIds=coco.getCatIds()))
    assert annotation['num_keypoints'] == 12


def test_it_loads_in_mmposes_own_coco_dataset_with_our_metainfo(tmp_path):
    from spondylo_mm import compat

    compat.import_mmpose()
    from mmpose.datasets import CocoDataset

    path = tmp_path / 'val.json'
    path.write_text(json.dumps(file_of(entry(), entry(name='blind.jpg', label=None))))
    dataset = CocoDataset(
        ann_file=str(path), metainfo=anatomy.dataset_info(), test_mode=True, pipeline=[], lazy_init=False
    )
    sample = dataset.get_data_info(0)
    assert sample['keypoints'].shape == (1, 40, 2)
    np.testing.assert_array_equal(sample['keypoints'][0, :4], [[10, 90], [30, 92], [8, 100], [33.5, 103]])
    np.testing.assert_array_equal(
        sample['keypoints_visible'][0].reshape(10, 4).all(axis=1), [1, 1, 0, 1, 0, 0, 0, 0, 0, 0]
    )
