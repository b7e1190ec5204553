"""Thinned networks: what is dropped, what is not, and whose random numbers are used."""

import pytest
import torch
from torch import nn

from spondylo_mm.models.mc_dropout import dropout_layers, thinned

CHANNELS = 400


@pytest.fixture
def network():
    """A convolution with BatchNorm that has seen data, then a layer that drops half of the channels."""
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(1, CHANNELS, 1), nn.BatchNorm2d(CHANNELS), nn.Dropout2d(0.5))
    layers(torch.randn(4, 1, 8, 8))
    return layers.eval()


@pytest.fixture
def images():
    return torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def passes(network, images, seed=0, number=2):
    with thinned(network, seed):
        return torch.stack([network(images) for _ in range(number)])


def test_whole_channels_are_dropped_and_the_others_make_up_for_them(network, images):
    with torch.no_grad():
        whole = network(images)
    (thin,) = passes(network, images, number=1)
    dropped = (thin == 0).all(dim=(0, 2, 3))
    assert 0.4 < dropped.float().mean() < 0.6
    assert torch.allclose(thin[:, ~dropped], 2 * whole[:, ~dropped])


def test_single_values_are_dropped_where_the_layer_does_so(images):
    network = nn.Sequential(nn.Conv2d(1, 50, 1), nn.Dropout(0.25)).eval()
    (thin,) = passes(network, images, number=1)
    dropped = thin == 0
    assert 0.2 < dropped.float().mean() < 0.3
    assert not dropped.all(dim=(2, 3)).any()


def test_passes_differ_and_follow_from_the_seed(network, images):
    first = passes(network, images)
    assert not torch.equal(first[0], first[1])
    assert torch.equal(first, passes(network, images))
    assert not torch.equal(first[0], passes(network, images, seed=1)[0])


@pytest.mark.parametrize('layer', [nn.Dropout, nn.Dropout2d])
def test_an_image_is_thinned_alike_whatever_its_batch(network, images, layer):
    network[2] = layer(0.5).eval()
    together = passes(network, images)
    for index in range(len(images)):
        alone = passes(network, images[index : index + 1])
        assert torch.allclose(together[:, index], alone[:, 0], atol=1e-6)


def test_batchnorm_keeps_to_what_it_has_learned(network, images):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    modes = []
    network[1].register_forward_hook(lambda layer, *_: modes.append(layer.training))
    passes(network, images)
    assert modes == [False, False]
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_nothing_is_dropped_afterwards_not_even_after_an_error(network, images):
    with torch.no_grad():
        whole = network(images)
        with pytest.raises(RuntimeError), thinned(network, 0):
            network(torch.zeros(1, 7, 8, 8))
        assert torch.equal(network(images), whole)


def test_the_callers_random_numbers_are_as_if_nothing_had_happened(network, images):
    torch.manual_seed(5)
    undisturbed = torch.rand(3)
    torch.manual_seed(5)
    passes(network, images)
    assert torch.equal(torch.rand(3), undisturbed)


def test_a_layer_that_never_drops_is_none():
    assert dropout_layers(nn.Sequential(nn.Dropout2d(0.0), nn.BatchNorm2d(3))) == []
