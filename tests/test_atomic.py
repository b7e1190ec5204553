"""A file is whole or it is not there."""

import errno
import json
import threading

import pytest

from spondylo_mm.atomic import alone_in, atomic_path, make_output_folder, write_json, write_text, write_together
from spondylo_mm.errors import InputError


def test_a_file_appears_with_its_content_and_leaves_nothing_beside_it(tmp_path):
    write_text(tmp_path / 'new' / 'report.txt', 'größer')
    assert (tmp_path / 'new' / 'report.txt').read_bytes() == 'größer'.encode()
    assert [path.name for path in (tmp_path / 'new').iterdir()] == ['report.txt']


def test_a_failure_keeps_the_old_file_and_removes_the_part(tmp_path):
    path = tmp_path / 'report.txt'
    path.write_text('old')
    with pytest.raises(ZeroDivisionError), atomic_path(path) as part:
        part.write_text('half')
        raise ZeroDivisionError
    assert path.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [path]


def test_json_is_strict(tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / 'a.json', {'MRE': float('nan')})
    assert not (tmp_path / 'a.json').exists()
    write_json(tmp_path / 'a.json', {'MRE': None})
    assert json.loads((tmp_path / 'a.json').read_text()) == {'MRE': None}


def test_an_output_folder_that_cannot_be_made_is_bad_input(tmp_path):
    assert make_output_folder(tmp_path / 'a' / 'b').is_dir()
    (tmp_path / 'file').touch()
    for path in (tmp_path / 'file', tmp_path / 'file' / 'below'):
        with pytest.raises(InputError, match='choose an output folder'):
            make_output_folder(path)


def test_a_full_disk_is_reported_for_the_file_that_was_to_be_written(tmp_path):
    """Not for the one that was being copied there."""
    with pytest.raises(OSError) as error, atomic_path(tmp_path / 'copy.png') as part:
        raise OSError(errno.ENOSPC, 'No space left on device', 'source.png', None, part)  # as shutil does
    assert error.value.filename == str(tmp_path / 'copy.png')


def test_of_files_that_belong_together_the_one_that_finds_no_room_is_named_and_all_stay(tmp_path):
    first, second, earlier = (tmp_path / name for name in ('predictions.json', 'summary.csv', 'metrics.json'))
    for path in (first, second, earlier):
        path.write_text('old')

    def no_room():
        yield 'half'
        raise OSError(errno.ENOSPC, 'No space left on device')

    with pytest.raises(OSError) as error:
        write_together({first: ['new'], second: no_room()}, replacing=[earlier])
    assert error.value.filename == str(second)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(
        ('predictions.json', 'summary.csv', 'metrics.json'), 'old'
    )


def test_only_one_at_a_time_is_alone_in_a_folder(tmp_path):
    held = []

    def second() -> None:
        with alone_in(tmp_path):
            held.append('second')

    with alone_in(tmp_path):
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.2)
        held.append('first')
    waiting.join()
    assert held == ['first', 'second']
