# The order-free model: vertebrae are found as instances, by their centres, and numbered from the sacrum upwards
# afterwards. Backbone, input and schedule are the reference model's. It need not see a whole spine, so it also learns
# from enlarged parts of films, and then looks at the spine of each film a second time, enlarged (coarse to fine).
_base_ = ['./hrnet_w32_spondylo.py']

# Half as wide as the reference's: two centres are nearer than two corners of one type in two slots, which have maps of
# their own.
codec = dict(type='VertebraCenters', sigma=1.5)

model = dict(
    head=dict(type='VertebraCentersHead', loss=dict(_delete_=True, type='SoftFocalLoss'), decoder=codec),
    test_cfg=dict(coarse_to_fine=True),
)

train_pipeline = [
    *_base_.train_pipeline[:2],
    dict(type='RandomSpineAffine', rotation=12, scale=(0.9, 1.6), shift=0.1),
    *_base_.train_pipeline[3:],
]
train_dataloader = dict(dataset=dict(codec=codec, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(codec=codec))
test_dataloader = dict(dataset=dict(codec=codec))
