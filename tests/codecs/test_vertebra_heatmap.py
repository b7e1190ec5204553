import numpy as np
import pytest
import torch
from mmpose.codecs import MSRAHeatmap
from mmpose.datasets.transforms import GenerateTarget
from mmpose.registry import KEYPOINT_CODECS

from spondylo_mm.anatomy import NUM_KEYPOINTS, NUM_SLOTS
from spondylo_mm.codecs.supervision import EMPTY, LABELLED
from spondylo_mm.codecs.vertebra_heatmap import VertebraHeatmap
from spondylo_mm.errors import InputError

DEVICES = ['cpu', pytest.param('cuda', marks=pytest.mark.gpu)]
SIZES = [
    ((512, 512), (128, 128), 2.0),
    ((512, 512), (512, 512), 3.0),
    ((256, 256), (64, 64), 1.5),
    ((512, 512), (64, 64), 1.0),
    ((320, 640), (80, 160), 2.0),
]


def random_keypoints(size, batch=1, seed=0):
    """(batch, K, 2) anywhere in the frame, with its corners and edges among them."""
    rng = np.random.default_rng(seed)
    last = np.array(size) - 1.0
    keypoints = rng.uniform(0, last, (batch, NUM_KEYPOINTS, 2))
    keypoints[:, :6] = [[0, 0], last, [last[0], 0], [0, last[1]], [0.3, last[1] / 2], [last[0] / 2, last[1] - 0.2]]
    return keypoints


@pytest.mark.parametrize(('input_size', 'heatmap_size', 'sigma'), SIZES)
def test_what_numpy_encodes_is_decoded_within_a_hundredth_of_an_input_pixel(input_size, heatmap_size, sigma):
    codec = VertebraHeatmap(input_size, heatmap_size, sigma)
    for seed in range(3):
        keypoints = random_keypoints(input_size, seed=seed)
        encoded = codec.encode(keypoints)
        assert encoded['heatmaps'].shape == (NUM_KEYPOINTS, *heatmap_size[::-1])
        assert encoded['keypoint_weights'].tolist() == [[1] * NUM_KEYPOINTS]
        decoded, scores = codec.decode(encoded['heatmaps'])
        assert decoded.shape == (1, NUM_KEYPOINTS, 2) and scores.shape == (1, NUM_KEYPOINTS)
        assert np.linalg.norm(decoded - keypoints, axis=-1).max() <= 0.01


@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize(('input_size', 'heatmap_size', 'sigma'), SIZES)
def test_the_device_draws_what_numpy_draws_and_decodes_it_as_well(device, input_size, heatmap_size, sigma):
    codec = VertebraHeatmap(input_size, heatmap_size, sigma)
    keypoints = random_keypoints(input_size, batch=3)
    amplitudes = torch.ones(3, NUM_KEYPOINTS, device=device)
    heatmaps = codec.encode_batch(torch.from_numpy(keypoints).float().to(device), amplitudes)
    assert heatmaps.device.type == device
    for on_device, one in zip(heatmaps, keypoints, strict=True):
        on_numpy = codec.encode(one[None])['heatmaps']
        np.testing.assert_allclose(on_device.cpu().numpy(), on_numpy, rtol=0, atol=1e-5)
    decoded, scores = codec.batch_decode(heatmaps)
    assert len(decoded) == len(scores) == 3
    assert np.linalg.norm(np.concatenate(decoded) - keypoints, axis=-1).max() <= 0.01


def test_half_precision_heatmaps_are_drawn_and_decoded():
    codec = VertebraHeatmap((256, 256), (64, 64), 2.0)
    keypoints = random_keypoints((256, 256))
    heatmaps = codec.encode_batch(torch.from_numpy(keypoints), torch.ones(1, NUM_KEYPOINTS), dtype=torch.bfloat16)
    assert heatmaps.dtype == torch.bfloat16
    assert np.abs(codec.batch_decode(heatmaps)[0][0] - keypoints).max() < 0.2  # a heatmap pixel is 4 px here


def test_a_batch_is_decoded_as_its_images_are():
    codec = VertebraHeatmap((256, 256), (64, 64), 2.0)
    heatmaps = np.random.default_rng(0).normal(0.2, 0.3, (2, NUM_KEYPOINTS, 64, 64)).astype(np.float32)
    batch_keypoints, batch_scores = codec.batch_decode(torch.from_numpy(heatmaps))
    for keypoints, scores, one in zip(batch_keypoints, batch_scores, heatmaps, strict=True):
        expected_keypoints, expected_scores = codec.decode(one)
        np.testing.assert_array_equal(keypoints, expected_keypoints)
        np.testing.assert_array_equal(scores, expected_scores)


def test_a_flipped_heatmap_decodes_to_the_mirrored_input():
    codec = VertebraHeatmap((512, 512), (128, 128), 2.0)
    keypoints = random_keypoints((512, 512))
    decoded, _ = codec.decode(codec.encode(keypoints)['heatmaps'][:, :, ::-1])
    np.testing.assert_allclose(decoded[..., 0], 511 - keypoints[..., 0], atol=0.001)
    np.testing.assert_allclose(decoded[..., 1], keypoints[..., 1], atol=0.001)


def test_encode_supervises_a_slot_known_to_be_empty_and_ignores_unknown_ones():
    keypoints = random_keypoints((256, 256))
    visible = np.zeros((1, NUM_KEYPOINTS))
    visible[0, 4:12] = 1  # slots 1 and 2
    presence = np.full(NUM_SLOTS, -1)
    presence[:3] = EMPTY, LABELLED, LABELLED
    weights = {}
    for above in ('ignore', 'zero'):
        encoded = VertebraHeatmap((256, 256), (64, 64), 2.0, above=above).encode(keypoints, visible, presence)
        assert encoded['heatmaps'][4:12].max(axis=(1, 2)).min() > 0.9
        assert not encoded['heatmaps'][:4].any() and not encoded['heatmaps'][12:].any()
        weights[above] = encoded['keypoint_weights'][0].tolist()
    assert weights['ignore'] == [1] * 12 + [0] * (NUM_KEYPOINTS - 12)
    assert weights['zero'] == [1] * NUM_KEYPOINTS


def test_an_empty_map_decodes_to_a_score_of_zero_and_a_high_one_to_one():
    codec = VertebraHeatmap((64, 64), (16, 16), 1.0)
    heatmaps = np.zeros((3, 16, 16), np.float32)
    heatmaps[1] -= 1
    heatmaps[2, 5, 6] = 1.7
    keypoints, scores = codec.decode(heatmaps)
    assert scores.tolist() == [[0, 0, 1]]
    np.testing.assert_allclose(keypoints[0, 2], [6 * 63 / 15, 5 * 63 / 15], rtol=1e-6)


@pytest.mark.parametrize('device', DEVICES)
def test_an_amplitude_scales_the_targets_and_not_the_scores(device):
    low, high = (VertebraHeatmap((256, 256), (64, 64), 2.0, amplitude=amplitude) for amplitude in (1.0, 10.0))
    keypoints = random_keypoints((256, 256))
    amplitudes = torch.ones(1, NUM_KEYPOINTS, device=device)
    amplitudes[0, -4:] = 0  # an empty map stays one
    targets = [codec.encode_batch(torch.from_numpy(keypoints).float().to(device), amplitudes) for codec in (low, high)]
    torch.testing.assert_close(targets[1], 10 * targets[0])
    np.testing.assert_allclose(high.encode(keypoints)['heatmaps'], 10 * low.encode(keypoints)['heatmaps'], atol=1e-5)
    decoded = [codec.batch_decode(target) for codec, target in zip((low, high), targets, strict=True)]
    for one, ten in zip(*decoded, strict=True):  # keypoints, then scores
        np.testing.assert_allclose(ten[0], one[0], atol=1e-3)
    half = high.batch_decode(0.5 * targets[1])[1][0][0]
    assert half[:-4].max() == pytest.approx(0.5, abs=1e-3) and not half[-4:].any()


def test_a_prediction_lies_in_the_frame_whatever_the_network_says():
    codec = VertebraHeatmap((512, 256), (128, 64), 2.0)
    heatmaps = torch.randn(4, NUM_KEYPOINTS, 64, 128, generator=torch.Generator().manual_seed(0), requires_grad=True)
    keypoints = np.concatenate(codec.batch_decode(heatmaps * 3)[0])
    assert (keypoints >= 0).all() and (keypoints <= [511, 255]).all()


def test_mmpose_builds_the_codec_and_generates_its_targets():
    cfg = dict(type='VertebraHeatmap', input_size=[256, 256], heatmap_size=[64, 64], sigma=2, above='zero')
    codec = KEYPOINT_CODECS.build(cfg)
    assert codec.support_batch_decoding
    presence = np.full(NUM_SLOTS, LABELLED)
    presence[0] = EMPTY
    visible = np.ones((1, NUM_KEYPOINTS), np.float32)
    visible[0, :4] = 0
    results = dict(keypoints=random_keypoints((256, 256)), keypoints_visible=visible, slot_presence=presence)
    packed = GenerateTarget(encoder=cfg).transform(results)
    assert packed['heatmaps'].shape == (NUM_KEYPOINTS, 64, 64)
    assert packed['keypoint_weights'].tolist() == [[1] * NUM_KEYPOINTS]  # the empty slot included
    assert packed['label_mapping_table'] == {'keypoint_weights': 'keypoint_weights'}
    assert packed['field_mapping_table'] == {'heatmaps': 'heatmaps'}


@pytest.mark.parametrize('heatmap_side', [64, 256])
def test_we_are_nowhere_less_accurate_than_mmpose(heatmap_side):
    sizes = dict(input_size=(256, 256), heatmap_size=(heatmap_side, heatmap_side), sigma=2.0)
    ours, theirs = VertebraHeatmap(**sizes), MSRAHeatmap(**sizes, unbiased=True)
    margin = 8 * 256 / heatmap_side  # their best: away from the border
    for low, high in ((0, 255), (margin, 255 - margin)):
        keypoints = np.random.default_rng(0).uniform(low, high, (1, NUM_KEYPOINTS, 2))
        our_error, their_error = (
            np.linalg.norm(codec.decode(codec.encode(keypoints)['heatmaps'])[0] - keypoints, axis=-1).max()
            for codec in (ours, theirs)
        )
        assert our_error <= their_error


@pytest.mark.parametrize(
    ('wrong', 'named'),
    [
        (dict(input_size=(256, 1)), 'input_size'),
        (dict(heatmap_size=(64,)), 'heatmap_size'),
        (dict(sigma=0), 'sigma'),
        (dict(sigma=float('nan')), 'sigma'),
        (dict(above='maybe'), 'ignore, zero'),
        (dict(amplitude=0), 'amplitude'),
    ],
)
def test_a_wrong_setting_is_named(wrong, named):
    settings = dict(input_size=(256, 256), heatmap_size=(64, 64), sigma=2.0)
    with pytest.raises(InputError, match=named):
        VertebraHeatmap(**{**settings, **wrong})


def test_several_instances_and_heatmaps_of_another_size_are_refused():
    codec = VertebraHeatmap((256, 256), (64, 64), 2.0)
    with pytest.raises(ValueError, match='one instance'):
        codec.encode(np.zeros((2, NUM_KEYPOINTS, 2)))
    with pytest.raises(ValueError, match=r'\(64, 64\)'):
        codec.decode(np.zeros((NUM_KEYPOINTS, 128, 128), np.float32))
