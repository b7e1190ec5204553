# 100 epochs of Adam at a constant rate that is halved whenever the validation stops improving. The rate is for 4 images
# per step and is scaled linearly to any other batch (images x GPUs).
train_cfg = dict(by_epoch=True, max_epochs=100, val_interval=1)  # patience counts validations: one an epoch
val_cfg = dict()
test_cfg = dict()

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=3e-4, weight_decay=1e-4))

param_scheduler = [
    # watches what the best checkpoint is chosen by; the loss of a heatmap still falls when its peak has long settled
    dict(type='ReduceOnPlateauLR', monitor='spondylo/MRE', rule='less', factor=0.5, patience=15),
]
auto_scale_lr = dict(enable=True, base_batch_size=4)
