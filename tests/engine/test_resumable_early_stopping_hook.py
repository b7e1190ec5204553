"""Patience, counted over the whole run."""

import json

import torch

from spondylo_mm.apis.training import train

# nothing counts as better than the first validation
IMPATIENT = ('default_hooks.early_stopping.min_delta=1000', 'default_hooks.checkpoint.interval=1')


def epochs_of(work_dir) -> int:
    return json.loads((work_dir / 'run.json').read_text())['epochs']


def test_a_run_without_progress_stops_when_the_patience_is_at_its_end(tiny_config, phantoms, tmp_path):
    options = (*IMPATIENT, 'train_cfg.max_epochs=6', 'default_hooks.early_stopping.patience=2')
    train(str(tiny_config), data_root=str(phantoms), work_dir=str(tmp_path), options=options)
    assert epochs_of(tmp_path) == 3
    assert torch.load(tmp_path / 'epoch_3.pth', weights_only=True)['meta']['epoch'] == 3  # its last one is kept


def test_a_resumed_run_goes_on_counting(tiny_config, phantoms, tmp_path):
    options = (*IMPATIENT, 'default_hooks.early_stopping.patience=2')
    run = dict(data_root=str(phantoms), work_dir=str(tmp_path))
    train(str(tiny_config), **run, options=(*options, 'train_cfg.max_epochs=2'))
    train(str(tiny_config), **run, options=(*options, 'train_cfg.max_epochs=6'), resume=True)
    assert epochs_of(tmp_path) == 3
    train(str(tiny_config), **run, options=(*options, 'train_cfg.max_epochs=6'), resume=True)
    assert epochs_of(tmp_path) == 3  # it had come to its end
