# ResNet-50 with five deconvolutions as published: AdamW at 1e-4, the backbone at 1e-5. All six faults are on.
_base_ = [
    './_base_/runtime.py',
    './_base_/data.py',
    '../_base_/models/resnet50.py',
    '../_base_/schedules/adamw_100e.py',
]

model = dict(
    data_preprocessor=dict(type='PublishedPreprocessor', mean=127.5, std=127.5, unequal_normalisation=True),  # 4
    head=dict(
        type='PublishedHead',
        ten_in_every_image=True,  # 5
        decoder=_base_.codec,
        loss=dict(_delete_=True, type='HeatmapMSELoss', foreground=5.0, background=0.05, threshold=0.1),
    ),
)

optim_wrapper = dict(optimizer=dict(weight_decay=1e-4))
