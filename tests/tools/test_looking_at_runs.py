"""tools/compare_runs.py, plot_curves.py and visualize.py as their users type them."""

import csv
import os

import cv2
import pytest


@pytest.fixture
def empty(tmp_path):
    folder = tmp_path / 'empty'
    folder.mkdir()
    return folder


def test_runs_are_compared_in_text_csv_and_markdown(run_tool, trained, tmp_path):
    table, rows = tmp_path / 'runs.md', tmp_path / 'runs.csv'
    status, out, err = run_tool('compare_runs.py', trained.parent, '--details', '--csv', rows, '--markdown', table)
    (row,) = csv.DictReader(rows.open())
    assert status == 0 and not err
    assert f'{float(row["MRE"]):.2f}' in out.splitlines()[1] and f'| {float(row["MRE"]):.2f} |' in table.read_text()
    assert row['epochs'] == '2' and row['data_sha256'] in out


def test_a_folder_without_a_run_is_one_line_and_the_others_are_shown(run_tool, trained, empty, tmp_path):
    for tool, arguments in (('compare_runs.py', ()), ('plot_curves.py', ('--out', tmp_path / 'a.png'))):
        status, out, err = run_tool(tool, empty, trained.parent, *arguments)
        assert status == 2 and out
        (line,) = err
        assert line.startswith(f'error: {empty}: holds no run')
        status, out, err = run_tool(tool, empty, *arguments)
        assert status == 2 and not out and len(err) == 1


def test_curves_are_drawn_to_the_file_asked_for(run_tool, trained, tmp_path):
    status, out, err = run_tool('plot_curves.py', trained.parent, '--out', tmp_path / 'new' / 'a.png')
    assert status == 0 and not err and str(tmp_path / 'new' / 'a.png') in out
    assert cv2.imread(str(tmp_path / 'new' / 'a.png')).shape[1] > 1000


def test_a_picture_of_another_kind_is_refused(run_tool, trained, tmp_path):
    status, _, err = run_tool('plot_curves.py', trained.parent, '--out', tmp_path / 'a.doc')
    assert status == 2 and '.png, .svg or .pdf' in err[-1] and not list(tmp_path.iterdir())


def test_the_worst_images_are_listed_and_drawn_beside_the_checkpoint(run_tool, tiny_config, trained, phantoms):
    status, out, _ = run_tool('visualize.py', tiny_config, trained, '--data-root', phantoms, '--worst', 2)
    first, second, last = out.splitlines()
    assert status == 0 and first.split()[:2] == ['1', 'MRE'] and second.split()[0] == '2'
    pictures = trained.parent / 'worst_val' / 'pictures'
    assert last == f'pictures of 2 images: {pictures}' and len(os.listdir(pictures)) == 2


@pytest.mark.parametrize(
    'arguments, message',
    [
        (('--worst', '0'), 'give 1 or more'),
        (('--split', 'test', '--worst', '3'), 'nothing is labelled'),
        (('--images', 'nothing/*.png'), 'matches no image'),
        (('--data-root', 'nowhere'), 'no such annotation file'),
    ],
)
def test_bad_usage_is_2_with_one_line_and_nothing_written(
    run_tool, tiny_config, trained, phantoms, tmp_path, arguments, message
):
    if '--data-root' not in arguments:
        arguments = ('--data-root', phantoms, *arguments)
    status, _, err = run_tool('visualize.py', tiny_config, trained, '--out', tmp_path / 'out', *arguments)
    (line,) = [line for line in err if 'error: ' in line]
    assert status == 2 and message in line and not (tmp_path / 'out').exists()


def test_an_unreadable_image_makes_the_status_2(run_tool, tiny_config, trained, phantoms, tmp_path):
    film = next((phantoms / 'Test').iterdir())
    (tmp_path / 'a.png').touch()
    status, out, err = run_tool(
        'visualize.py', tiny_config, trained, '--images', film, tmp_path / 'a.png', '--out', tmp_path / 'out'
    )
    (line,) = [line for line in err if line.startswith('error: ')]
    assert status == 2 and 'a.png' in line and 'pictures of 1 images' in out
