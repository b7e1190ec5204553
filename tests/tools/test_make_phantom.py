from __future__ import annotations

from functools import partial

import pytest


@pytest.fixture
def make_phantom(run_tool):
    return partial(run_tool, 'make_phantom.py')


def test_a_dataset_is_written_and_named(make_phantom, tmp_path):
    out = tmp_path / 'phantoms'
    status, printed, _ = make_phantom(out, '--train', 2, '--val', 1, '--test', 1, '--size', 128, '--processes', 1)
    assert status == 0
    assert f'{out}: 2 train, 1 val and 1 blind images' in printed
    assert str(out / 'truth.json') in printed
    assert len(list(out.rglob('*.jpg'))) == 4


def test_help_names_every_option(make_phantom):
    status, printed, _ = make_phantom('--help')
    assert status == 0
    for option in (
        'OUT',
        '--train',
        '--val',
        '--test',
        '--size',
        '--seed',
        '--style',
        '--quirks',
        '--processes',
        '--gallery',
        'truth.json',
        'default: 640',
    ):
        assert option in printed


@pytest.mark.parametrize(
    'arguments, message',
    [
        (('--size', '64'), 'size 64'),
        (('--train', '-1'), 'train -1'),
        (('--train', '0', '--val', '0', '--test', '0'), 'at least one image'),
        (('--train', '5', '--val', '0', '--quirks'), 'at least --train 3'),
        (('--style', 'tight', '--quirks'), 'leave --style at mixed'),
        (('--seed', '-3'), 'seed -3'),
    ],
)
def test_bad_values_exit_with_2_and_one_line(make_phantom, tmp_path, arguments, message):
    status, _, error = make_phantom(tmp_path / 'out', *arguments)
    assert status == 2
    assert len(error) == 1 and message in error[0]
    assert not any(tmp_path.iterdir())


def test_a_gallery_is_two_sheets_and_no_dataset(make_phantom, tmp_path):
    status, printed, _ = make_phantom(tmp_path / 'out', '--gallery', '--size', 128)
    assert status == 0
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['gallery.jpg', 'gallery_truth.jpg']
    assert len(printed.split()) == 2


def test_a_gallery_needs_radiographs_where_a_folder_is_named(make_phantom, tmp_path):
    status, _, error = make_phantom(tmp_path / 'out', '--gallery', tmp_path)
    assert status == 2 and 'holds no radiograph' in error[0]


def test_a_folder_in_use_is_refused(make_phantom, tmp_path):
    (tmp_path / 'photo.jpg').write_bytes(b'')
    status, _, error = make_phantom(tmp_path)
    assert status == 2 and f'{tmp_path}: is not empty' in error[0]


def test_an_unknown_style_is_bad_usage(make_phantom, tmp_path):
    assert make_phantom(tmp_path / 'out', '--style', 'neat')[0] == 2
