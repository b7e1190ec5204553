# As spondylo.py, with heatmaps at the full resolution of the input.
_base_ = ['./spondylo.py']

# As wide in the image as the 2 px at stride 4: a model with finer heatmaps then differs from the reference in nothing
# else, plain MSE has the same share of foreground, and neighbouring vertebrae (about 45 px apart) stay distinct.
codec = dict(heatmap_size=(512, 512), sigma=8.0)

train_dataloader = dict(dataset=dict(codec=codec))
val_dataloader = dict(dataset=dict(codec=codec))
test_dataloader = dict(dataset=dict(codec=codec))
