# Radiographs prepared by tools/prepare_data.py. A variant with another input size overrides `codec` in four places, see
# configs/demo.py.
_base_ = ['./spondylo_40kp.py']

data_root = 'data/spondylo'
anchor = 'caudal'  # the end of the spine from which slots are counted; 'cranial' to compare with published baselines

codec = dict(
    type='VertebraHeatmap',
    input_size=(512, 512),
    heatmap_size=(128, 128),  # stride 4
    sigma=2.0,  # heatmap pixels, as MMPose at this size
    above='ignore',  # a slot above the topmost labelled vertebra is unknown, not empty
)

# Training and test differ in augmentation and in nothing else; grey levels are normalised in the model's
# data_preprocessor.
train_pipeline = [
    dict(type='LoadRadiograph'),
    dict(type='RandomFlip', prob=0.0),  # swaps left and right corners; off because few patients face right
    dict(type='RandomSpineAffine', rotation=12, scale=(0.9, 1.1), shift=0.05),
    dict(type='StretchToInput'),
    dict(type='RandomExposure', brightness=0.15, contrast=0.25, gamma=(0.7, 1.4)),
    dict(type='KeypointTargets'),
    dict(type='PackPoseInputs'),
]
val_pipeline = [
    dict(type='LoadRadiograph'),
    dict(type='StretchToInput'),
    dict(type='KeypointTargets'),  # for the validation loss
    dict(
        type='PackPoseInputs',
        meta_keys=(
            'id',
            'img_id',
            'img_path',
            'file_name',
            'ori_shape',
            'img_shape',
            'input_size',
            'input_center',
            'input_scale',
            'flip_indices',
            'dataset_name',
            'slot_presence',
            'spacing',
        ),
    ),
]

train_dataloader = dict(
    batch_size=4,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='SeededSampler', shuffle=True),  # an image's augmentation follows from seed, epoch and image
    dataset=dict(
        type='SpondyloDataset',
        data_root=data_root,
        anchor=anchor,
        ann_file='annotations/train.json',
        codec=codec,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='SpondyloDataset',
        data_root=data_root,
        anchor=anchor,
        ann_file='annotations/val.json',
        codec=codec,
        test_mode=True,
        pipeline=val_pipeline,
    ),
)
test_dataloader = val_dataloader  # tools/test.py --split chooses the annotation file

val_evaluator = [dict(type='SpondyloMetric'), dict(type='ValidationLoss')]
test_evaluator = dict(type='SpondyloMetric', clinical=True)  # slips, grades and angles too
