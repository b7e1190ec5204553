# The reference model with HRNet-W48: half as wide again, 68 M parameters.
_base_ = ['./hrnet_w32_spondylo.py']

model = dict(backbone=dict(model_name='hrnet_w48'))
