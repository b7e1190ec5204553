# The reference model with its heatmaps enlarged to the full resolution before the loss: it is taught where the peak of
# the interpolated map lies, not the values of 128 x 128 samples.
_base_ = ['./hrnet_w32_spondylo.py']

codec = dict(heatmap_size=(512, 512), sigma=8.0)  # as _base_/datasets/spondylo_fullres.py

model = dict(head=dict(upsample=4, decoder=codec))
train_dataloader = dict(dataset=dict(codec=codec))
val_dataloader = dict(dataset=dict(codec=codec))
test_dataloader = dict(dataset=dict(codec=codec))
