# What every run shares: registration, logging, checkpoints, reproducibility.
default_scope = 'mmpose'
custom_imports = dict(imports=['spondylo_mm.plugin'], allow_failed_imports=False)

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=20),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # best by MRE, and the last for --resume
    checkpoint=dict(type='CheckpointHook', interval=1, save_best='spondylo/MRE', rule='less', max_keep_ckpts=1),
    sampler_seed=dict(type='DistSamplerSeedHook'),
)

custom_hooks = [
    dict(type='PlainCheckpointHook'),  # nothing needs unpickling to load a checkpoint
]

vis_backends = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
visualizer = dict(type='Visualizer', vis_backends=vis_backends)

log_processor = dict(type='LogProcessor', window_size=50, by_epoch=True, num_digits=6)
log_level = 'INFO'

env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
randomness = dict(seed=0)
load_from = None
resume = False
