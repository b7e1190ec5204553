"""How every tool ends."""

import errno
import re
from pathlib import Path

import pytest

from spondylo_mm import command_line
from spondylo_mm.command_line import run
from spondylo_mm.errors import InputError


def status_of(main):
    with pytest.raises(SystemExit) as exit_:
        run(main)
    return exit_.value.code


def test_tools_stand_on_the_package_and_not_the_package_on_them():
    modules = Path(command_line.__file__).parent.rglob('*.py')
    importing = [path for path in modules if re.search(r'import.*command_line|command_line import', path.read_text())]
    assert not importing


def test_success_is_0_and_a_tool_may_choose_its_status():
    assert status_of(lambda: None) == 0
    assert status_of(lambda: 2) == 2


def test_bad_input_is_2_with_one_line(capsys):

    def main():
        raise InputError('labels/a.json: has 3 corners:\n  draw the fourth')

    assert status_of(main) == 2
    assert capsys.readouterr().err == 'error: labels/a.json: has 3 corners: draw the fourth\n'


@pytest.mark.parametrize('number', [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_full_or_read_only_disk_is_2_with_the_path(number, capsys):

    def main():
        raise OSError(number, 'disk trouble', 'out/predictions.json')

    assert status_of(main) == 2
    assert capsys.readouterr().err.startswith('error: out/predictions.json: disk trouble: ')


def test_a_bug_is_not_dressed_up_as_bad_input():

    def main():
        raise ConnectionResetError(errno.ECONNRESET, 'not a disk error')

    with pytest.raises(ConnectionResetError):
        run(main)


def test_an_error_of_a_named_file_is_bad_input_too(capsys):
    def main():
        raise FileNotFoundError(errno.ENOENT, 'No such file or directory', '/nowhere/x')

    assert status_of(main) == 2
    assert capsys.readouterr().err == 'error: /nowhere/x: No such file or directory: check that path\n'
