# The reference model made small enough for two CPU cores, on phantoms: `make demo`.
_base_ = ['./hrnet_w32_spondylo.py']

data_root = 'data/demo'
codec = dict(input_size=(256, 256), heatmap_size=(64, 64), sigma=1.5)

model = dict(
    backbone=dict(model_name='hrnet_w18_small', pretrained=False),  # 3 M parameters, from scratch: needs no download
    head=dict(conv_out_channels=(64, 64), dropout=0.1, decoder=codec),
)

train_dataloader = dict(batch_size=8, num_workers=1, dataset=dict(data_root=data_root, codec=codec))
val_dataloader = dict(num_workers=1, dataset=dict(data_root=data_root, codec=codec))
test_dataloader = dict(dataset=dict(data_root=data_root, codec=codec))

optim_wrapper = dict(
    optimizer=dict(lr=2e-3),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=1.0))),  # nothing pretrained to be careful with
)
train_cfg = dict(max_epochs=16, val_interval=4)
default_hooks = dict(checkpoint=dict(interval=4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=1, by_epoch=True, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', eta_min=1e-5, begin=1, end=16, T_max=15, by_epoch=True, convert_to_iter_based=True),
]
auto_scale_lr = dict(base_batch_size=8)
