"""What is compared: each row is one of the configs of this repository with the budget of the benchmark.

Beside the published recipe and ours stand our recipe with one published fault each: what the repair of that fault alone
is worth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.config import Config

CONFIGS = Path(__file__).parents[2] / 'configs'


@dataclass(frozen=True)
class Row:
    """One model to train.

    Attributes:
        title: as in the table.
        config: path below configs/.
        fault: switches of ``configs/published/published_faults.py``, by where they act.
        flips: probability of a horizontal flip, None as in the config.
        judges: a row whose trained model this one judges, instead of training one.
    """

    title: str
    config: str
    fault: dict[str, dict] = field(default_factory=dict)
    flips: float | None = None
    judges: str | None = None


ROWS = {
    'ours_hrnet': Row('HRNet, ours', 'hrnet_w32_spondylo.py'),
    'published_hrnet': Row('HRNet, published recipe', 'published/hrnet_w32_published.py'),
    'published_repaired': Row(
        'HRNet, published recipe, faults 1 to 5 repaired',
        'published/hrnet_w32_published.py',
        dict(
            data=dict(numbered_from_the_top=False, corner_orders_taken_as_one=False),
            train=dict(flipped_without_exchange=False, empty_slots_ignored=False),
            preprocessor=dict(unequal_normalisation=False),
            head=dict(ten_in_every_image=False),
        ),
    ),
    'fault_1': Row(
        'HRNet, ours, but 1: numbered from the topmost label',
        'hrnet_w32_spondylo.py',
        dict(data=dict(numbered_from_the_top=True)),
    ),
    'fault_2': Row(
        'HRNet, ours, but 2: two corner orders taken as one',
        'hrnet_w32_spondylo.py',
        dict(data=dict(corner_orders_taken_as_one=True)),
    ),
    'flips': Row('HRNet, ours with flips (p 0.5)', 'hrnet_w32_spondylo.py', flips=0.5),
    'fault_3': Row(
        'HRNet, ours with flips, but 3: left and right not exchanged',
        'hrnet_w32_spondylo.py',
        dict(train=dict(flipped_without_exchange=True)),
        flips=0.5,
    ),
    'fault_4': Row(
        'HRNet, ours, but 4: training normalised otherwise than validation',
        'hrnet_w32_spondylo.py',
        dict(preprocessor=dict(unequal_normalisation=True)),
    ),
    'fault_5': Row(
        'HRNet, ours, but 5: ten vertebrae in every image',
        'hrnet_w32_spondylo.py',
        dict(train=dict(empty_slots_ignored=True), head=dict(ten_in_every_image=True)),
    ),
    'fault_6': Row(
        'HRNet, ours, but 6: judged by the published evaluator',
        'hrnet_w32_spondylo.py',
        dict(metric=dict(forgiving=True)),
        judges='ours_hrnet',
    ),
    'ours_unet': Row('U-Net, ours', 'unet_spondylo.py'),
    'ours_resnet': Row('ResNet, ours', 'resnet50_3deconv_spondylo.py'),
    'published_unet': Row('U-Net, published recipe', 'published/unet_published.py'),
    'published_resnet': Row('ResNet, published recipe', 'published/resnet50_published.py'),
}


@dataclass(frozen=True)
class Size:
    """One budget for every row.

    Attributes:
        train, val: phantoms.
        side: of the network input, px.
        epochs, batch_size, lr: of AdamW, warmed up for one epoch and then annealed along a cosine, for all weights
            alike: they all start random. The published rates are for pretrained backbones.
        shrink: replaces a config's model by a small one of its kind.
        train_options: for tools/train.py.
    """

    train: int
    val: int
    side: int
    epochs: int
    batch_size: int
    lr: float
    shrink: Callable[[Config], None]
    train_options: tuple[str, ...] = ()


def _small_models(config: Config) -> None:
    """Models that two CPU cores can train: HRNet-W18-small (3 M parameters), ResNet-18, a U-Net of a quarter width."""
    backbone, head = config.model.backbone, config.model.head
    if backbone.type == 'UNet':
        backbone.base_channels = 16
        head.in_channels = 16
    elif backbone.type == 'ResNet':
        backbone.depth = 18
        head.in_channels = 512
        head.deconv_out_channels = (64,) * len(head.deconv_out_channels)
    else:
        backbone.model_name = 'hrnet_w18_small'
        head.conv_out_channels = (64, 64)
    head.dropout = 0.1


SIZES = {
    'small': Size(320, 96, 256, 12, 8, 2e-3, _small_models),
    'full': Size(500, 200, 512, 100, 16, 2e-3, lambda config: None, ('--amp',)),
}


def build(row: Row, size: Size, data_root: Path) -> Config:
    """The config of a row."""
    config = Config.fromfile(CONFIGS / row.config)
    size.shrink(config)
    _set_input(config, size.side)
    _set_budget(config, size)
    if row.fault:
        _put_fault(config, row.fault)
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        loader.dataset.data_root = str(data_root)
    config.data_root = str(data_root)
    if row.flips is not None:
        next(step for step in config.train_dataloader.dataset.pipeline if step.type == 'RandomFlip').prob = row.flips
    config.visualizer.vis_backends = config.vis_backends = [dict(type='LocalVisBackend')]
    return config


def _set_input(config: Config, side: int) -> None:
    """Another input size; the heatmaps' stride, and the width of a Gaussian in the image, stay."""
    codec = dict(config.codec)
    ratio = side / codec['input_size'][0]
    stride = codec['input_size'][0] // codec['heatmap_size'][0]
    codec.update(input_size=(side, side), heatmap_size=(side // stride, side // stride))
    # a Gaussian of one heatmap pixel has too few pixels around its peak to be found between them
    codec['sigma'] = max(1.5, codec['sigma'] * ratio)
    config.codec = config.model.head.decoder = codec
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        loader.dataset.codec = codec


def _set_budget(config: Config, size: Size) -> None:
    config.model.backbone.pop('frozen_stages', None)  # nothing is pretrained
    if config.model.backbone.get('init_cfg'):
        del config.model.backbone.init_cfg
    if 'pretrained' in config.model.backbone:
        config.model.backbone.pretrained = False
    config.train_dataloader.batch_size = size.batch_size
    decay = config.optim_wrapper.optimizer.weight_decay if config.optim_wrapper.optimizer.type == 'AdamW' else 1e-4
    config.optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=size.lr, weight_decay=decay))
    config.param_scheduler = [
        dict(type='LinearLR', start_factor=0.01, begin=0, end=1, by_epoch=True, convert_to_iter_based=True),
        dict(
            type='CosineAnnealingLR',
            eta_min=size.lr / 200,
            begin=1,
            end=size.epochs,
            T_max=size.epochs - 1,
            by_epoch=True,
            convert_to_iter_based=True,
        ),
    ]
    config.auto_scale_lr = dict(enable=False, base_batch_size=size.batch_size)
    config.train_cfg = dict(by_epoch=True, max_epochs=size.epochs, val_interval=max(1, size.epochs // 12))
    config.default_hooks.early_stopping.patience = size.epochs  # the same budget for all


def _put_fault(config: Config, fault: dict[str, dict]) -> None:
    config.custom_imports.imports = ['spondylo_mm.plugin', 'published_faults']
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        loader.dataset.type = 'PublishedDataset'
        loader.dataset.update(fault.get('data', {}))
    config.train_dataloader.dataset.update(fault.get('train', {}))
    config.model.data_preprocessor.type = 'PublishedPreprocessor'
    config.model.data_preprocessor.update(fault.get('preprocessor', {}))
    config.model.head.type = 'PublishedHead'
    config.model.head.update(fault.get('head', {}))
    if 'metric' in fault:
        config.test_evaluator.update(type='PublishedMetric', **fault['metric'])
        pack = config.test_dataloader.dataset.pipeline[-1]
        pack.meta_keys = (*pack.meta_keys, 'published_targets')
