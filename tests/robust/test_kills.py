"""Killed at any moment, a tool can be started again, and nothing half-written is ever taken for whole."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from ..bad_inputs.case import COLUMN
from .kills import KILLS, Tool, kills, run

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
    """Half of the kills hit at any time, the others while a film is being copied."""
    wanted = ('*.json', '*.csv', '*.bmp')
    out = tmp_path / 'killed'
    tool, seconds = run(tmp_path / 'said', 'prepare_data.py', large_films, '--out', tmp_path / 'whole')
    assert tool.status == 0, tool.output
    whole = files(tmp_path / 'whole', *wanted)

    def while_copying(tool: Tool, moment: float) -> Tool:
        return tool.kill_when(lambda: len(list(out.rglob('*.bmp'))) > 3 * moment / seconds)

    while_writing = 0
    start = lambda: Tool(tmp_path / 'said', 'prepare_data.py', large_films, '--out', out)  # noqa: E731
    for _, finished in kills(start, seconds, Tool.kill_after, while_copying):
        while_writing += any(out.rglob('.part-*')) and not finished
        assert files(out, *wanted).items() <= whole.items(), 'a file with its final name is not whole'
        if finished:
            assert files(out, *wanted) == whole
            shutil.rmtree(out)
    assert while_writing >= KILLS // 10  # else this tests less than it says
    record_property('area', 'SIGKILL: prepare_data')
    record_property('survived', KILLS)


def weights(work_dir: Path) -> dict[str, torch.Tensor]:
    return torch.load(work_dir / 'epoch_3.pth', weights_only=True)['state_dict']


def test_training(three_epochs, phantoms, tmp_path, record_property):
    """Half of the kills hit at any time, the others while a checkpoint is being written."""
    command = ('train.py', three_epochs, '--data-root', phantoms, '--work-dir')
    work_dir = tmp_path / 'killed'
    tool, seconds = run(tmp_path / 'said', *command, tmp_path / 'whole')
    assert tool.status == 0, tool.output
    whole = weights(tmp_path / 'whole')

    def start() -> Tool:
        """As a user would: resume if there is a checkpoint, else start again."""
        option = ['--resume'] if list(work_dir.glob('epoch_*.pth')) else []
        return Tool(tmp_path / 'said', *command, work_dir, *option)

    def while_saving(tool: Tool, moment: float) -> Tool:
        there = len(list(work_dir.glob('epoch_*.pth')))
        after = there + moment / seconds * (3 - there) - 1  # of the checkpoints that are still to come

        def is_writing() -> bool:
            return len(list(work_dir.glob('epoch_*.pth'))) > after and any(work_dir.glob('.part-*.pth'))

        return tool.kill_when(is_writing)

    while_writing = 0
    for _, finished in kills(start, seconds, Tool.kill_after, while_saving):
        while_writing += any(work_dir.glob('.part-*.pth')) and not finished
        for path in work_dir.glob('[!.]*.pth'):
            torch.load(path, weights_only=True)  # whole, or not there
        if finished:
            resumed = weights(work_dir)
            assert all(torch.equal(value, resumed[name]) for name, value in whole.items())
            shutil.rmtree(work_dir)
    assert while_writing >= KILLS // 4  # else this tests less than it says
    record_property('area', 'SIGKILL: training')
    record_property('survived', KILLS)


def test_test(tiny_config, trained, phantoms, tmp_path, record_property):
    wanted = ('*.json', '*.csv', '*.png', '*.html')
    command = ('test.py', tiny_config, trained, '--data-root', phantoms, '--out')
    out = tmp_path / 'killed'
    tool, seconds = run(tmp_path / 'said', *command, tmp_path / 'whole')
    assert tool.status == 0, tool.output
    whole = files(tmp_path / 'whole', *wanted)
    assert {'predictions.json', 'metrics.json', 'summary.csv', 'report.html'} <= set(whole)
    start = lambda: Tool(tmp_path / 'said', *command, out)  # noqa: E731
    for _, finished in kills(start, seconds, Tool.kill_after):
        assert files(out, *wanted).items() <= whole.items(), 'a file with its final name is not whole'
        if finished:
            assert files(out, *wanted) == whole
            shutil.rmtree(out)
    record_property('area', 'SIGKILL: test')
    record_property('survived', KILLS)
