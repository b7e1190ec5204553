"""Which checkpoint a run goes on from, and which it refuses."""

import shutil
from pathlib import Path

import pytest
import torch
from mmengine.logging import HistoryBuffer

from spondylo_mm.apis.checkpoints import read_checkpoint
from spondylo_mm.apis.resuming import checkpoint_to_resume
from spondylo_mm.apis.training import train
from spondylo_mm.errors import InputError


class RunsCode:
    def __reduce__(self):
        return (open, ('owned', 'w'))


def a_checkpoint(path: Path, **parts) -> Path:
    torch.save(dict(state_dict={}, meta={}, message_hub={}, optimizer={}) | parts, path)
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
    options = ('train_cfg.max_epochs=3', 'train_dataloader.num_workers=1', 'default_hooks.logger.interval=1')
    train(
        str(tiny_config),
        data_root=str(tmp_path / 'moved'),
        work_dir=str(tmp_path / 'work'),
        resume=True,
        options=options,
    )
    assert (tmp_path / 'work' / 'epoch_3.pth').is_file()
