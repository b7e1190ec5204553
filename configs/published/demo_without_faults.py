# Our demo's recipe with every switch within reach and all of them off: it trains and predicts what demo.py does. A
# config that inherits it and turns one on shows what that fault alone costs.
import sys

_base_ = ['../demo.py']

sys.path.append('{{ fileDirname }}')  # configs/published is no package
custom_imports = dict(imports=['spondylo_mm.plugin', 'published_faults'])
default_hooks = dict(one_numbering=dict(type='OneNumbering'))

val_pipeline = [
    *_base_.val_pipeline[:-1],
    dict(type='PackPoseInputs', meta_keys=(*_base_.val_pipeline[-1].meta_keys, 'published_targets')),
]

train_dataloader = dict(
    dataset=dict(
        type='PublishedDataset',
        numbered_from_the_top=False,
        corner_orders_taken_as_one=False,
        flipped_without_exchange=False,  # without effect until pipeline.1.prob is above 0
        empty_slots_ignored=False,
    ),
)
val_dataloader = dict(
    dataset=dict(
        type='PublishedDataset',
        numbered_from_the_top=False,
        corner_orders_taken_as_one=False,
        pipeline=val_pipeline,
    ),
)
test_dataloader = val_dataloader

model = dict(
    data_preprocessor=dict(type='PublishedPreprocessor', unequal_normalisation=False),
    head=dict(type='PublishedHead', ten_in_every_image=False),
)

val_evaluator = [dict(type='PublishedMetric', forgiving=False), dict(type='ValidationLoss')]
test_evaluator = dict(type='PublishedMetric', forgiving=False)
