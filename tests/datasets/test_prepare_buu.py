"""BUU-LSPINE from CSV files to the COCO files that models are trained on."""

import json
import shutil

import numpy as np
import pytest

from spondylo_mm.anatomy import BL, BR, CORNERS, LEVELS, NUM_SLOTS
from spondylo_mm.datasets.prepare import prepare
from spondylo_mm.datasets.prepare_summary import summary
from spondylo_mm.errors import InputError
from spondylo_mm.phantom.buu_writer import write_buu_dataset

SPLITS = ('train', 'val', 'test')


@pytest.fixture(scope='module')
def phantom(tmp_path_factory):
    """Twenty phantoms in the layout of BUU-LSPINE: the folder and its truth."""
    root = tmp_path_factory.mktemp('buu') / 'raw'
    return root, write_buu_dataset(root, 20, seed=5, size=160)


@pytest.fixture
def raw(phantom, tmp_path):
    """A copy to spoil: its folder of lateral views."""
    shutil.copytree(phantom[0], tmp_path / 'raw')
    return tmp_path / 'raw' / 'LA'


def read(out, split):
    return json.loads((out / 'annotations' / f'{split}.json').read_text())


def test_every_corner_is_where_the_truth_has_it_and_in_the_slot_of_its_level(phantom, tmp_path):
    root, truth = phantom
    prepare(root, tmp_path, strict=True)
    seen = 0
    for split in SPLITS:
        content = read(tmp_path, split)
        assert content['info']['levels_known'] is True and content['info']['split'] == dict(by='patient', seed=0)
        for image, annotation in zip(content['images'], content['annotations'], strict=True):
            entry = truth['images']['LA/' + image['file_name'].split('/')[-1]]
            assert image['patient'] == entry['patient'] and annotation['levels_known'] is True
            keypoints = np.array(annotation['keypoints']).reshape(NUM_SLOTS, 4, 3)
            for vertebra in entry['vertebrae']:
                quad = keypoints[LEVELS.index(vertebra['level'])]
                if vertebra['level'] in LEVELS[6:]:
                    assert not quad.any() and not vertebra['labelled']
                    continue
                labelled = [0, 1] if vertebra['level'] == 'S1' else [0, 1, 2, 3]
                expected = [vertebra['corners'][CORNERS[corner]] for corner in labelled]
                np.testing.assert_allclose(quad[labelled, :2], expected, atol=6e-4)  # written to 3 decimals
                assert (quad[labelled, 2] == 2).all() and (quad[:, 2] > 0).sum() == len(labelled)
            assert not keypoints[0, [BL, BR]].any()
            assert annotation['num_keypoints'] == 22 and annotation['presence'][:6] == [1] * 6
            low, high = keypoints[:6].reshape(-1, 3), keypoints[:6].reshape(-1, 3)
            low, high = (f(part[part[:, 2] > 0, :2], axis=0) for f, part in ((np.min, low), (np.max, high)))
            np.testing.assert_allclose(annotation['bbox'], [*low, *(high - low)], atol=2e-3)
            seen += 1
    assert seen == 20


def test_the_diagnosis_of_a_slip_stays_with_its_level(phantom, tmp_path):
    root, truth = phantom
    prepare(root, tmp_path)
    found = set()
    for split in SPLITS:
        content = read(tmp_path, split)
        for image, annotation in zip(content['images'], content['annotations'], strict=True):
            entry = truth['images']['LA/' + image['file_name'].split('/')[-1]]
            for slip in entry['slips']:
                if slip['upper'] in annotation['diagnosis']:
                    word = 'anterolisthesis' if slip['percent'] >= 5 else 'retrolisthesis'
                    word = 'normal' if slip['grade'] == 0 else word
                    assert set(annotation['diagnosis'][slip['upper']]) == {word}
                    found.add(word)
            assert annotation['diagnosis']['S1'] == ['normal']
    assert {'normal', 'anterolisthesis'} <= found


def test_the_test_split_is_labelled_and_no_patient_is_in_two(raw, tmp_path):
    for label in sorted(raw.glob('*.csv'))[:5]:  # a second visit, a year later
        later = f'{label.stem[:-4]}{int(label.stem[-4:-2]) + 1:02d}Y1'
        shutil.copy(label, raw / f'{later}.csv')
        (raw / f'{later}.jpg').write_bytes((raw / f'{label.stem}.jpg').read_bytes() + b'\0')
    prepared = prepare(raw.parent, tmp_path / 'out')
    patients = {split: {image['patient'] for image in read(tmp_path / 'out', split)['images']} for split in SPLITS}
    assert [len(patients[split]) for split in SPLITS] == [14, 3, 3]
    assert len(prepared.radiographs) == 25 and not prepared.leaks
    assert set.union(*patients.values()) == {path.name[:4] for path in raw.glob('*.jpg')}
    assert len(read(tmp_path / 'out', 'test')['annotations']) == len(read(tmp_path / 'out', 'test')['images'])


def test_another_seed_is_another_split_and_the_same_the_same_bytes(phantom, tmp_path):
    for name, seed in (('one', 1), ('again', 1), ('two', 2)):
        prepare(phantom[0], tmp_path / name, seed=seed)
    texts = {
        name: [(tmp_path / name / 'annotations' / f'{split}.json').read_text() for split in SPLITS]
        for name in ('one', 'again', 'two')
    }
    assert texts['one'] == texts['again'] != texts['two']


def test_a_dataset_with_splits_of_its_own_takes_no_seed(phantoms):
    with pytest.raises(InputError, match='--seed 3: .*leave it out'):
        prepare(phantoms, phantoms.parent / 'not_written', seed=3)


def test_one_radiograph_under_two_patients_is_a_leak_where_splits_differ(raw, tmp_path):
    prepare(raw.parent, tmp_path / 'before')
    (one, other) = (read(tmp_path / 'before', split)['images'][0]['file_name'] for split in ('train', 'test'))
    shutil.copy(raw / one.split('/')[-1], raw / other.split('/')[-1])
    with pytest.raises(InputError, match='the same file is also in test'):
        prepare(raw.parent, tmp_path / 'out')


def first(folder, suffix):
    return sorted(folder.glob(f'*{suffix}'))[0]


FAULTS = {
    'an AP label': (lambda la: write_rows(la, slice(0, 10)), '10 rows, as an AP view has'),
    'a missing image': (lambda la: first(la, '.jpg').unlink(), 'no image of this name beside the CSV'),
    'a missing label': (lambda la: first(la, '.csv').unlink(), 'no CSV of this name beside the image'),
    'a damaged image': (lambda la: first(la, '.jpg').write_bytes(b'\xff\xd8'), 'truncated|not an image'),
    'an AP name': (lambda la: first(la, '.jpg').rename(la / '0001-F-050Y0.jpg'), 'AP by its name, lateral by its'),
}  # fmt: skip


def write_rows(folder, which):
    path = first(folder, '.csv')
    path.write_text('\n'.join(path.read_text().splitlines()[which]))


@pytest.mark.parametrize('spoil, why', FAULTS.values(), ids=FAULTS)
def test_a_file_that_cannot_be_used_stops_nothing_and_is_named(raw, tmp_path, spoil, why):
    spoil(raw)
    prepared = prepare(raw.parent, tmp_path / 'out')
    assert len(prepared.radiographs) == 19
    report = (tmp_path / 'out' / 'annotations' / 'report.csv').read_text()
    assert prepared.unreadable and all(row.file.startswith('LA/') and row.file in report for row in prepared.unreadable)
    assert any(any(part in row.why for part in why.split('|')) for row in prepared.unreadable)
    with pytest.raises(InputError, match='unreadable'):
        prepare(raw.parent, tmp_path / 'strict', strict=True)


def test_a_bad_row_is_a_repair_that_strict_refuses(raw, tmp_path):
    path = first(raw, '.csv')
    rows = path.read_text().splitlines()
    rows[4] = '1,2,nan,4,0'
    path.write_text('\n'.join(rows))
    prepared = prepare(raw.parent, tmp_path / 'out')
    (row,) = prepared.repairs
    assert str(row) == f'LA/{path.name}: vertebra 2: L3: row 4 is not finite: dropped (bad_vertebra)'
    with pytest.raises(InputError, match='L3: row 4 is not finite'):
        prepare(raw.parent, tmp_path / 'strict', strict=True)
    assert not (tmp_path / 'strict').exists()


def test_ap_views_are_counted_and_alone_refused(raw, tmp_path):
    ap = raw.parent / 'AP'
    ap.mkdir()
    for path in sorted(raw.iterdir())[:6]:
        shutil.copy(path, ap / path.name.replace('Y1', 'Y0'))
    prepared = prepare(raw.parent, tmp_path / 'out')
    assert prepared.other_view == 3 and len(prepared.radiographs) == 20
    assert 'AP view           3 images not used' in summary(prepared)
    shutil.rmtree(raw)
    with pytest.raises(InputError, match='raw: 3 radiographs, all of the AP view: give the folder of the lateral ones'):
        prepare(raw.parent, tmp_path / 'ap')


def test_where_there_is_no_lateral_label_the_message_says_what_was_looked_for(tmp_path):
    (tmp_path / 'raw').mkdir()
    with pytest.raises(InputError, match='no radiograph of a lateral view .* with a CSV beside it'):
        prepare(tmp_path / 'raw', format='buu')


def test_the_summary_tells_split_numbering_and_diagnoses(phantom, tmp_path):
    root, truth = phantom
    prepared = prepare(root, tmp_path / 'out', seed=7)
    text = summary(prepared)
    assert 'numbered from     S1: the labels name levels' in text and 'split             by patient, seed 7' in text
    slipped = sum(
        any(slip['grade'] and slip['percent'] > 0 and slip['upper'] in LEVELS[1:6] for slip in entry['slips'])
        for entry in truth['images'].values()
    )
    assert f'anterolisthesis ({slipped}x)' in text and 'AP view' not in text
    in_mendeley = summary(prepare(root, tmp_path / 'cranial', anchor='cranial'))
    assert 'numbered from     the topmost labelled one' in in_mendeley
    assert read(tmp_path / 'cranial', 'train')['info']['levels_known'] is False
