"""The head: targets on the device, and what it predicts."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from spondylo_mm import plugin  # noqa: F401
from spondylo_mm.anatomy import FLIP_INDICES, NUM_CORNERS, NUM_KEYPOINTS, NUM_SLOTS
from spondylo_mm.codecs.gaussian_targets import frame_scale
from spondylo_mm.models.heads.vertebra_heatmap_head import VertebraHeatmapHead

CODEC = dict(type='VertebraHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=1.5, above='ignore')


@pytest.fixture
def head() -> VertebraHeatmapHead:
    torch.manual_seed(0)
    return VertebraHeatmapHead(
        in_channels=8,
        deconv_out_channels=None,
        conv_out_channels=(8,),
        conv_kernel_sizes=(3,),
        dropout=0.3,
        presence=False,  # the rule of half a peak; see test_slot_presence.py
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
        decoder=CODEC,
    )


def let_emit(head: VertebraHeatmapHead, *maps: torch.Tensor) -> None:
    """Make the head's layers give these heatmaps, one after the other."""
    outputs = iter(maps)
    head.features = lambda feats: None
    head.heatmaps = lambda features: next(outputs)


def sample(weights: torch.Tensor) -> PoseDataSample:
    labels = InstanceData(
        keypoint_labels=torch.full((1, NUM_KEYPOINTS, 2), 30.0),
        keypoint_weights=weights[None],
        keypoint_amplitudes=torch.ones(1, NUM_KEYPOINTS),
    )
    result = PoseDataSample(metainfo=dict(flip_indices=list(FLIP_INDICES)))
    result.gt_instance_labels = labels
    return result


def test_one_map_per_keypoint(head):
    assert head((torch.rand(2, 8, 16, 16),)).shape == (2, NUM_KEYPOINTS, 16, 16)


def test_only_weighted_keypoints_teach_the_model(head):
    weights = torch.zeros(NUM_KEYPOINTS)
    weights[7] = 1
    head.loss((torch.rand(1, 8, 16, 16),), [sample(weights)])['loss_heatmap'].backward()
    taught = head.final_layer.weight.grad.abs().sum(dim=(1, 2, 3)) > 0
    assert taught.nonzero().flatten().tolist() == [7]


def test_the_loss_vanishes_at_the_target_and_only_there(head):
    """With the codec's own heatmaps as output the loss is zero: targets are what decoding expects."""
    labels = sample(torch.ones(NUM_KEYPOINTS))
    target = head.decoder.encode_batch(
        labels.gt_instance_labels.keypoint_labels, labels.gt_instance_labels.keypoint_amplitudes
    )
    let_emit(head, target, target.roll(1, dims=-1))
    assert head.loss((), [labels])['loss_heatmap'] == 0
    assert head.loss((), [labels])['loss_heatmap'] > 1e-3


def test_predictions_carry_position_score_and_presence(head):
    keypoints = torch.rand(2, NUM_KEYPOINTS, 2) * 50 + 5
    amplitudes = torch.ones(2, NUM_SLOTS, NUM_CORNERS)
    amplitudes[1, 6:] = 0.0
    let_emit(head, head.decoder.encode_batch(keypoints, amplitudes.flatten(1)))
    first, second = head.predict((), [])
    np.testing.assert_allclose(first.keypoints[0], keypoints[0], atol=0.01)
    assert first.keypoint_scores.shape == (1, NUM_KEYPOINTS) and first.presence.shape == (1, NUM_SLOTS)
    assert (first.presence[0] > 0.8).all()
    assert (second.presence[0, :6] > 0.8).all() and (second.presence[0, 6:] < 0.01).all()


def test_the_head_remembers_which_corners_it_was_taught(head):
    features = (torch.rand(1, 8, 16, 16),)
    assert head.predict(features, [])[0].keypoint_taught.all()  # nothing is remembered of weights from before
    superior, empty = torch.zeros(NUM_KEYPOINTS), torch.zeros(NUM_KEYPOINTS)
    superior[:2] = 1
    empty[8:12] = 1
    half, absent = sample(superior), sample(empty)
    absent.gt_instance_labels.keypoint_amplitudes = torch.zeros(1, NUM_KEYPOINTS)  # taught that there is nothing
    head.losses_per_image(features, [half])  # validation teaches nothing
    assert not head.taught.any()
    for one in (half, absent):
        head.loss(features, [one])
    (prediction,) = head.predict(features, [])
    assert prediction.keypoint_taught.shape == (1, NUM_KEYPOINTS)
    assert np.flatnonzero(prediction.keypoint_taught[0]).tolist() == [0, 1] and not prediction.presence[0, 1:].any()
    assert head.state_dict()['taught'].sum() == 2


def test_flip_test_agrees_with_itself_on_a_mirrored_input(head):
    """Maps of an image and of its mirror image, exchanged left for right, average to the maps themselves."""
    keypoints = torch.rand(1, NUM_KEYPOINTS, 2) * 50 + 5
    maps = head.decoder.encode_batch(keypoints, torch.ones(1, NUM_KEYPOINTS))
    mirrored = maps.flip(-1)[:, list(FLIP_INDICES)]
    let_emit(head, maps, mirrored)
    test_cfg = dict(flip_test=True, flip_mode='heatmap', shift_heatmap=False)
    (prediction,) = head.predict([None, None], [sample(torch.ones(NUM_KEYPOINTS))], test_cfg)
    np.testing.assert_allclose(prediction.keypoints[0], keypoints[0], atol=0.01)


def test_dropout_acts_in_training_only(head):
    features = (torch.rand(1, 8, 16, 16),)
    assert not torch.equal(head.train()(features), head(features))
    assert torch.equal(head.eval()(features), head(features))


def test_enlarged_heatmaps_lie_where_the_codec_expects_them():
    """A map of its own x, and one of its own y: enlarged, a pixel holds what frame_scale says of its position."""
    head = VertebraHeatmapHead(
        NUM_KEYPOINTS, deconv_out_channels=None, final_layer=None, upsample=4, presence=False, decoder=CODEC
    )
    small = torch.zeros(1, NUM_KEYPOINTS, 16, 16)
    small[0, 0] = torch.arange(16)
    small[0, 1] = torch.arange(16)[:, None]
    large = head.eval()((small,))[0]
    position = torch.arange(64) * frame_scale((64, 64), (16, 16))[0]
    torch.testing.assert_close(large[0], position.float().expand(64, 64))
    torch.testing.assert_close(large[1], position.float()[:, None].expand(64, 64))
