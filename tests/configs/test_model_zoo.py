"""The models of configs/: their sizes, their stages, what learns and what is frozen, and that each trains."""

from pathlib import Path

import mmpose
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS, init_default_scope
from mmengine.runner.checkpoint import get_torchvision_models
from mmpose.registry import MODELS
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from spondylo_mm import plugin  # noqa: F401
from spondylo_mm.anatomy import NUM_KEYPOINTS
from spondylo_mm.apis import SpineInferencer
from spondylo_mm.apis.configs import load_config, without_pretraining
from spondylo_mm.apis.pretraining import load_pretraining, take_pretraining
from spondylo_mm.apis.testing import test as run_test
from spondylo_mm.apis.training import train
from spondylo_mm.codecs.centers.layout import NUM_MAPS

CONFIGS = Path(__file__).parents[2] / 'configs'
FULL_SIZE = sorted(path.stem for path in CONFIGS.glob('*_spondylo.py'))

# In millions: backbone, head, both.
PARAMETERS = dict(
    hrnet_w32_spondylo=(30.88, 0.90, 31.78),
    hrnet_w32_2phase_spondylo=(30.88, 0.90, 31.78),
    hrnet_w32_centers_spondylo=(30.88, 0.89, 31.77),
    hrnet_w32_fullres_spondylo=(30.88, 0.90, 31.78),
    hrnet_w32_coco_spondylo=(28.54, 0.68, 29.21),  # the backbone with a 1x1 head: 28.5, as Sun et al. 2019 have it
    hrnet_w48_spondylo=(67.12, 0.90, 68.02),
    resnet50_spondylo=(23.51, 12.60, 36.10),
    resnet50_3deconv_spondylo=(23.51, 10.50, 34.01),  # 34.0, as Xiao et al. 2018 have it
    unet_spondylo=(17.263, 0.003, 17.266),
)
TIMM_HRNET = (
    'hrnet_w32_spondylo',
    'hrnet_w32_2phase_spondylo',
    'hrnet_w32_centers_spondylo',
    'hrnet_w32_fullres_spondylo',
    'hrnet_w48_spondylo',
)
FULL_RESOLUTION = ('hrnet_w32_fullres_spondylo', 'resnet50_spondylo', 'unet_spondylo')
MAPS = dict(hrnet_w32_centers_spondylo=NUM_MAPS)  # of other models: one per keypoint
STRIDE_4 = tuple(name for name in PARAMETERS if name not in FULL_RESOLUTION)
FROZEN = {name: ('backbone.conv1.', 'backbone.bn1.', 'backbone.layer1.') for name in PARAMETERS if 'resnet' in name}
# What the finest features do not depend on: in timm's HRNet the widening of the three coarser scales, and what computes
# these scales in the last exchange between scales.
UNUSED = {
    name: tuple(
        f'backbone.timm_model.{module}.{scale}.'
        for module in ('incre_modules', 'stage4.2.fuse_layers')
        for scale in (1, 2, 3)
    )
    for name in TIMM_HRNET
}
# One of each kind; the others are slow tests.
QUICK = ('hrnet_w32_spondylo', 'hrnet_w32_centers_spondylo', 'resnet50_spondylo', 'unet_spondylo')


class Built:
    """A config and its model, random."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = CONFIGS / f'{name}.py'
        self.config = without_pretraining(load_config(self.path))
        self.stride = 4 if name in STRIDE_4 else 1
        self.frozen, self.unused = FROZEN.get(name, ()), UNUSED.get(name, ())
        init_default_scope(self.config.default_scope)
        torch.manual_seed(0)
        self.model = MODELS.build(self.config.model)


@pytest.fixture(
    scope='module',
    params=[pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in FULL_SIZE],
)
def built(request) -> Built:
    return Built(request.param)


def millions(module: nn.Module) -> float:
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


def test_every_config_of_full_size_is_in_these_tests():
    assert set(FULL_SIZE) == set(PARAMETERS)


def test_a_model_has_its_published_number_of_parameters(built):
    presence = getattr(built.model.head, 'presence', None)  # which no published model has
    ours = millions(presence) if presence else 0.0
    parts = (millions(built.model.backbone), millions(built.model.head) - ours, millions(built.model) - ours)
    assert ours < 0.03 and parts == pytest.approx(PARAMETERS[built.name], abs=5e-3)


def test_heatmaps_have_the_resolution_of_the_codec(built):
    side = 512 // built.stride
    assert (built.config.codec.input_size, built.config.codec.heatmap_size) == ((512, 512), (side, side))
    with torch.inference_mode():
        heatmaps = built.model.eval()(torch.zeros(1, 3, 64, 64), None, mode='tensor')
    maps = MAPS.get(built.name, NUM_KEYPOINTS)
    assert heatmaps.shape == (1, maps, 64 // built.stride, 64 // built.stride)


def stages_of(name: str) -> dict[str, object]:
    """Channels and side that each stage gives for an image of 64 x 64, per scale where there are several. UNet's are
    tested with it."""
    if 'resnet' in name:
        backbone = {
            f'backbone.layer{i}': shape for i, shape in enumerate([(256, 16), (512, 8), (1024, 4), (2048, 2)], 1)
        }
        sides = (4, 8, 16) if '3deconv' in name else (4, 8, 16, 32, 64)
        # deconvolution, BatchNorm, ReLU: three modules each
        return backbone | {f'head.deconv_layers.{3 * i}': (256, side) for i, side in enumerate(sides)}
    if 'hrnet' in name:
        width = 48 if 'w48' in name else 32
        scales = [(width, 16), (2 * width, 8), (4 * width, 4), (8 * width, 2)]
        prefix = 'backbone.timm_model.' if name in TIMM_HRNET else 'backbone.'
        last = scales if name in TIMM_HRNET else scales[:1]  # MMPose's ends in the finest scale
        shapes = dict(layer1=(256, 16), stage2=scales[:2], stage3=scales[:3], stage4=last)
        return {f'{prefix}{stage}': shape for stage, shape in shapes.items()}
    return {}


def test_each_stage_has_its_width_and_resolution(built):
    shapes = {}

    def note(stage, output):
        several = isinstance(output, (list, tuple))
        shapes[stage] = (
            [(scale.shape[1], scale.shape[3]) for scale in output] if several else (output.shape[1], output.shape[3])
        )

    expected = stages_of(built.name)
    hooks = [
        built.model.get_submodule(stage).register_forward_hook(lambda _, args, output, stage=stage: note(stage, output))
        for stage in expected
    ]
    with torch.inference_mode():
        built.model.eval()(torch.zeros(1, 3, 64, 64), None, mode='tensor')
    for hook in hooks:
        hook.remove()
    assert shapes == expected


def test_what_is_used_and_not_frozen_learns_and_only_that(built):
    """Gradients of every parameter, and the statistics of every BatchNorm, after one training pass."""
    model = built.model.train()
    norms = {f'{name}.': module for name, module in model.named_modules() if isinstance(module, _BatchNorm)}
    before = {name: module.running_mean.clone() for name, module in norms.items()}
    model(torch.rand(2, 3, 64, 64), None, mode='tensor').square().mean().backward()
    for name, parameter in model.named_parameters():
        if name.startswith('head.presence.'):  # learns from its own loss
            continue
        assert parameter.requires_grad == (not name.startswith(built.frozen)), name
        learns = parameter.grad is not None and bool(parameter.grad.any())
        assert learns == (not name.startswith((*built.frozen, *built.unused))), name
    for name, module in norms.items():
        assert torch.equal(module.running_mean, before[name]) == name.startswith(built.frozen), name
    model.zero_grad()


def test_distributed_training_is_told_of_parameters_without_gradient(built):
    assert built.config.get('find_unused_parameters', False) == bool(built.unused)


@pytest.mark.parametrize('name', ['resnet50_spondylo', 'resnet50_3deconv_spondylo'])
def test_resnet_s_rates_and_decay_are_the_published_ones(name):
    config = load_config(CONFIGS / f'{name}.py')
    model = nn.ModuleDict(dict(backbone=nn.Linear(1, 1), head=nn.Linear(1, 1)))
    optimizer = build_optim_wrapper(model, config.optim_wrapper).optimizer
    assert isinstance(optimizer, torch.optim.AdamW)
    assert {group['weight_decay'] for group in optimizer.param_groups} == {1e-4}
    rate = {id(parameter): group['lr'] for group in optimizer.param_groups for parameter in group['params']}
    assert {rate[id(parameter)] for parameter in model.head.parameters()} == {1e-4}
    assert {rate[id(parameter)] for parameter in model.backbone.parameters()} == {1e-4 * 0.1}
    assert config.model.head.dropout == 0.3


def test_unet_halves_its_rate_when_validation_has_not_improved_for_more_than_15_epochs():
    config, model = load_config(CONFIGS / 'unet_spondylo.py'), nn.Linear(1, 1)
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    (scheduler,) = (PARAM_SCHEDULERS.build({**item, 'optimizer': wrapper}) for item in config.param_scheduler)
    assert isinstance(wrapper.optimizer, torch.optim.Adam) and wrapper.param_groups[0]['weight_decay'] == 1e-4
    assert config.train_cfg.val_interval == 1
    rates = []
    for error in [20.0, 10.0, *[10.0] * 15, 11.0, 9.0]:
        scheduler.step()
        scheduler.step({'spondylo/MRE': error})
        rates.append(wrapper.param_groups[0]['lr'])
    assert rates == [3e-4] * 17 + [1.5e-4] * 2


def pretrained_backbone(config: Config) -> nn.Module:
    """The backbone as a training starts with it."""
    model, pretraining = take_pretraining(config.model)
    backbone = MODELS.build(model.backbone)
    backbone.init_weights()
    load_pretraining(backbone, pretraining)
    return backbone


def test_torchvision_s_v2_weights_are_named_and_fit(tmp_path):
    """A torchvision ResNet-50 saved to a file gives the same features after loading it as pretrained weights."""
    from torchvision.models import ResNet50_Weights, resnet50

    torch.manual_seed(3)
    theirs = resnet50(weights=None).eval()
    torch.save(theirs.state_dict(), tmp_path / 'resnet50.pth')
    path = CONFIGS / 'resnet50_spondylo.py'
    name = load_config(path).model.backbone.init_cfg.checkpoint.removeprefix('torchvision://')
    assert get_torchvision_models()[name] == ResNet50_Weights.IMAGENET1K_V2.url

    ours = pretrained_backbone(load_config(path, [f'model.backbone.init_cfg.checkpoint={tmp_path / "resnet50.pth"}']))
    ours.eval()
    image = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        stem = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(image))))
        expected = theirs.layer4(theirs.layer3(theirs.layer2(theirs.layer1(stem))))
        torch.testing.assert_close(ours(image)[-1], expected)


def test_mmpose_s_coco_checkpoint_is_named_and_fits(tmp_path):
    """MMPose's own config of the checkpoint builds the backbone that is filled from it, weight for weight."""
    coco = Path(mmpose.__path__[0]) / '.mim/configs/body_2d_keypoint/topdown_heatmap/coco'
    path = CONFIGS / 'hrnet_w32_coco_spondylo.py'
    assert load_config(path).model.backbone.init_cfg.checkpoint in (coco / 'hrnet_coco.yml').read_text()

    theirs = Config.fromfile(coco / 'td-hm_hrnet-w32_8xb64-210e_coco-256x192.py').model
    theirs.backbone.pop('init_cfg')
    torch.manual_seed(3)
    saved = MODELS.build(theirs).state_dict()
    torch.save(dict(state_dict=saved), tmp_path / 'coco.pth')
    config = load_config(path, [f'model.backbone.init_cfg.checkpoint={tmp_path / "coco.pth"}'])
    loaded = pretrained_backbone(config).state_dict()
    assert set(loaded) == {key.removeprefix('backbone.') for key in saved if key.startswith('backbone.')}
    assert all(torch.equal(value, saved[f'backbone.{key}']) for key, value in loaded.items())


@pytest.mark.slow
@pytest.mark.parametrize('name', FULL_SIZE)
def test_every_config_trains_two_epochs_and_predicts(name, phantoms, tmp_path):
    """The model and its recipe as they are, on 8 phantoms at 64 px. The optimiser is not saved, to spare the disk."""
    stride = 4 if name in STRIDE_4 else 1
    path = tmp_path / f'{name}.py'
    path.write_text(f"""
_base_ = ['{CONFIGS / name}.py']
codec = dict(input_size=(64, 64), heatmap_size=({64 // stride}, {64 // stride}), sigma={4 / stride})
model = dict(head=dict(decoder=codec))
train_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(codec=codec))
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(codec=codec))
test_dataloader = dict(dataset=dict(codec=codec))
train_cfg = dict(max_epochs=2)
default_hooks = dict(checkpoint=dict(save_optimizer=False))
visualizer = dict(vis_backends=[dict(type='LocalVisBackend')])
""")
    best = train(str(path), data_root=str(phantoms), work_dir=str(tmp_path / 'work'), from_scratch=True)
    last = torch.load(best.parent / 'epoch_2.pth', weights_only=True)  # plain values only, the schedulers' too
    assert all(torch.isfinite(value).all() for value in last['state_dict'].values())

    inferencer = SpineInferencer(path, best, data_root=str(phantoms))
    result = run_test(inferencer, tmp_path / 'out', split='val')
    assert result.num_images == 3 and np.isfinite(result.metrics['spondylo/MRE'])
    for file in (tmp_path / 'work').glob('*.pth'):
        file.unlink()  # up to a quarter of a gigabyte each
