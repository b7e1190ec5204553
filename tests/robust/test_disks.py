"""Full disks and read-only folders: a clear error, and what was there before stays."""

import functools
import json
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


# What `test.py` writes, in this order, and of which run; the first three get their names together.
WRITTEN = (
    'predictions.json',
    'summary.csv',
    'measurements.csv',
    'overlays',
    'coco.json',
    'report.html',
    'metrics.json',
)
RUNS = dict(films=('--images', 'FILMS', '--coco'), labels=('--split', 'val', '--mc-dropout', 2))
EARLIER = {'predictions.json': b'an earlier result', 'metrics.json': b'its metrics', 'report.html': b'its page'}
FULL_AT = [
    *(('films', name) for name in WRITTEN[:-1]),
    ('labels', 'metrics.json'),
    ('labels', 'reliability.png'),
]


def pages(size: int) -> int:
    """Of the memory that a file of so many bytes takes on a tmpfs."""
    return -(-size // 4096)


@pytest.fixture(scope='module')
def whole(tiny_config, trained, phantoms, tmp_path_factory):
    """``whole(run)``: arguments of one of ``RUNS``, and the files it writes where there is room, in their order."""

    def make(run: str) -> tuple[tuple, dict[str, bytes]]:
        options = [phantoms / 'Test' if option == 'FILMS' else option for option in RUNS[run]]
        arguments = (tiny_config, trained, '--data-root', phantoms, *options)
        folder = tmp_path_factory.mktemp(run)
        tool = Tool(folder / 'said', 'test.py', *arguments, '--out', folder / 'out').finish()
        assert tool.status == 0, tool.output
        order = [*WRITTEN, 'reliability.png']
        files = sorted(
            contents(folder / 'out').items(), key=lambda file: (order.index(Path(file[0]).parts[0]), file[0])
        )
        return arguments, dict(files)

    return functools.cache(make)


@pytest.mark.parametrize('run, full_at', FULL_AT)
def test_a_disk_that_is_full_in_the_middle_of_a_file(run, full_at, whole, tmp_path, mounted, record_property):
    """Whichever of its files a test run is writing: that one is named, those before it are whole, and an earlier run's
    results are all there, or none is."""
    arguments, files = whole(run)
    names = list(files)
    number = next(index for index, name in reversed([*enumerate(names)]) if name.startswith(full_at))
    before, first_three = names[:number], number < 3
    records = json.loads(files['predictions.json'])['images'].values()
    # what waits on the disk until it is written: records, and of a labelled run also labels, of less than two pages
    waiting = pages(sum(len(json.dumps(record)) + 1 for record in records)) + 2 * (run == 'labels')
    room = waiting + sum(pages(len(files[name])) for name in before) + pages(len(files[names[number]])) // 2
    out = mounted(f'size={4096 * (room + (len(EARLIER) if first_three else 0))}') / 'out'
    out.mkdir()
    for name, content in EARLIER.items():
        (out / name).write_bytes(content)
    tool = Tool(tmp_path / 'said', 'test.py', *arguments, '--out', out).finish()
    line = refused(tool)
    assert line.startswith(f'error: {out / names[number]}: No space left on device: ') and SAYS in line
    assert contents(out) == (EARLIER if first_three else {name: files[name] for name in before})
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
