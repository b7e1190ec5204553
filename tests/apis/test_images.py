"""What ``--images`` finds, and what it calls it."""

import numpy as np
import pytest

from spondylo_mm.apis.images import find_images
from spondylo_mm.errors import InputError


@pytest.fixture
def films(tmp_path):
    for name in ('a/1.jpg', 'a/2.PNG', 'a/notes.txt', 'b/1.jpg', 'b/deep/3.tif', 'it[x].png'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_a_folder_is_searched_for_images_of_any_depth_and_case(films):
    assert list(find_images([films / 'a'])) == ['1.jpg', '2.PNG']
    assert list(find_images([films])) == ['a/1.jpg', 'a/2.PNG', 'b/1.jpg', 'b/deep/3.tif', 'it[x].png']


def test_files_globs_and_folders_mix_and_repeat_without_doubling(films):
    found = find_images([films / 'b' / '1.jpg', f'{films}/*/1.jpg', films / 'b'])
    assert list(found) == ['a/1.jpg', 'b/1.jpg', 'b/deep/3.tif']
    assert found['b/deep/3.tif'] == films / 'b' / 'deep' / '3.tif'


def test_a_name_with_glob_characters_is_a_file_first(films):
    assert list(find_images([films / 'it[x].png'])) == ['it[x].png']


@pytest.mark.parametrize('pattern', ['nothing.jpg', '*.bmp', 'a/*.txt.gz'])
def test_a_pattern_without_match_is_named(films, pattern):
    with pytest.raises(InputError, match='matches no image'):
        find_images([films / pattern])


def test_nothing_and_what_is_no_path_are_refused():
    with pytest.raises(InputError, match='no images: give files'):
        find_images([])
    with pytest.raises(InputError, match='a ndarray is no path'):
        find_images(np.zeros((2, 16, 16), np.uint8))


def test_in_a_folder_dicom_files_are_found_by_their_content(films):
    disc = films / 'disc'
    disc.mkdir()
    for name, start in (('IM1', b'DICM'), ('1.2.840', b'DICM'), ('DICOMDIR', b'DICM'), ('README', b'Read')):
        (disc / name).write_bytes(bytes(128) + start + b' me')
    assert list(find_images([disc])) == ['1.2.840', 'IM1']


def test_hidden_files_and_overlays_of_an_earlier_run_are_no_films(films):
    (films / 'a' / '._1.jpg').touch()
    (films / 'a' / 'out' / 'overlays').mkdir(parents=True)
    (films / 'a' / 'out' / 'overlays' / '1.png').touch()
    assert list(find_images([films / 'a'], exclude=films / 'a' / 'out' / 'overlays')) == ['1.jpg', '2.PNG']
