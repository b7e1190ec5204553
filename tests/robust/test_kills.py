"""Killed at any moment, a tool can be started again, and nothing half-written is ever taken for whole."""

import json
import os
import random
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from ..bad_inputs.case import COLUMN
from .kills import Tool, run

KILLS = int(os.environ.get('KILLS', 20))  # of each tool; fewer on a busy machine
pytestmark = pytest.mark.robust


@pytest.fixture(scope='module')
def three_epochs(tiny_config, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp('configs') / 'three_epochs.py'
    path.write_text(f"""
_base_ = ['{tiny_config}']
train_cfg = dict(max_epochs=3, val_interval=1)
default_hooks = dict(checkpoint=dict(interval=1, save_best='spondylo/MRE'))
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
""")
    return path


def moments(whole: float) -> list[float]:
    """Seconds to kill after: all over a run's own time."""
    return [random.Random(seed).uniform(0, whole) for seed in range(KILLS)]


def files(folder: Path, *patterns: str) -> dict[str, bytes]:
    found = [path for pattern in patterns for path in folder.rglob(pattern) if not path.name.startswith('.part-')]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.fixture(scope='module')
def large_films(tmp_path_factory) -> Path:
    """Three of 16 MB: copying one takes long enough to be killed in the middle."""
    root = tmp_path_factory.mktemp('large') / 'raw'
    for number, split in enumerate(('train', 'train', 'val')):
        image, label = (root / kind / split / f'000{number}-F-050Y1' for kind in ('images', 'labels'))
        for path in (image, label):
            path.parent.mkdir(parents=True, exist_ok=True)
        Image.new('L', (4000, 4000), 50 * number).save(image.with_suffix('.bmp'))
        label.with_suffix('.json').write_text(json.dumps(dict(keypoints=COLUMN)))
    return root


def test_prepare_data(large_films, tmp_path, record_property):
    """Half of the kills hit at any time, the others as soon as one, two or three files are there."""
    wanted = ('*.json', '*.csv', '*.bmp')
    tool, seconds = run(tmp_path / 'said', 'prepare_data.py', large_films, '--out', tmp_path / 'whole')
    assert tool.status == 0, tool.output
    whole = files(tmp_path / 'whole', *wanted)
    while_writing = 0
    for number, moment in enumerate(moments(seconds)):
        out = tmp_path / 'killed'
        tool = Tool(tmp_path / 'said', 'prepare_data.py', large_films, '--out', out)
        if number % 2:
            count = 1 + number // 2 % 3
            tool.kill_when(lambda out=out, count=count: len(list(out.rglob('*.bmp'))) >= count)
            while_writing += any(out.rglob('.part-*.bmp'))
        else:
            tool.kill_after(moment)
        assert files(out, *wanted).items() <= whole.items(), 'a file with its final name is not whole'
        if number % 4 == 3:  # after several kills in one folder
            tool, _ = run(tmp_path / 'said', 'prepare_data.py', large_films, '--out', out)
            assert tool.status == 0, tool.output
            assert files(out, *wanted) == whole
            shutil.rmtree(out)
    assert while_writing >= KILLS // 10  # else this tests less than it says
    record_property('area', 'SIGKILL: prepare_data')
    record_property('survived', KILLS)


def weights(work_dir: Path) -> dict[str, torch.Tensor]:
    return torch.load(work_dir / 'epoch_3.pth', weights_only=True)['state_dict']


def go_on(said: Path, config: Path, phantoms: Path, work_dir: Path) -> None:
    """As a user would: resume if there is a checkpoint, else start again."""
    option = ['--resume'] if list(work_dir.glob('epoch_*.pth')) else []
    tool, _ = run(said, 'train.py', config, '--data-root', phantoms, '--work-dir', work_dir, *option)
    assert tool.status == 0, tool.output


def test_training(three_epochs, phantoms, tmp_path, record_property):
    """Half of the kills hit at any time, the others while a checkpoint is being written."""
    command = ('train.py', three_epochs, '--data-root', phantoms, '--work-dir')
    tool, seconds = run(tmp_path / 'said', *command, tmp_path / 'whole')
    assert tool.status == 0, tool.output
    whole = weights(tmp_path / 'whole')
    while_writing = 0
    for number, moment in enumerate(moments(seconds)):
        work_dir = tmp_path / f'killed{number}'
        tool = Tool(tmp_path / 'said', *command, work_dir)
        if number % 2:
            after = moment / seconds * 3  # of three checkpoints, and as many best ones

            def is_writing(folder=work_dir, after=after):
                return len(list(folder.glob('*.pth'))) >= after and any(folder.glob('.part-*.pth'))

            tool.kill_when(is_writing)
            while_writing += any(work_dir.glob('.part-*.pth'))
        else:
            tool.kill_after(moment)
        for path in work_dir.glob('[!.]*.pth'):
            torch.load(path, weights_only=True)  # whole, or not there
        if not (work_dir / 'epoch_3.pth').exists():
            go_on(tmp_path / 'said', three_epochs, phantoms, work_dir)
        resumed = weights(work_dir)
        assert all(torch.equal(value, resumed[name]) for name, value in whole.items())
    assert while_writing >= KILLS // 6  # else this tests less than it says
    record_property('area', 'SIGKILL: training')
    record_property('survived', KILLS)


def test_test(tiny_config, trained, phantoms, tmp_path, record_property):
    command = ('test.py', tiny_config, trained, '--data-root', phantoms, '--out')
    wanted = ('*.json', '*.csv', '*.png')
    tool, seconds = run(tmp_path / 'said', *command, tmp_path / 'whole')
    assert tool.status == 0, tool.output
    whole = files(tmp_path / 'whole', *wanted)
    assert {'predictions.json', 'metrics.json', 'summary.csv'} <= set(whole)
    for number, moment in enumerate(moments(seconds)):
        out = tmp_path / f'killed{number % 4}'
        Tool(tmp_path / 'said', *command, out).kill_after(moment)
        assert files(out, *wanted).items() <= whole.items(), 'a file with its final name is not whole'
    for number in range(4):
        tool, _ = run(tmp_path / 'said', *command, tmp_path / f'killed{number}')
        assert tool.status == 0, tool.output
        assert files(tmp_path / f'killed{number}', *wanted) == whole
    json.loads(whole['predictions.json'])
    record_property('area', 'SIGKILL: test')
    record_property('survived', KILLS)
