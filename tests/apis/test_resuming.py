"""Which checkpoint a run goes on from, and which it refuses."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer

from spondylo_mm.apis.checkpoints import read_checkpoint
from spondylo_mm.apis.resuming import check_same_run, checkpoint_to_resume, run_settings
from spondylo_mm.apis.training import train
from spondylo_mm.errors import InputError


class RunsCode:
    def __reduce__(self):
        return (open, ('owned', 'w'))


def a_checkpoint(path: Path, **parts) -> Path:
    whole = dict(state_dict=dict(a=torch.ones(1)), meta=dict(epoch=1, iter=2), message_hub={}, optimizer={})
    torch.save(whole | parts, path)
    return path


def test_the_last_of_a_work_dir_is_the_one_of_the_highest_epoch(tmp_path):
    for epoch in (9, 10):
        a_checkpoint(tmp_path / f'epoch_{epoch}.pth')
    (tmp_path / 'epoch_11_backup.pth').touch()
    path, _ = checkpoint_to_resume(True, tmp_path)
    assert path == tmp_path / 'epoch_10.pth'


def test_a_work_dir_without_one_and_a_file_that_is_not_there_are_refused(tmp_path):
    with pytest.raises(InputError, match='holds no checkpoint: leave it out'):
        checkpoint_to_resume(True, tmp_path)
    with pytest.raises(InputError, match='nowhere.pth: no such checkpoint: .* or --resume alone'):
        checkpoint_to_resume('nowhere.pth', tmp_path)


def test_only_a_whole_and_plain_checkpoint_of_a_run_can_be_resumed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(dict(state_dict={}, meta={}, message_hub={}), 'best.pth')
    with pytest.raises(InputError, match='holds no optimizer state'):
        checkpoint_to_resume('best.pth', tmp_path)
    a_checkpoint(tmp_path / 'evil.pth', meta=RunsCode())
    with pytest.raises(InputError, match='not opened for safety'):
        checkpoint_to_resume('evil.pth', tmp_path)
    assert not (tmp_path / 'owned').exists()
    a_checkpoint(tmp_path / 'mmengine.pth', message_hub=dict(loss=HistoryBuffer([0.5], [1])))
    with pytest.raises(InputError, match='was written by another program'):
        checkpoint_to_resume('mmengine.pth', tmp_path)


@pytest.mark.parametrize(
    'parts, message',
    [
        (dict(meta=[1]), 'its meta is a list, not a dict'),
        (dict(state_dict=None), 'its state_dict is a NoneType, not a dict'),
        (dict(message_hub=None), 'its message_hub is a NoneType, not a dict'),
        (dict(optimizer=[]), 'its optimizer is a list, not a dict'),
        (dict(meta=dict(iter=2)), 'its meta.epoch is no whole number from 0'),
        (dict(meta=dict(epoch=-1, iter=2)), 'its meta.epoch is no whole number from 0'),
        (dict(meta=dict(epoch=1, iter=2.0)), 'its meta.iter is no whole number from 0'),
        (dict(meta=dict(epoch=1, iter=2, seed='text')), 'its meta.seed is no whole number from 0 to 4294967295'),
        (dict(meta=dict(epoch=1, iter=2, seed=2**32)), 'its meta.seed is no whole number from 0 to 4294967295'),
    ],
)
def test_content_that_mmengine_cannot_take_up_is_named(parts, message, tmp_path):
    path = a_checkpoint(tmp_path / 'a.pth', **parts)
    with pytest.raises(InputError, match=f'a.pth: {message}.*: resume from another .*--load-from'):
        checkpoint_to_resume(str(path), tmp_path)


def test_a_config_in_a_checkpoint_is_refused_and_not_run(tmp_path):
    """mmengine looks there for how many GPUs an old run had."""
    path = a_checkpoint(tmp_path / 'a.pth', meta=dict(epoch=1, iter=2, config=f"open('{tmp_path / 'owned'}', 'w')"))
    with pytest.raises(InputError, match='a.pth: was written by another program, with a config .*--load-from'):
        checkpoint_to_resume(str(path), tmp_path)


@pytest.mark.parametrize('value', [torch.nan, 1e300], ids=['NaN', 'too large for single precision'])
def test_weights_that_are_not_finite_are_not_gone_on_from(value, tmp_path):
    weights = dict(a=torch.tensor([value], dtype=torch.float64))
    path = a_checkpoint(tmp_path / 'a.pth', state_dict=weights)
    with pytest.raises(InputError, match='a.pth: a hold NaN or infinity'):
        checkpoint_to_resume(str(path), tmp_path)


@pytest.mark.parametrize('settings', ['{', 5, '[' * 100_000, '[' * 500 + ']' * 500])
def test_settings_that_cannot_be_read_are_named(settings, tmp_path):
    with pytest.raises(InputError, match='a.pth: its meta.settings cannot be read: resume from another'):
        check_same_run(Config(), tmp_path / 'a.pth', dict(settings=settings))


def resume_with(parts: dict, trained: Path, config: Path, data: Path, work_dir: Path) -> None:
    """Go on from the last checkpoint of ``trained`` with other parts."""
    content = torch.load(trained.parent / 'epoch_2.pth', weights_only=True)
    torch.save(content | parts, work_dir / 'epoch_2.pth')
    options = ('train_cfg.max_epochs=3',)
    train(str(config), data_root=str(data), work_dir=str(work_dir), resume=True, options=options)


def test_a_run_does_not_go_on_from_random_weights_in_place_of_foreign_ones(trained, tiny_config, phantoms, tmp_path):
    foreign = dict(state_dict={'layer.weight': torch.ones(3)})
    with pytest.raises(InputError, match=r'epoch_2.pth: belongs to another model .*has unknown layer.weight'):
        resume_with(foreign, trained, tiny_config, phantoms, tmp_path)
    assert not (tmp_path / 'epoch_3.pth').exists()


@pytest.mark.parametrize('parts', [dict(optimizer={}), dict(message_hub={}), dict(param_schedulers=[5])])
def test_a_run_does_not_go_on_from_a_foreign_state(parts, trained, tiny_config, phantoms, tmp_path):
    with pytest.raises(
        InputError, match=r'epoch_2.pth: a run cannot go on from what it holds \(.*: resume from another'
    ):
        resume_with(parts, trained, tiny_config, phantoms, tmp_path)


def test_a_checkpoint_of_before_a_setting_was_free_is_still_resumed(tmp_path):
    """Of how predictions are made: it changes no weight."""
    now = Config(dict(model=dict(depth=3, test_cfg=dict(flip_test=True))))
    before = json.dumps(json.loads(run_settings(now)) | dict(model=dict(depth=3, test_cfg=dict(flip_test=False))))
    check_same_run(now, tmp_path / 'a.pth', dict(settings=before))
    other = before.replace('3', '4')
    with pytest.raises(InputError, match=r'other settings \(model.depth was 4, is 3\)'):
        check_same_run(now, tmp_path / 'a.pth', dict(settings=other))


@pytest.mark.parametrize(
    'change, named',
    [
        (dict(options=('optim_wrapper.optimizer.lr=0.1',)), 'optim_wrapper.optimizer.lr was 0.002, is 0.1'),
        (dict(options=('model.head.dropout=0.4',)), 'model.head.dropout was 0.1, is 0.4'),
        (dict(options=('train_dataloader.batch_size=2',)), 'train_dataloader.batch_size was 4, is 2'),
        (dict(seed=5), 'randomness.seed was 0, is 5'),
    ],
)
def test_another_run_is_not_resumed(change, named, trained, tiny_config, phantoms, tmp_path):
    shutil.copytree(trained.parent, tmp_path / 'work')
    with pytest.raises(InputError, match=f'other settings .*{named}.*--load-from'):
        train(str(tiny_config), data_root=str(phantoms), work_dir=str(tmp_path / 'work'), resume=True, **change)


def test_a_checkpoint_is_read_once_to_see_whether_a_run_goes_on_from_it(
    trained, tiny_config, phantoms, tmp_path, monkeypatch
):
    """It may hold half a gigabyte."""
    read = []
    monkeypatch.setattr(
        'spondylo_mm.apis.resuming.read_checkpoint', lambda path: read.append(path) or read_checkpoint(path)
    )
    last = trained.parent / 'epoch_2.pth'
    with pytest.raises(InputError, match='other settings'):
        train(str(tiny_config), data_root=str(phantoms), work_dir=str(tmp_path / 'work'), resume=str(last), seed=5)
    assert read == [last]


def test_what_changes_nothing_may_change(trained, tiny_config, phantoms, tmp_path):
    shutil.copytree(trained.parent, tmp_path / 'work')
    shutil.copytree(phantoms, tmp_path / 'moved')
    options = (
        'train_cfg.max_epochs=3',
        'train_dataloader.num_workers=1',
        'default_hooks.logger.interval=1',
        'model.test_cfg.flip_test=True',
    )
    train(
        str(tiny_config),
        data_root=str(tmp_path / 'moved'),
        work_dir=str(tmp_path / 'work'),
        resume=True,
        options=options,
    )
    assert (tmp_path / 'work' / 'epoch_3.pth').is_file()
