# The reference model in two phases: the head alone learns in epochs 1 to 20, while the backbone stays what ImageNet
# made it; then both.
_base_ = ['./hrnet_w32_spondylo.py']

custom_hooks = [dict(type='FreezeBackboneHook', num_epochs=20)]
