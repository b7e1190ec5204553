"""What a checkpoint knows of its epoch, and that there is always one."""

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub

from spondylo_mm.apis.training import _SpineRunner, train
from spondylo_mm.engine.hooks.resumable_checkpoint_hook import ResumableCheckpointHook

INTERVAL = 'default_hooks.checkpoint.interval=1'  # the demo's is 4


def read(path: Path) -> dict:
    return torch.load(path, weights_only=True)


def test_the_last_checkpoint_knows_the_validation_of_its_epoch(trained):
    runtime = read(trained.parent / 'epoch_2.pth')['message_hub']['runtime_info']
    lines = [json.loads(line) for line in next(trained.parent.glob('*/vis_data/scalars.json')).read_text().splitlines()]
    measured = [line['spondylo/MRE'] for line in lines if 'spondylo/MRE' in line]
    assert len(measured) == 2
    assert float(runtime['best_score_spondylo/MRE']) == pytest.approx(min(measured))
    assert runtime['early_stopping']['best_score'] == pytest.approx(min(measured))


def test_the_best_by_error_and_the_best_by_loss_are_kept_and_one_last(trained):
    names = sorted(path.name for path in trained.parent.glob('*.pth'))
    assert [name.rsplit('_', 1)[0] for name in names] == [
        'best_spondylo_MRE_epoch',
        'best_spondylo_loss_epoch',
        'epoch',
    ]


def a_hook(work_dir: Path, by: str | list[str] | None) -> tuple[ResumableCheckpointHook, Callable]:
    """A hook that keeps the best by this, and ``runner(epoch)``, of a run whose checkpoints are empty files."""
    hub = MessageHub('test')

    def runner(epoch: int) -> SimpleNamespace:
        return SimpleNamespace(
            work_dir=str(work_dir),
            epoch=epoch,
            iter=epoch,
            max_epochs=9,
            train_loop=SimpleNamespace(stop_training=False),
            message_hub=hub,
            logger=logging.getLogger(__name__),
            save_checkpoint=lambda folder, filename, *args, **kwargs: Path(folder, filename).touch(),
        )

    hook = ResumableCheckpointHook(save_best=by, rule=by and 'less', interval=100, save_last=False)
    hook.before_train(runner(0))
    return hook, runner


@pytest.mark.parametrize('keep, expected', [(1, [3]), (2, [2, 3]), (-1, [1, 2, 3])])
def test_as_many_are_kept_as_asked_for(keep, expected, tiny_config, phantoms, tmp_path):
    options = ('train_cfg.max_epochs=3', 'train_cfg.val_interval=2', f'default_hooks.checkpoint.max_keep_ckpts={keep}')
    train(str(tiny_config), data_root=str(phantoms), work_dir=str(tmp_path), options=(*options, INTERVAL))
    assert sorted(int(path.stem[6:]) for path in tmp_path.glob('epoch_*.pth')) == expected


def test_a_run_that_dies_while_it_saves_keeps_its_last_checkpoint(tiny_config, phantoms, tmp_path, monkeypatch):
    save = _SpineRunner.save_checkpoint

    def die_in_epoch_2(self, out_dir, filename, *args, **kwargs):
        if filename == 'epoch_2.pth':
            raise KeyboardInterrupt
        save(self, out_dir, filename, *args, **kwargs)

    monkeypatch.setattr(_SpineRunner, 'save_checkpoint', die_in_epoch_2)
    with pytest.raises(KeyboardInterrupt):
        train(str(tiny_config), data_root=str(phantoms), work_dir=str(tmp_path), options=(INTERVAL,))
    assert read(tmp_path / 'epoch_1.pth')['meta']['epoch'] == 1


@pytest.mark.parametrize('by', ['spondylo/MRE', 'auto', ['spondylo/MRE', 'spondylo/loss']])
def test_a_run_that_dies_while_it_saves_a_better_one_keeps_the_best_so_far(by, tmp_path):
    def die(*args, **kwargs):
        raise KeyboardInterrupt

    hook, runner = a_hook(tmp_path, by)
    hook.after_val_epoch(runner(1), {'spondylo/MRE': 9.0, 'spondylo/loss': 1.0})
    assert list(tmp_path.glob('best_*MRE*')) == [tmp_path / 'best_spondylo_MRE_epoch_1.pth']
    dying = runner(2)
    dying.save_checkpoint = die
    with pytest.raises(KeyboardInterrupt):
        hook.after_val_epoch(dying, {'spondylo/MRE': 8.0, 'spondylo/loss': 2.0})
    assert (tmp_path / 'best_spondylo_MRE_epoch_1.pth').exists()


@pytest.mark.parametrize('by', ['spondylo/MRE', 'auto', ['spondylo/MRE', 'spondylo/loss']])
def test_of_the_best_ones_only_the_last_stays(by, tmp_path):
    """A better loss does not make the checkpoint of the lowest error another one."""
    hook, runner = a_hook(tmp_path, by)
    for epoch, (error, loss) in enumerate([(9.0, 3.0), (8.0, 2.0), (8.5, 1.0)], start=1):
        hook.after_val_epoch(runner(epoch), {'spondylo/MRE': error, 'spondylo/loss': loss})
    both = {'best_spondylo_MRE_epoch_2.pth', 'best_spondylo_loss_epoch_3.pth'}
    expected = both if isinstance(by, list) else {'best_spondylo_MRE_epoch_2.pth'}
    assert {path.name for path in tmp_path.glob('best_*')} == expected


def test_a_run_may_keep_no_best_one(tmp_path):
    hook, runner = a_hook(tmp_path, None)
    hook.after_val_epoch(runner(1), {'spondylo/MRE': 9.0})
    assert not list(tmp_path.glob('best_*'))


def test_a_checkpoint_that_cannot_be_written_whole_leaves_no_part(tiny_config, phantoms, tmp_path, monkeypatch):
    def half(content, file, *args, **kwargs):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('torch.save', half)
    with pytest.raises(OSError, match='No space left'):
        train(str(tiny_config), data_root=str(phantoms), work_dir=str(tmp_path), options=(INTERVAL,))
    assert not list(tmp_path.glob('*.pth')) and not list(tmp_path.glob('.part-*'))


def test_a_run_resumed_in_a_copy_of_its_folder_leaves_the_original_alone(tiny_config, phantoms, tmp_path):
    run = dict(data_root=str(phantoms), options=(INTERVAL,))
    train(str(tiny_config), work_dir=str(tmp_path / 'original'), **run)
    before = sorted(path.name for path in (tmp_path / 'original').glob('*.pth'))
    shutil.copytree(tmp_path / 'original', tmp_path / 'copy')
    options = (INTERVAL, 'train_cfg.max_epochs=5')  # long enough for a better one
    best = train(
        str(tiny_config), data_root=str(phantoms), work_dir=str(tmp_path / 'copy'), resume=True, options=options
    )
    assert best.parent == tmp_path / 'copy' and best.is_file()
    assert sorted(path.name for path in (tmp_path / 'original').glob('*.pth')) == before
