# SimpleBaseline (Xiao et al. 2018, doi 10.1007/978-3-030-01231-1_29): ResNet-50 and deconvolutions, five instead of
# three for heatmaps at full resolution: 23.5 + 12.6 = 36.1 M parameters. The config that inherits this file says which
# codec the head decodes with.
_base_ = ['./heatmap_estimator.py']

model = dict(
    backbone=dict(
        type='ResNet',
        depth=50,
        frozen_stages=1,  # stem and layer1 with their BatchNorm statistics: edges are edges, and radiographs are few
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50.imagenet1k_v2'),
    ),
    head=dict(
        in_channels=2048,
        deconv_out_channels=(256,) * 5,
        deconv_kernel_sizes=(4,) * 5,
        dropout=0.3,
    ),
)
