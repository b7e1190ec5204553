# The published data: 512 x 512 letterboxed, wide and high targets at full resolution, flips and no other augmentation,
# and faults 1, 2, 3, 5 and 6 (README.md).
_base_ = ['../../_base_/datasets/spondylo_fullres.py']

codec = dict(sigma=15.0, amplitude=10.0)

train_pipeline = [
    dict(type='LoadRadiograph'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='LetterboxToInput'),
    dict(type='KeypointTargets'),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    dict(type='LoadRadiograph'),
    dict(type='LetterboxToInput'),
    dict(type='KeypointTargets'),
    dict(type='PackPoseInputs', meta_keys=(*_base_.val_pipeline[-1].meta_keys, 'published_targets')),
]

train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        type='PublishedDataset',
        numbered_from_the_top=True,  # 1
        corner_orders_taken_as_one=True,  # 2
        flipped_without_exchange=True,  # 3
        empty_slots_ignored=True,  # 5
        codec=codec,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(
        type='PublishedDataset',
        numbered_from_the_top=True,  # 1: what the model's channels mean, also to those who judge it
        corner_orders_taken_as_one=True,  # 2: reaches published/ only; spondylo/ is held against the true corners
        codec=codec,
        pipeline=val_pipeline,
    ),
)
test_dataloader = val_dataloader

# spondylo/ as everywhere, and beside it published/
val_evaluator = [dict(type='PublishedMetric', forgiving=True), dict(type='ValidationLoss')]  # 6
test_evaluator = dict(type='PublishedMetric', forgiving=True)
