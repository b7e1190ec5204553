"""Facts of the numbering that everything else stands on."""

from pathlib import Path

from mmengine.config import Config
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from spondylo_mm import anatomy

CONFIG = Path(__file__).parents[1] / 'configs' / '_base_' / 'datasets' / 'spondylo_40kp.py'


def test_there_are_forty_keypoints_from_the_sacrum_upwards():
    assert anatomy.NUM_KEYPOINTS == 40
    assert anatomy.KEYPOINT_NAMES[:5] == ('S1_TL', 'S1_TR', 'S1_BL', 'S1_BR', 'L5_TL')
    assert anatomy.KEYPOINT_NAMES[-1] == 'T9_BR'


def test_a_keypoint_index_leads_to_its_name():
    assert anatomy.KEYPOINT_NAMES[anatomy.keypoint_index(anatomy.LEVELS.index('L4'), anatomy.BL)] == 'L4_BL'


def test_a_flip_swaps_left_and_right_and_nothing_else():
    for index, other in enumerate(anatomy.FLIP_INDICES):
        level, corner = anatomy.KEYPOINT_NAMES[index].split('_')
        assert anatomy.KEYPOINT_NAMES[other] == f'{level}_{corner[0]}{"R" if corner[1] == "L" else "L"}'


def test_the_shipped_dataset_info_is_the_anatomy():
    assert Config.fromfile(CONFIG).dataset_info.to_dict() == anatomy.dataset_info()


def test_mmpose_derives_the_same_flip_from_our_metainfo():
    metainfo = parse_pose_metainfo(anatomy.dataset_info())
    assert tuple(metainfo['flip_indices']) == anatomy.FLIP_INDICES
    assert metainfo['num_keypoints'] == anatomy.NUM_KEYPOINTS
    assert len(metainfo['skeleton_links']) == 4 * anatomy.NUM_SLOTS


def test_the_outline_runs_around_the_body():
    assert [start for start, _ in anatomy.OUTLINE] == [0, 1, 3, 2]
    assert all(anatomy.OUTLINE[i][1] == anatomy.OUTLINE[(i + 1) % 4][0] for i in range(4))
