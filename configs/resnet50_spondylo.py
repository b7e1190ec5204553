# ResNet-50 with five deconvolutions at 512 x 512, heatmaps at full resolution.
_base_ = [
    './_base_/default_runtime.py',
    './_base_/datasets/spondylo_fullres.py',
    './_base_/models/resnet50.py',
    './_base_/schedules/adamw_100e.py',
]

model = dict(head=dict(decoder=_base_.codec))

optim_wrapper = dict(optimizer=dict(weight_decay=1e-4))  # as published
