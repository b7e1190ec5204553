from pathlib import Path

import pytest

from spondylo_mm.datasets.formats.mendeley import find_samples, leads_out, patient_of, source_of


@pytest.fixture
def tree(tmp_path):
    """Makes empty files; gives what is found in them as ``{(split, image, label)}`` with paths relative to the tree."""

    def find(*files, exclude=None):
        for file in files:
            path = tmp_path / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        found = find_samples(tmp_path, tmp_path / exclude if exclude else None)
        return {
            (sample.split, *(path and path.relative_to(tmp_path).as_posix() for path in (sample.image, sample.label)))
            for sample in found.samples
        }, found

    return find


@pytest.mark.parametrize(
    'images, labels, split',
    [
        ('Train/Keypointrcnn_data/images/train', 'Train/Keypointrcnn_data/labels/train', 'train'),
        ('Train/Keypointrcnn_data/images/val', 'Train/Keypointrcnn_data/labels/val', 'val'),
        ('Validation/images', 'Validation/labels', 'val'),
        ('valid/Images', 'valid/LABELS', 'val'),
        ('data/images/Validation', 'data/labels/val', 'val'),
        ('images/Training', 'labels/Training', 'train'),
        ('Test/images', 'Test/labels', 'test'),
    ],
)
def test_pairs_are_found_in_any_tree(tree, images, labels, split):
    found, _ = tree(f'{images}/a.jpg', f'{labels}/a.json', f'{images}/b.png', f'{labels}/b.txt')
    assert found == {(split, f'{images}/a.jpg', f'{labels}/a.json'), (split, f'{images}/b.png', f'{labels}/b.txt')}


@pytest.mark.parametrize('folder', ['Test', 'Test/images', 'archive/test/films'])
def test_blind_images_need_no_labels(tree, folder):
    found, _ = tree(f'{folder}/a.jpg')
    assert found == {('test', f'{folder}/a.jpg', None)}


def test_what_lacks_its_partner_is_listed_without_it(tree):
    found, _ = tree('images/train/a.jpg', 'images/train/b.jpg', 'labels/train/b.json', 'labels/train/c.json')
    assert found == {
        ('train', 'images/train/a.jpg', None),
        ('train', 'images/train/b.jpg', 'labels/train/b.json'),
        ('train', None, 'labels/train/c.json'),
    }


def test_of_two_labels_of_one_image_the_json_is_used(tree):
    found, _ = tree('images/train/a.jpg', 'labels/train/a.txt', 'labels/train/a.json')
    assert found == {('train', 'images/train/a.jpg', 'labels/train/a.json')}


def test_an_image_in_two_trees_is_used_once_with_its_better_label(tree):
    found, whole = tree(
        'yolo/images/val/a.jpg',
        'yolo/labels/val/a.txt',
        'rcnn/images/val/a.jpg',
        'rcnn/labels/val/a.json',
        'more/images/val/a.jpg',
    )
    assert found == {('val', 'rcnn/images/val/a.jpg', 'rcnn/labels/val/a.json')}
    assert len(whole.repeated) == 2


def test_what_is_no_data_is_left_alone(tree):
    found, whole = tree(
        'readme.png',
        'Train/figures/plot.png',
        '__MACOSX/images/train/a.jpg',
        'images/train/._a.jpg',
        'images/train/.DS_Store',
        'labels/train/classes.txt',
        'Test/notes.txt',
        'Test/overlays/a.png',
        '.git/images/train/a.jpg',
    )
    assert found == set()
    assert len(whole.ignored) == 2


def test_the_folder_of_an_earlier_run_is_not_looked_into(tree):
    found, _ = tree('images/train/a.jpg', 'labels/train/a.json', 'prepared/images/val/a.jpg', exclude='prepared')
    assert found == {('train', 'images/train/a.jpg', 'labels/train/a.json')}


def test_links_to_folders_are_followed_once(tree, tmp_path):
    (tmp_path / 'elsewhere' / 'images' / 'train').mkdir(parents=True)
    (tmp_path / 'elsewhere' / 'images' / 'train' / 'a.jpg').touch()
    (tmp_path / 'elsewhere' / 'loop').symlink_to(tmp_path / 'elsewhere')
    found, _ = tree('elsewhere/labels/train/a.json')
    assert found == {('train', 'elsewhere/images/train/a.jpg', 'elsewhere/labels/train/a.json')}


@pytest.mark.parametrize('name', ['../a.png', 'images/../../a.png', '/etc/hostname', 'images/..', 'a\0.png'])
def test_a_name_in_a_file_may_not_lead_out_of_its_folder(name):
    assert leads_out(name)
    assert not leads_out('images/a..b/.a.png')


def test_samples_come_in_one_order(tree):
    _, found = tree('Test/z.jpg', 'images/val/b.jpg', 'images/val/a.jpg', 'images/train/c.jpg')
    assert [sample.image.name for sample in found.samples] == ['c.jpg', 'a.jpg', 'b.jpg', 'z.jpg']


@pytest.mark.parametrize(
    'name, source, patient',
    [
        ('3209-F-073Y1_jpg.rf.b3686ffe92cdefd4f386611cd2115d2b', '3209-F-073Y1', '3209'),
        ('3209-F-073Y0', '3209-F-073Y0', '3209'),
        ('N40-Olisthesis-L5-S1-F-58-Yrs_jpg.rf.00ff', 'N40-Olisthesis-L5-S1-F-58-Yrs', 'N40-Olisthesis-L5-S1-F-58-Yrs'),
        ('Screenshot-2022-07-31-053616_png.rf.211a', 'Screenshot-2022-07-31-053616', 'Screenshot-2022-07-31-053616'),
        ('2022-07-31', '2022-07-31', '2022-07-31'),
        ('f68ff48e708513a6', 'f68ff48e708513a6', 'f68ff48e708513a6'),
    ],
)
def test_names_tell_the_source_and_the_patient(name, source, patient):
    assert source_of(name) == source
    assert patient_of(name) == patient


def test_the_real_tree_has_5_labelled_and_16_blind_radiographs(real_data):
    found = find_samples(real_data / 'spondylo_mini')
    by_split = {
        split: [sample for sample in found.samples if sample.split == split] for split in ('train', 'val', 'test')
    }
    assert {split: len(samples) for split, samples in by_split.items()} == {'train': 1, 'val': 4, 'test': 16}
    assert all(
        Path(sample.image).stem == Path(sample.label).stem for split in ('train', 'val') for sample in by_split[split]
    )
    assert all(sample.label is None for sample in by_split['test'])
