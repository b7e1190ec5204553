# The order-free model as small as demo.py's, on the same phantoms.
_base_ = ['./demo.py']

codec = dict(type='VertebraCenters', sigma=1.0)  # neighbours are 5 to 7 heatmap pixels apart

model = dict(
    head=dict(type='VertebraCentersHead', loss=dict(_delete_=True, type='SoftFocalLoss'), decoder=codec),
)

train_dataloader = dict(dataset=dict(codec=codec))
val_dataloader = dict(dataset=dict(codec=codec))
test_dataloader = dict(dataset=dict(codec=codec))
