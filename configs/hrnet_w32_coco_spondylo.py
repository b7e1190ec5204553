# The reference model with MMPose's own HRNet-W32, whose 32 channels at stride 4 are those of pose estimation: it starts
# from weights that find people's joints (COCO) instead of ImageNet's classes. 29.2 M parameters.
_base_ = ['./hrnet_w32_spondylo.py']

model = dict(
    backbone=dict(
        _delete_=True,
        type='HRNet',
        extra=dict(
            stage1=dict(num_modules=1, num_branches=1, block='BOTTLENECK', num_blocks=(4,), num_channels=(64,)),
            stage2=dict(num_modules=1, num_branches=2, block='BASIC', num_blocks=(4, 4), num_channels=(32, 64)),
            stage3=dict(num_modules=4, num_branches=3, block='BASIC', num_blocks=(4,) * 3, num_channels=(32, 64, 128)),
            stage4=dict(
                num_modules=3, num_branches=4, block='BASIC', num_blocks=(4,) * 4, num_channels=(32, 64, 128, 256)
            ),
        ),
        init_cfg=dict(
            type='Pretrained',
            prefix='backbone.',
            checkpoint='https://download.openmmlab.com/mmpose/v1/body_2d_keypoint/topdown_heatmap/coco/'
            'td-hm_hrnet-w32_8xb64-210e_coco-256x192-81c58e40_20220909.pth',
        ),
    ),
    head=dict(in_channels=32),
)

find_unused_parameters = False  # every scale ends in the finest one
