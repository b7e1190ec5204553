"""Which files of a BUU-LSPINE folder are read, and which patient is in which split."""

from pathlib import Path

import pytest

from spondylo_mm.datasets.formats.buu_tree import find_samples, split_of_patients
from spondylo_mm.datasets.formats.detect import detect
from spondylo_mm.errors import InputError


@pytest.fixture
def tree(tmp_path):
    """Makes empty files."""

    def make(*names: str) -> Path:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return tmp_path

    return make


def pair(base: str) -> tuple[str, str]:
    return f'{base}.jpg', f'{base}.csv'


def images_of(tree_found) -> list[str]:
    return sorted(sample.image.name for sample in tree_found.samples)


def test_lateral_views_are_read_and_ap_views_are_counted(tree):
    root = tree(*pair('LA/0001-F-037Y1'), *pair('LA/0002-M-050Y1'), *pair('AP/0001-F-037Y0'))
    found = find_samples(root)
    assert images_of(found) == ['0001-F-037Y1.jpg', '0002-M-050Y1.jpg'] and not found.refused
    assert [path.name for path in found.other_view] == ['0001-F-037Y0.jpg']


def test_the_name_says_the_view_where_folders_do_not(tree):
    found = find_samples(tree(*pair('all/0001-F-037Y1'), *pair('all/0001-F-037Y0')))
    assert images_of(found) == ['0001-F-037Y1.jpg'] and len(found.other_view) == 1


def test_the_folder_says_the_view_where_names_do_not(tree):
    found = find_samples(tree(*pair('AP/case1'), *pair('la/case1'), *pair('films/case2')))
    assert images_of(found) == ['case1.jpg', 'case2.jpg'] and len(found.other_view) == 1


def test_the_innermost_telling_folder_counts(tree):
    assert images_of(find_samples(tree(*pair('AP and LA/AP/LA/hospital 1/case1')))) == ['case1.jpg']


@pytest.mark.parametrize('base', ['LA/0001-F-037Y0', 'AP/0001-F-037Y1'])
def test_a_name_that_contradicts_its_folder_is_refused(tree, base):
    found = find_samples(tree(*pair(base)))
    ((path, why),) = found.refused
    assert path.stem == base.split('/')[1] and 'by its name' in why and not found.samples


def test_an_image_without_label_and_a_label_without_image_are_refused_by_name(tree):
    root = tree('LA/0001-F-037Y1.jpg', 'LA/0002-F-037Y1.csv', 'AP/0003-F-037Y0.csv', 'AP/0004-F-030Y0.jpg')
    assert [(path.name, why.split(':')[0]) for path, why in find_samples(root).refused] == [
        ('0001-F-037Y1.jpg', 'no CSV of this name beside the image'),
        ('0002-F-037Y1.csv', 'no image of this name beside the CSV'),
    ]


def test_other_tables_are_no_labels(tree):
    assert not find_samples(tree(*pair('LA/0001-F-037Y1'), 'report.csv', 'LA.csv', 'LA/notes.txt')).refused


def test_one_radiograph_in_two_folders_or_formats_is_read_once(tree):
    found = find_samples(tree(*pair('LA/0001-F-037Y1'), *pair('copy/0001-F-037Y1'), 'LA/0001-F-037Y1.png'))
    assert images_of(found) == ['0001-F-037Y1.jpg'] and len(found.repeated) == 2


def test_all_radiographs_of_a_patient_are_in_one_split(tree):
    root = tree(*(name for p in range(40) for age in (50, 51) for name in pair(f'LA/{p:04d}-F-{age:03d}Y1')))
    splits: dict[str, set] = {}
    for sample in find_samples(root).samples:
        splits.setdefault(sample.image.name[:4], set()).add(sample.split)
    assert len(splits) == 40 and all(len(each) == 1 for each in splits.values())
    assert set.union(*splits.values()) == {'train', 'val', 'test'}


@pytest.mark.parametrize('count, expected', [(1000, (700, 150, 150)), (20, (14, 3, 3)), (7, (5, 1, 1)), (3, (1, 1, 1)),
                                             (2, (1, 1, 0)), (1, (1, 0, 0)), (0, (0, 0, 0))])  # fmt: skip
def test_patients_are_split_70_15_15(count, expected):
    splits = list(split_of_patients(map(str, range(count)), seed=0).values())
    assert tuple(splits.count(split) for split in ('train', 'val', 'test')) == expected


def test_the_split_follows_from_the_seed_and_not_from_the_order_of_the_files():
    patients = [f'{number:04d}' for number in range(200)]
    assert split_of_patients(patients, 3) == split_of_patients(patients[::-1], 3)
    other = split_of_patients(patients, 4)
    moved = sum(other[patient] != split for patient, split in split_of_patients(patients, 3).items())
    assert 50 < moved < 150  # a draw of its own: 47 % are expected to move


def test_ten_patients_more_leave_nearly_all_others_where_they_are():
    before = split_of_patients([f'{number:04d}' for number in range(400)], 0)
    after = split_of_patients([f'{number:04d}' for number in range(410)], 0)
    assert sum(after[patient] != split for patient, split in before.items()) <= 6


def test_the_output_of_an_earlier_run_is_not_read(tree, tmp_path):
    root = tree(*pair('LA/0001-F-037Y1'), 'out/images/train/0001-F-037Y1.jpg', 'annotations/0001-F-037Y1.csv')
    found = find_samples(root, exclude=(tmp_path / 'out').resolve())
    assert len(found.samples) == 1 and not found.refused and not found.repeated


class TestTheFormatIsRecognised:
    def test_by_a_csv_beside_an_image(self, tree):
        assert detect(tree(*pair('LA/0001-F-037Y1'))) == 'buu'

    def test_by_a_labels_folder_beside_an_images_folder(self, tree):
        root = tree('images/train/3209-F-073Y1_jpg.rf.ab.jpg', 'labels/train/3209-F-073Y1_jpg.rf.ab.json', 'stats.csv')
        assert detect(root) == 'mendeley'

    def test_by_ap_views_alone(self, tree):
        assert detect(tree(*pair('AP/0001-F-037Y0'))) == 'buu'

    def test_both_together_are_refused(self, tree):
        root = tree('images/train/a.jpg', 'labels/train/a.json', *pair('LA/0001-F-037Y1'))
        with pytest.raises(InputError, match='labels of mendeley and buu: say which with --format'):
            detect(root)

    def test_without_any_label_it_is_the_first(self, tree):
        assert detect(tree('images/train/a.jpg')) == 'mendeley'
