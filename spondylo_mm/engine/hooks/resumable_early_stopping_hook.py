"""Early stopping whose patience survives a stop of another kind."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import EarlyStoppingHook
from mmpose.registry import HOOKS

_STATE = 'early_stopping'


@HOOKS.register_module()
class ResumableEarlyStoppingHook(EarlyStoppingHook):
    """:class:`mmengine.hooks.EarlyStoppingHook` that keeps its best score and its count in checkpoints; mmengine's
    starts to count anew when a run is resumed."""

    priority = 'VERY_LOW'  # before ResumableCheckpointHook

    def before_train(self, runner: Any) -> None:
        if _STATE in runner.message_hub.runtime_info:
            state = runner.message_hub.get_info(_STATE)
            self.best_score, self.wait_count = state['best_score'], state['wait_count']
            runner.train_loop.stop_training = self.wait_count >= self.patience

    def after_val_epoch(self, runner: Any, metrics: dict[str, float]) -> None:
        super().after_val_epoch(runner, metrics)
        runner.message_hub.update_info(_STATE, dict(best_score=self.best_score, wait_count=self.wait_count))
