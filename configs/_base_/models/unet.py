# U-Net (Ronneberger et al. 2015, doi 10.1007/978-3-319-24574-4_28) with a 1x1 convolution at full resolution as its
# head: 17.27 M parameters, trained from scratch. The config that inherits this file says which codec the head decodes
# with.
_base_ = ['./heatmap_estimator.py']

model = dict(
    backbone=dict(
        type='UNet',
        base_channels=64,
        depth=4,
        encoder_dropout=(0.2, 0.2, 0.3, 0.4),
        decoder_dropout=(0.3, 0.2, 0.1, 0.0),
    ),
    head=dict(in_channels=64, deconv_out_channels=None),
)
