# A small HRNet that has seen phantoms only, for radiographs of patients: what two CPU cores train in an hour. Phantoms
# differ from films in ways nobody has thought of, so training varies grey levels, shading and detail widely.
_base_ = ['./demo.py']

data_root = 'data/phantoms'

train_pipeline = [
    dict(type='LoadRadiograph'),
    dict(type='RandomFlip', prob=0.25),  # patients of other archives face right in four films of ten
    dict(type='RandomSpineAffine', rotation=15, scale=(0.75, 1.25), shift=0.1),
    dict(type='StretchToInput'),
    dict(type='RandomShading', strength=0.25),
    dict(type='RandomExposure', brightness=0.2, contrast=0.4, gamma=(0.5, 2.0), invert_prob=0.03),
    dict(type='RandomDetail'),
    dict(type='KeypointTargets'),
    dict(type='PackPoseInputs'),
]
train_dataloader = dict(dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = dict(dataset=dict(data_root=data_root))

train_cfg = dict(max_epochs=10, val_interval=2)
default_hooks = dict(checkpoint=dict(interval=2))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=0.5, by_epoch=True, convert_to_iter_based=True),
    dict(
        type='CosineAnnealingLR', eta_min=1e-5, begin=0.5, end=10, T_max=9.5, by_epoch=True, convert_to_iter_based=True
    ),
]
