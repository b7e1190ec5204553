# What every run shares: registration, logging, checkpoints, reproducibility.
default_scope = 'mmpose'
custom_imports = dict(imports=['spondylo_mm.plugin'], allow_failed_imports=False)

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=20),
    param_scheduler=dict(type='ParamSchedulerHook'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    epoch_seed=dict(type='EpochSeedHook'),
    early_stopping=dict(
        type='ResumableEarlyStoppingHook', monitor='spondylo/MRE', rule='less', min_delta=0.0, patience=50
    ),  # validations without a new best
    # the best by either, and the last for --resume
    checkpoint=dict(
        type='ResumableCheckpointHook',
        interval=1,
        save_best=['spondylo/MRE', 'spondylo/loss'],
        rule='less',
        max_keep_ckpts=1,
    ),
    plain_checkpoint=dict(type='PlainCheckpointHook'),  # nothing needs unpickling to load a checkpoint
    spine_model=dict(type='SpineModelHook'),  # for structured decoding
    presence_calibration=dict(type='PresenceCalibrationHook'),  # of order-free models
    run_record=dict(type='RunRecordHook'),  # run.json
)
custom_hooks = []  # a variant's own

vis_backends = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
visualizer = dict(type='Visualizer', vis_backends=vis_backends)

log_processor = dict(
    type='LogProcessor',
    window_size=50,
    by_epoch=True,
    num_digits=6,
    # what is averaged over the window: not the validation's loss, which mmengine would average with all earlier ones
    mean_pattern=r'(?<!spondylo/)loss|time|grad_norm',
)
log_level = 'INFO'

env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
randomness = dict(seed=0, deterministic=False)
load_from = None
resume = False
