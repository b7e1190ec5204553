"""Registers everything this package adds to MMPose. Configs name it: ``custom_imports =
dict(imports=['spondylo_mm.plugin'])``."""

# ruff: noqa: E402, F401 (mmpose must be imported first; the others are imported for what they register)
from . import compat

compat.import_mmpose()

from .codecs import vertebra_centers, vertebra_heatmap
from .datasets import seeded_sampler, spondylo_dataset
from .datasets.transforms import geometry, intensity, loading, targets
from .engine.hooks import (
    epoch_seed_hook,
    freeze_backbone_hook,
    plain_checkpoint_hook,
    presence_calibration_hook,
    resumable_checkpoint_hook,
    resumable_early_stopping_hook,
    run_record_hook,
    spine_model_hook,
)
from .engine.optim import bf16_optim_wrapper
from .evaluation.metrics import spondylo_metric, validation_loss
from .models import grey_preprocessor, spine_estimator
from .models.backbones import unet
from .models.heads import vertebra_centers_head, vertebra_heatmap_head
from .models.losses import heatmap_mse, soft_focal
