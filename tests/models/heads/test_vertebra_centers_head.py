"""The head of centres: what teaches it, and what it predicts."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from spondylo_mm import plugin  # noqa: F401
from spondylo_mm.anatomy import FLIP_INDICES, NUM_KEYPOINTS, NUM_SLOTS
from spondylo_mm.codecs.centers.layout import NUM_HEATMAPS, NUM_MAPS, SACRUM, VERTEBRA
from spondylo_mm.codecs.supervision import supervise
from spondylo_mm.models.heads.vertebra_centers_head import VertebraCentersHead

SIDE, CELLS = 256, 64
CODEC = dict(type='VertebraCenters', input_size=(SIDE, SIDE), heatmap_size=(CELLS, CELLS), sigma=1.0)
SURE = 12.0  # a logit


@pytest.fixture
def head() -> VertebraCentersHead:
    torch.manual_seed(0)
    head = VertebraCentersHead(
        8, deconv_out_channels=None, conv_out_channels=(8,), conv_kernel_sizes=(3,), dropout=0.3, decoder=CODEC
    )
    head.init_weights()
    return head


def spine(count: int) -> np.ndarray:
    """Vertebrae (count, 4, 2) in input pixels, from below."""
    body = np.array([[-16.0, -8.0], [16.0, -8.0], [-16.0, 8.0], [16.0, 8.0]])
    slots = np.arange(count)
    return body + np.stack([120.3 + 3 * slots, 230.2 - 22 * slots], axis=-1)[:, None]


def sample(vertebrae: np.ndarray, visible: np.ndarray | float = 1.0) -> PoseDataSample:
    """A sample whose vertebrae (V, 4, 2) are labelled, and nothing is known of the slots above."""
    keypoints, labelled = np.zeros((NUM_SLOTS, 4, 2)), np.zeros((NUM_SLOTS, 4))
    keypoints[: len(vertebrae)], labelled[: len(vertebrae)] = vertebrae, visible
    keypoints = keypoints.reshape(-1, 2)
    weights, amplitudes = supervise(keypoints, labelled.reshape(-1), None, (SIDE, SIDE))
    result = PoseDataSample(metainfo=dict(flip_indices=list(FLIP_INDICES)))
    result.gt_instance_labels = InstanceData(
        keypoint_labels=torch.from_numpy(keypoints).float()[None],
        keypoint_weights=torch.from_numpy(weights)[None],
        keypoint_amplitudes=torch.from_numpy(amplitudes)[None],
    )
    return result


def exact_maps(head: VertebraCentersHead, one: PoseDataSample) -> torch.Tensor:
    """The output that meets the targets of a sample exactly."""
    targets = head._targets([one])
    return torch.cat([targets.heatmaps.clamp(1e-6, 1 - 1e-6).logit(), targets.offsets], dim=1)


def loss_of(head: VertebraCentersHead, maps: torch.Tensor, samples: list) -> dict[str, float]:
    head.forward = lambda feats: maps
    return {name: float(value) for name, value in head.loss((), samples).items()}


def test_all_vertebrae_share_fourteen_maps(head):
    assert head((torch.rand(2, 8, CELLS, CELLS),)).shape == (2, NUM_MAPS, CELLS, CELLS)


def test_before_training_every_heatmap_says_one_tenth(head):
    maps = head.eval()((torch.rand(1, 8, CELLS, CELLS),))
    assert maps[:, :NUM_HEATMAPS].sigmoid().mean().item() == pytest.approx(0.1, abs=0.01)


def test_the_loss_reaches_every_parameter(head):
    losses = head.loss((torch.rand(2, 8, CELLS, CELLS),), [sample(spine(6)), sample(spine(4))])
    assert set(losses) == {'loss_anchor', 'loss_corner', 'loss_offset'}
    sum(losses.values()).backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_the_loss_vanishes_at_the_target_and_only_there(head):
    one = sample(spine(6))
    maps = exact_maps(head, one)
    assert loss_of(head, maps, [one]) == pytest.approx(
        dict.fromkeys(['loss_anchor', 'loss_corner', 'loss_offset'], 0), abs=1e-6
    )
    assert all(loss > 1e-3 for loss in loss_of(head, maps.roll(1, dims=-1), [one]).values())


def test_nothing_is_learned_where_nothing_is_known(head):
    """Above the topmost label the same maps give the same loss whatever they say there; beside it they do not."""
    one = sample(spine(5))
    maps = exact_maps(head, one)
    above = spine(7)[6].mean(axis=0) / 255 * 63
    x, y = np.round(above).astype(int)
    for channel, expected in ((VERTEBRA, 0.0), (2, 0.0), (5, 0.0), (SACRUM, 1.0)):
        for column, must_count in ((x, bool(expected)), (5, True)):
            changed = maps.clone()
            changed[:, channel, y, column] = SURE
            changed[:, NUM_HEATMAPS:, y, column] += 5
            loss = loss_of(head, changed, [one])
            total = sum(loss.values())
            assert (total > 0.1) == must_count, (channel, column)


def test_the_loss_means_the_same_for_more_images_and_for_more_vertebrae(head):
    few, many = sample(spine(3)), sample(spine(9))
    maps = torch.full((1, NUM_MAPS, CELLS, CELLS), -2.0)
    for one in (few, many):
        alone = loss_of(head, maps, [one])
        assert loss_of(head, maps.repeat(3, 1, 1, 1), [one] * 3) == pytest.approx(alone, rel=1e-4)
    missed = [
        loss_of(head, torch.full_like(maps, -SURE).index_fill(1, torch.arange(NUM_HEATMAPS, NUM_MAPS), 0.0), [one])
        for one in (few, many)
    ]
    assert missed[0]['loss_anchor'] == pytest.approx(missed[1]['loss_anchor'], rel=0.02)
    assert missed[0]['loss_corner'] == pytest.approx(missed[1]['loss_corner'], rel=0.02)


def test_the_loss_of_an_image_is_its_own_and_none_where_nothing_is_taught(head):
    samples = [sample(spine(6)), sample(spine(4)), sample(spine(0))]
    head.eval()
    features = (torch.rand(3, 8, CELLS, CELLS),)
    losses = head.losses_per_image(features, samples)
    assert losses[2] is None
    assert losses[1] == pytest.approx(head.losses_per_image((features[0][1:2],), samples[1:2])[0], rel=1e-4)
    assert not head.taught.any()  # validation teaches nothing


def test_predictions_are_those_of_the_package(head):
    vertebrae = spine(7)
    maps = exact_maps(head, sample(vertebrae))
    head.forward = lambda feats: maps
    (prediction,) = head.predict((), [])
    np.testing.assert_allclose(prediction.keypoints.reshape(10, 4, 2)[:7], vertebrae, atol=0.1)
    assert prediction.keypoint_scores.shape == prediction.keypoint_taught.shape == (1, NUM_KEYPOINTS)
    assert (prediction.presence[0] > 0.5).tolist() == [True] * 7 + [False] * 3
    assert prediction.sacrum_seen.shape == (1,) and prediction.sacrum_seen[0] > 0.9
    (prediction,), (fields,) = head.predict((), [], dict(output_heatmaps=True))
    assert fields.heatmaps.shape == (NUM_KEYPOINTS, CELLS, CELLS)


def test_an_image_and_its_mirror_image_agree(head):
    """Maps of a sample and those of the sample mirrored, put back: the average is the maps themselves."""
    vertebrae = spine(6)
    mirrored = (vertebrae * [-1, 1] + [SIDE - 1, 0])[:, [1, 0, 3, 2]]
    outputs = iter([exact_maps(head, sample(vertebrae)), exact_maps(head, sample(mirrored))])
    head.forward = lambda feats: next(outputs)
    (prediction,) = head.predict([None, None], [], dict(flip_test=True))
    np.testing.assert_allclose(prediction.keypoints.reshape(10, 4, 2)[:6], vertebrae, atol=0.1)


def test_the_head_remembers_which_corners_it_was_taught(head):
    visible = np.ones((6, 4))
    visible[0, 2:] = 0
    features = (torch.rand(1, 8, CELLS, CELLS),)
    head.loss(features, [sample(spine(6), visible)])
    assert head.state_dict()['taught'][VERTEBRA].all()
    assert head.state_dict()['taught'][SACRUM].tolist() == [True, True, False, False]
    (prediction,) = head.predict(features, [])
    assert np.flatnonzero(~prediction.keypoint_taught[0]).tolist() == [2, 3]


def test_dropout_acts_in_training_only(head):
    torch.nn.init.normal_(head.final_layer.weight)
    features = (torch.rand(1, 8, CELLS, CELLS),)
    assert not torch.equal(head.train()(features), head(features))
    assert torch.equal(head.eval()(features), head(features))


def test_half_precision_maps_give_a_finite_loss(head):
    maps = torch.full((1, NUM_MAPS, CELLS, CELLS), 300.0, dtype=torch.float16)
    assert all(np.isfinite(value) for value in loss_of(head, maps, [sample(spine(6))]).values())
