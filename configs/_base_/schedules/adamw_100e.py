# 100 epochs of AdamW: 5 of warm-up, then a cosine. Rates are for 4 images per step and are scaled linearly to any other
# batch (images x GPUs).
train_cfg = dict(by_epoch=True, max_epochs=100, val_interval=1)
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-4, weight_decay=0.01),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))),
)  # a pretrained backbone needs smaller steps

param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, begin=0, end=5, by_epoch=True, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', eta_min=1e-6, begin=5, end=100, T_max=95, by_epoch=True, convert_to_iter_based=True),
]
auto_scale_lr = dict(enable=True, base_batch_size=4)
