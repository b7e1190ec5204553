# The order-free model taught by closeups of a few vertebrae too, at which it then looks a third time: a slip of one
# point is less than half a pixel of a whole film at 512 px.
_base_ = ['./phantoms_only_centers.py']

model = dict(test_cfg=dict(closeups=True))

train_pipeline = [
    *_base_.train_pipeline[:2],
    dict(type='RandomSpineAffine', rotation=15, scale=(0.75, 3.0), shift=0.12, along_spine=True),
    *_base_.train_pipeline[3:],
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

train_cfg = dict(max_epochs=30, val_interval=10)
default_hooks = dict(checkpoint=dict(interval=10))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=0.5, by_epoch=True, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR', eta_min=1e-5, begin=0.5, end=30, T_max=29.5, by_epoch=True, convert_to_iter_based=True
    ),
]
