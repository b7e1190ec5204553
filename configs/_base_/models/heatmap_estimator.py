# What all models share: one whole radiograph in, heatmaps out.
model = dict(
    type='SpineEstimator',
    # ImageNet's grey level, as pretrained weights expect it
    data_preprocessor=dict(type='GreyDataPreprocessor', mean=114.0, std=58.0),
    head=dict(type='VertebraHeatmapHead', loss=dict(type='HeatmapMSELoss')),
    test_cfg=dict(
        flip_test=False,
        flip_mode='heatmap',
        shift_heatmap=False,
        output_heatmaps=False,
        coarse_to_fine=False,  # a second look at the spine, enlarged
        closeups=False,  # and one more at each vertebra
    ),
)
