"""Checkpoints from which a stopped run goes on exactly as if it had not been stopped."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmpose.registry import HOOKS


@HOOKS.register_module()
class ResumableCheckpointHook(CheckpointHook):
    """:class:`mmengine.hooks.CheckpointHook` that saves an epoch once its validation is over.

    mmengine saves before: what validation changes (the learning rate on a plateau, the patience of early stopping, the
    best score so far) is lost to the run that resumes. It also deletes the previous checkpoint, and the best one so
    far, first, so that a run killed while it saves has none; here they go last. And a run resumed in a copy of its work
    dir deletes the best checkpoint of the original; here it minds its own.

    Resuming is exact between epochs. Where ``accumulative_counts`` does not divide the steps of an epoch, the gradients
    under way are lost.
    """

    priority = 'LOWEST'  # after all that validation changes

    def before_train(self, runner: Any) -> None:
        known = runner.message_hub.runtime_info
        for name in [name for name in known if name.startswith('best_ckpt') and known[name]]:
            runner.message_hub.update_info(name, str(Path(runner.work_dir, Path(known[name]).name)))
        super().before_train(runner)

    def after_train_epoch(self, runner: Any) -> None:
        if not _validation_follows(runner):
            super().after_train_epoch(runner)

    def after_val_epoch(self, runner: Any, metrics: dict[str, float]) -> None:
        super().after_val_epoch(runner, metrics)
        is_due = runner.epoch >= self.save_begin and (runner.epoch - self.save_begin) % self.interval == 0
        is_last = runner.epoch == runner.max_epochs or runner.train_loop.stop_training
        if is_due or (self.save_last and is_last):
            self._save_checkpoint_with_step(runner, runner.epoch, dict(epoch=runner.epoch, iter=runner.iter))

    def _save_best_checkpoint(self, runner: Any, metrics: dict[str, float]) -> None:
        if not self.save_best:
            return
        last, self.last_ckpt = self.last_ckpt, None  # else mmengine saves the last one again, to name the best in it
        before = self._best_paths()
        self._set_best_paths(dict.fromkeys(before))  # mmengine deletes nothing
        super()._save_best_checkpoint(runner, metrics)
        self.last_ckpt = last
        saved = {key: path for key, path in self._best_paths().items() if path}
        self._set_best_paths(before | saved)
        for key in saved:
            if before[key] and before[key] != saved[key] and is_main_process():
                Path(before[key]).unlink(missing_ok=True)

    def _best_paths(self) -> dict[str, str | None]:
        """The best checkpoint so far by each metric; mmengine keeps that of a single one, which has no name yet where
        it is ``auto``, by itself."""
        return self.best_ckpt_path_dict if len(self.save_best) > 1 else {'': self.best_ckpt_path}

    def _set_best_paths(self, paths: dict[str, str | None]) -> None:
        if len(self.save_best) > 1:
            self.best_ckpt_path_dict = paths
        else:
            self.best_ckpt_path = paths['']

    def _save_checkpoint_with_step(self, runner: Any, step: int, meta: dict) -> None:
        num_kept = self.max_keep_ckpts
        steps = [*getattr(self, 'keep_ckpt_ids', []), step]
        if num_kept > 0:
            runner.message_hub.update_info('keep_ckpt_ids', steps[-num_kept:])
        self.max_keep_ckpts = -1  # mmengine deletes nothing
        super()._save_checkpoint_with_step(runner, step, meta)
        self.max_keep_ckpts = num_kept
        if num_kept > 0:
            self.keep_ckpt_ids = deque(steps[-num_kept:], num_kept)
            for outdated in steps[:-num_kept]:
                if is_main_process():
                    Path(self.out_dir, self.filename_tmpl.format(outdated)).unlink(missing_ok=True)


def _validation_follows(runner: Any) -> bool:
    """Whether the epoch that just ended will be validated; the condition of mmengine's ``EpochBasedTrainLoop``."""
    loop, epoch = runner.train_loop, runner.epoch + 1
    return (
        runner.val_loop is not None
        and epoch >= loop.val_begin
        and (epoch % loop.val_interval == 0 or epoch == loop.max_epochs)
    )
