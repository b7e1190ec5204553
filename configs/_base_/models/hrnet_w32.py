# HRNet-W32 (Wang et al. 2020, doi 10.1109/TPAMI.2020.2983686) from timm with ImageNet weights, its finest features, and
# a convolutional head: 31.78 M parameters. The config that inherits this file says which codec the head decodes with.
_base_ = ['./heatmap_estimator.py']

model = dict(
    backbone=dict(
        type='mmpretrain.TIMMBackbone',
        model_name='hrnet_w32',
        features_only=True,
        out_indices=(1,),  # stride 4, 128 channels
        pretrained=True,
        pretrained_cfg_overlay=dict(file=None),  # a local file of timm's weights, where they cannot be downloaded
    ),
    head=dict(
        in_channels=128,
        deconv_out_channels=None,
        conv_out_channels=(256, 256),
        conv_kernel_sizes=(3, 3),
        dropout=0.3,
    ),
)

# timm's multi-scale features also compute the coarser scales, which receive no gradient here
find_unused_parameters = True
