"""Killed at any moment, a tool can be started again, and nothing half-written is ever taken for whole."""

import json
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
    wanted = ('*.json', '*.csv', '*.bmp')
    command, out = ('prepare_data.py', large_films, '--out'), tmp_path / 'killed'
    tool, seconds = run(tmp_path / 'said', *command, tmp_path / 'whole')
    assert tool.status == 0, tool.output
    whole = files(tmp_path / 'whole', *wanted)
    half_written = 0
    start = lambda: Tool(tmp_path / 'said', *command, out)  # noqa: E731
    for finished in kills(start, seconds, out, '*.bmp', files=3):
        assert files(out, *wanted).items() <= whole.items(), 'a file with its final name is not whole'
        assert not finished or files(out, *wanted) == whole
        half_written += any(out.rglob('.part-*')) and not finished
    assert half_written >= KILLS // 10  # else this tests less than it says
    record_property('area', 'SIGKILL: prepare_data')
    record_property('survived', KILLS)


def weights(work_dir: Path) -> dict[str, torch.Tensor]:
    return torch.load(work_dir / 'epoch_3.pth', weights_only=True)['state_dict']


def test_training(three_epochs, phantoms, tmp_path, record_property):
    """What was stopped twice and resumed ends with the weights of a run that nobody stopped, to the last bit."""
    command, work_dir = ('train.py', three_epochs, '--data-root', phantoms, '--work-dir'), tmp_path / 'killed'
    tool, seconds = run(tmp_path / 'said', *command, tmp_path / 'whole')
    assert tool.status == 0, tool.output
    whole = weights(tmp_path / 'whole')

    def start() -> Tool:
        """As a user would: resume if there is a checkpoint, else start again."""
        option = ['--resume'] if list(work_dir.glob('epoch_*.pth')) else []
        return Tool(tmp_path / 'said', *command, work_dir, *option)

    half_written = 0
    for finished in kills(start, seconds, work_dir, '*.pth', files=3):
        for path in work_dir.glob('[!.]*.pth'):
            torch.load(path, weights_only=True)  # whole, or not there
        half_written += any(work_dir.glob('.part-*')) and not finished
        if finished:
            resumed = weights(work_dir)
            assert all(torch.equal(value, resumed[name]) for name, value in whole.items())
    assert half_written >= KILLS // 4  # else this tests less than it says
    record_property('area', 'SIGKILL: training')
    record_property('survived', KILLS)


def test_test(tiny_config, trained, phantoms, tmp_path, record_property):
    wanted = ('*.json', '*.csv', '*.png', '*.html')
    command, out = ('test.py', tiny_config, trained, '--data-root', phantoms, '--out'), tmp_path / 'killed'
    tool, seconds = run(tmp_path / 'said', *command, tmp_path / 'whole')
    assert tool.status == 0, tool.output
    whole = files(tmp_path / 'whole', *wanted)
    assert {'predictions.json', 'metrics.json', 'summary.csv', 'report.html'} <= set(whole)
    start = lambda: Tool(tmp_path / 'said', *command, out)  # noqa: E731
    for finished in kills(start, seconds, out, '*.*', files=len(whole)):
        assert files(out, *wanted).items() <= whole.items(), 'a file with its final name is not whole'
        assert not finished or files(out, *wanted) == whole
    record_property('area', 'SIGKILL: test')
    record_property('survived', KILLS)
