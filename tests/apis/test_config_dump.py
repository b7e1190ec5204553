"""A config that was written down is read back without being run."""

from pathlib import Path

import pytest
from mmengine.config import Config

from spondylo_mm.apis.config_dump import read_config_dump
from spondylo_mm.errors import InputError

CONFIGS = Path(__file__).parents[2] / 'configs'
PATHS = [*CONFIGS.glob('*.py'), *CONFIGS.glob('published/*_published.py')]


def read(path: Path, text: str | bytes) -> dict:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_config_dump(path)


@pytest.mark.parametrize('path', sorted(PATHS), ids=lambda path: path.stem)
def test_what_mmengine_dumps_of_every_config_is_read_as_it_was(path, tmp_path):
    config = Config.fromfile(path)
    config.dump(tmp_path / 'config.py')
    assert read_config_dump(tmp_path / 'config.py') == config.to_dict()


def test_what_mmengine_lays_out_in_other_ways_is_read_as_it_was(tmp_path):
    content = dict(
        keys={'a-b': 1, 'class': dict(x=[dict(y=(1,)), 'z'])}, empty={}, nothing=[None, True, -1, -0.5, 1e-3, ()],
        said='a\'b"c\n\\d é', nested=[[1, [2]], ((3,),)],
    )  # fmt: skip
    Config(content).dump(tmp_path / 'config.py')
    assert read_config_dump(tmp_path / 'config.py') == content


@pytest.mark.parametrize(
    'text',
    [
        "import os\nos.mkdir('owned')",
        "x = open('owned', 'w')",
        "x = __import__('os').mkdir('owned')",
        "x = dict(a=[open('owned', 'w')])",
        "x = dict(*open('owned', 'w'))",
        "x = [open('owned', 'w') for _ in 'a']",
        'x = f\'{open("owned", "w")}\'',
        "_base_ = './other.py'\nx: open('owned', 'w') = 1",
    ],
)
def test_nothing_in_it_is_run(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r'config\.py: cannot be read as a config that mmengine wrote .*restore it'):
        read(tmp_path / 'config.py', text)
    assert [path.name for path in tmp_path.iterdir()] == ['config.py']


@pytest.mark.parametrize(
    'text',
    [
        'x = (',
        'x = y = 1',
        'x.y = 1',
        'x = y',
        'x = -y',
        "x = -'a'",
        'x = not 1',
        'x = {**y}',
        'x = dict(**y)',
        'x = dict([(1, 2)])',
        'x = dict({}, {})',
        'x = {[]: 1}',
        'x = tuple()',
        b'x = "\xff"',
        'x = 1\0',
        f'x = 0x{"f" * 5000}',
        f'x = {"[" * 100_000}',
        f'x = {"-" * 100_000}1',
        f'x = 1{" + 1" * 100_000}',
    ],
    ids=range(19),
)
def test_what_mmengine_does_not_write_is_refused(text, tmp_path):
    with pytest.raises(InputError, match=r'config\.py: cannot be read'):
        read(tmp_path / 'config.py', text)


def test_a_folder_in_its_place_is_refused(tmp_path):
    with pytest.raises(InputError, match=r'cannot be read as a config that mmengine wrote \(ValueError\)'):
        read_config_dump(tmp_path)
