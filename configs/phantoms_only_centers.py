# The order-free model of demo_centers.py, trained as phantoms_only.py is. It need not see a whole spine to number it:
# so it also learns from enlarged parts of films, what a second look at the spine alone shows it (coarse to fine).
_base_ = ['./phantoms_only.py']

codec = dict(type='VertebraCenters', sigma=1.0)

model = dict(
    head=dict(type='VertebraCentersHead', loss=dict(_delete_=True, type='SoftFocalLoss'), decoder=codec),
    test_cfg=dict(coarse_to_fine=True),
)

train_pipeline = [
    *_base_.train_pipeline[:2],
    dict(type='RandomSpineAffine', rotation=15, scale=(0.75, 1.6), shift=0.12),
    *_base_.train_pipeline[3:],
]
train_dataloader = dict(dataset=dict(codec=codec, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(codec=codec))
test_dataloader = dict(dataset=dict(codec=codec))
