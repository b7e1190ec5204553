"""Full disks and read-only folders: a clear error, and what was there before stays."""

import os
import subprocess
from pathlib import Path

import pytest

from .kills import Tool

pytestmark = pytest.mark.robust
SAYS = 'choose an output folder that can be written to and has room'


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob('*') if path.is_file()}


@pytest.fixture
def mounted(tmp_path):
    """``mounted(options)``: a folder on a small memory file system, if this machine lets us; remount it as you like."""
    folder = tmp_path / 'small'
    folder.mkdir()

    def mount(options: str) -> Path:
        done = subprocess.run(['mount', '-t', 'tmpfs', '-o', options, 'tmpfs', str(folder)], capture_output=True)
        if done.returncode:
            pytest.skip(f'a tmpfs cannot be mounted here: {done.stderr.decode().strip()}')
        return folder

    yield mount
    subprocess.run(['umount', str(folder)], capture_output=True)


def command(tool: str, config: Path, checkpoint: Path, phantoms: Path, out: Path) -> tuple:
    return {
        'prepare_data.py': (phantoms, '--out', out),
        'test.py': (config, checkpoint, '--data-root', phantoms, '--out', out),
        'train.py': (config, '--data-root', phantoms, '--work-dir', out),
    }[tool]


def refused(tool: Tool) -> str:
    assert tool.status == 2, tool.output
    assert 'Traceback' not in tool.output
    (line,) = [line for line in tool.output.splitlines() if line.startswith('error: ')]
    return line


TOOLS = ('prepare_data.py', 'test.py', 'train.py')


@pytest.mark.parametrize('name', TOOLS)
def test_a_full_disk(name, tiny_config, trained, phantoms, tmp_path, mounted, record_property):
    """It holds a part of what is written, whichever file that ends in."""
    out = mounted('size=60k') / 'out'
    out.mkdir()
    (out / 'earlier.txt').write_text('an earlier result')
    tool = Tool(tmp_path / 'said', name, *command(name, tiny_config, trained, phantoms, out)).finish()
    assert SAYS in refused(tool) and str(out) in refused(tool)
    assert (out / 'earlier.txt').read_text() == 'an earlier result'
    assert not [path for path in out.rglob('.part-*')]
    record_property('area', 'full and read-only disks')
    record_property('refused', 1)


@pytest.mark.parametrize('name', TOOLS)
def test_a_limit_on_the_size_of_files(name, tiny_config, trained, phantoms, tmp_path, record_property):
    """As a quota does; the second run of a tool finds its earlier results as they were."""
    out = tmp_path / 'out'
    arguments = command(name, tiny_config, trained, phantoms, out)
    if name == 'test.py':  # all films: their predictions take more than the limit, which the config must not
        arguments += ('--images', phantoms)
    if name != 'train.py':  # whose results are checkpoints of its own second: none is replaced
        assert Tool(tmp_path / 'said', name, *arguments).finish().status == 0
    before = contents(out) if out.exists() else {}
    limit = 8_000 if name != 'train.py' else 200_000  # bytes: less than the annotations, less than a checkpoint
    tool = Tool(tmp_path / 'said', name, *arguments, largest_file=limit).finish()
    assert SAYS in refused(tool)
    after = contents(out) if out.exists() else {}
    assert not [file for file in after if '.part-' in file]
    if name != 'train.py':
        assert after == before
    record_property('area', 'full and read-only disks')
    record_property('refused', 1)


@pytest.mark.parametrize('name', TOOLS)
def test_a_read_only_folder(name, tiny_config, trained, phantoms, tmp_path, mounted, record_property):
    folder = mounted('size=1m')
    (folder / 'earlier.txt').write_text('an earlier result')
    assert os.system(f'mount -o remount,ro {folder}') == 0
    tool = Tool(tmp_path / 'said', name, *command(name, tiny_config, trained, phantoms, folder / 'out')).finish()
    assert 'choose an output folder' in refused(tool)
    assert contents(folder) == {'earlier.txt': b'an earlier result'}
    record_property('area', 'full and read-only disks')
    record_property('refused', 1)
