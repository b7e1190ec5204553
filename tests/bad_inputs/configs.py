"""Configs and changes to them: a config is a program, so anything can go wrong in it."""

from __future__ import annotations

from pathlib import Path

from .case import Bench, Case

AREA = 'configs'


def option(change: str, says: str) -> Case:
    return Case(AREA, change, lambda bench: bench.train('--cfg-options', change), says)


def written(name: str, text: str, says: str) -> Case:
    """A config of its own."""

    def make(bench: Bench) -> list:
        path = bench.folder / 'own.py'
        path.write_text(text.format(base=bench.config))
        return bench.train(config=path)

    return Case(AREA, name, make, says)


CASES = [
    Case(AREA, 'not there', lambda bench: bench.train(config=Path('nowhere.py')), 'nowhere.py: no such config file'),
    Case(AREA, 'a folder', lambda bench: bench.train(config=bench.phantoms), 'is a folder: choose one of the configs'),
    Case(AREA, 'a checkpoint', lambda bench: bench.train(config=bench.checkpoint), 'holds weights: give the config'),
    written('a misspelt key', "_base_ = ['{base}']\ntrain_confg = dict()", 'nothing reads train_confg: did you mean'),
    written('a syntax error', 'model = dict(', 'own.py: cannot be read as a config'),
    written('code that fails', 'a = 1 / 0', 'own.py: cannot be read as a config (ZeroDivisionError'),
    written('empty', '', 'is not a model config of spondylo_mm'),
    written('a base that is not there', "_base_ = ['gone.py']", 'own.py: cannot be read as a config'),
    written('model without a head', 'codec = dict()\nmodel = dict()', 'lacks what every config here has'),
    written('a hook that does not exist', "_base_ = ['{base}']\ncustom_hooks = [dict(type='Nope')]", 'Nope is not in'),
    written('a transform that does not exist',
            "_base_ = ['{base}']\ntrain_dataloader = dict(dataset=dict(pipeline=[dict(type='Nope')]))",
            'Nope is not in'),
    written('heatmaps of another size than the codec', "_base_ = ['{base}']\nmodel = dict(head=dict(upsample=2))",
            'heatmap_size=(16, 16) in the codec: the network gives heatmaps of (32, 32)'),
    option('model.type=Foo', 'the run cannot be built as it says (KeyError: Foo is not in'),
    option('model.backbone.model_name=nope', 'the run cannot be built as it says'),
    option('model.head.in_channels=text', 'give a number'),
    option('model.head.in_channels=99', 'model.head.in_channels=99: the backbone gives 128 channels: set it to 128'),
    option('model=5', 'model=5: holds'),
    option('model.head.no_such_key=1', "has no key 'no_such_key'"),
    option('no_equals_sign', 'is not KEY=VALUE'),
    option('train_cfg.max_epochs=[1', 'give a number'),
    option('train_cfg.max_epochs=0', 'train_cfg.max_epochs=0: give a whole number from 1 up'),
    option('train_cfg.max_epochs=2.5', 'train_cfg.max_epochs=2.5: give a whole number from 1 up'),
    option('train_cfg.val_interval=0', 'train_cfg.val_interval=0: give a whole number from 1 up'),
    option('train_dataloader.batch_size=0', 'train_dataloader.batch_size=0: give a whole number from 1 up'),
    option('train_dataloader.batch_size=many', 'give a number'),
    option('train_dataloader.num_workers=-1', 'train_dataloader.num_workers=-1: give a whole number from 0 up'),
    option('train_dataloader.sampler.type=Foo', 'the training cannot be built as it says'),
    option('default_hooks.checkpoint.interval=0', 'default_hooks.checkpoint.interval=0: give a whole number'),
    option('optim_wrapper.optimizer.type=Foo', 'the optimizer cannot be built as it says'),
    option('optim_wrapper.optimizer.lr=-1', 'the optimizer cannot be built as it says (ValueError: Invalid learning'),
    option('param_scheduler.0.type=Foo', 'the learning rate schedule cannot be built as it says'),
    option('randomness.seed=-1', 'give a whole number from 0 up'),
    option('codec.sigma=3', 'changing codec here would reach nothing that uses it'),
    option('model.head.decoder.sigma=3', 'disagree'),
]  # fmt: skip
