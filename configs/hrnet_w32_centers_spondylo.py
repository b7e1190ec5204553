# The order-free model: vertebrae are found as instances, by their centres, and numbered from the sacrum upwards
# afterwards. Backbone, input and schedule are the reference model's.
_base_ = ['./hrnet_w32_spondylo.py']

# Half as wide as the reference's: two centres are nearer than two corners of one type in two slots, which have maps of
# their own.
codec = dict(type='VertebraCenters', sigma=1.5)

model = dict(
    head=dict(type='VertebraCentersHead', loss=dict(_delete_=True, type='SoftFocalLoss'), decoder=codec),
)

train_dataloader = dict(dataset=dict(codec=codec))
val_dataloader = dict(dataset=dict(codec=codec))
test_dataloader = dict(dataset=dict(codec=codec))
