# U-Net as published: Adam at 3e-4, halved when validation stops improving. All six faults are on.
_base_ = [
    './_base_/runtime.py',
    './_base_/data.py',
    '../_base_/models/unet.py',
    '../_base_/schedules/adam_plateau_100e.py',
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
