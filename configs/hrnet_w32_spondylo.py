# The reference model: HRNet-W32 at 512 x 512, heatmaps at stride 4.
_base_ = [
    './_base_/default_runtime.py',
    './_base_/datasets/spondylo.py',
    './_base_/models/hrnet_w32.py',
    './_base_/schedules/adamw_100e.py',
]

model = dict(head=dict(decoder=_base_.codec))
