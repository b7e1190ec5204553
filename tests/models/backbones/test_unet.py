"""U-Net: its widths, what each level gives, and what learns."""

import pytest
import torch

from spondylo_mm import plugin  # noqa: F401
from spondylo_mm.anatomy import NUM_KEYPOINTS
from spondylo_mm.errors import InputError
from spondylo_mm.models.backbones.unet import DoubleConv, UNet


@pytest.fixture
def small() -> UNet:
    torch.manual_seed(0)
    model = UNet(base_channels=4, depth=3, encoder_dropout=(0.2, 0.3, 0.4), decoder_dropout=(0.3, 0.1, 0.0))
    model.eval()
    return model


def test_it_has_the_published_size_with_a_1x1_convolution_as_head():
    head = 64 * NUM_KEYPOINTS + NUM_KEYPOINTS
    assert sum(parameter.numel() for parameter in UNet().parameters()) + head == pytest.approx(17.27e6, abs=5e3)


def test_no_convolution_has_a_bias_that_batchnorm_would_subtract(small):
    assert all(module.bias is None for module in small.modules() if isinstance(module, torch.nn.Conv2d))


def test_every_level_has_the_published_width_and_its_resolution():
    model = UNet()
    model.eval()
    shapes = []
    for level in model.encoder:
        level.register_forward_hook(lambda module, args, output: shapes.append(tuple(output.shape)))
    with torch.inference_mode():
        features = model(torch.zeros(1, 3, 64, 32))
    assert shapes == [(1, 64, 64, 32), (1, 128, 32, 16), (1, 256, 16, 8), (1, 512, 8, 4), (1, 512, 4, 2)]
    decoded = [(1, 256, 8, 4), (1, 128, 16, 8), (1, 64, 32, 16), (1, 64, 64, 32)]
    assert [tuple(feature.shape) for feature in features] == decoded
    middles = [level[0].out_channels for level in model.decoder]
    assert middles == [level[0].in_channels // 2 for level in model.decoder] == [512, 256, 128, 64]


def test_base_width_and_depth_scale_it(small):
    features = small(torch.zeros(1, 3, 32, 32))
    assert [feature.shape[1:] for feature in features] == [(8, 8, 8), (4, 16, 16), (4, 32, 32)]


def test_an_odd_size_keeps_its_size(small):
    assert small(torch.zeros(1, 3, 37, 50))[-1].shape == (1, 4, 37, 50)


def test_detail_passes_through_the_skips(small):
    """With the coarsest level silenced, a single bright pixel still shows, where it is and nowhere far from it."""
    small.encoder[-1].register_forward_hook(lambda module, args, output: torch.zeros_like(output))
    image = torch.zeros(1, 3, 64, 64)
    before = small(image)[-1]
    image[..., 20, 20] = 1
    changed = (small(image)[-1] - before).abs().amax(dim=(0, 1))
    assert changed[20, 20] > 0 and changed[63, 63] == 0


def test_upsampling_lays_corners_on_corners(small):
    """A ramp over the coarse grid must be the same ramp over the fine one: from its first to its last value."""
    ramp = torch.linspace(0, 1, 4).expand(1, 8, 4, 4)
    seen = []
    small.encoder[-1].register_forward_hook(lambda module, args, output: torch.cat([ramp, ramp], dim=1))
    small.decoder[0].register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    small(torch.zeros(1, 3, 32, 32))
    torch.testing.assert_close(seen[0][0, -1, 0], torch.linspace(0, 1, 8))


def test_each_level_drops_its_own_share_of_channels(small):
    dropouts = [module.p for module in small.modules() if isinstance(module, torch.nn.Dropout2d)]
    assert dropouts == [0.0, 0.2, 0.3, 0.4, 0.3, 0.1, 0.0]
    block = DoubleConv(1, 4, 1000, dropout=0.3).train()
    dropped = (block(torch.rand(2, 1, 8, 8)).amax(dim=(2, 3)) == 0).float().mean()
    assert dropped == pytest.approx(0.3, abs=0.05)


def test_gradients_reach_every_parameter(small):
    small.train()
    small(torch.rand(2, 3, 32, 32))[-1].square().mean().backward()
    assert [name for name, parameter in small.named_parameters() if not parameter.grad.any()] == []


@pytest.mark.parametrize('name', ['encoder_dropout', 'decoder_dropout'])
def test_dropouts_that_do_not_fit_the_depth_are_refused(name):
    with pytest.raises(InputError, match=f'{name}=.*depth=4'):
        UNet(**{name: (0.1, 0.2)})
