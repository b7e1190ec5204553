# ResNet-50 with three deconvolutions, as the SimpleBaseline paper: heatmaps at stride 4.
_base_ = ['./resnet50_spondylo.py']

codec = dict(heatmap_size=(128, 128), sigma=2.0)  # the reference's, _base_/datasets/spondylo.py

model = dict(head=dict(deconv_out_channels=(256,) * 3, deconv_kernel_sizes=(4,) * 3, decoder=codec))
train_dataloader = dict(dataset=dict(codec=codec))
val_dataloader = dict(dataset=dict(codec=codec))
test_dataloader = dict(dataset=dict(codec=codec))
