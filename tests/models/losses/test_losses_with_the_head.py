"""Every heatmap loss a config may name works with the head, and none teaches what is unknown."""

import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from spondylo_mm import plugin  # noqa: F401
from spondylo_mm.anatomy import NUM_KEYPOINTS
from spondylo_mm.models.heads.vertebra_heatmap_head import VertebraHeatmapHead

LOSSES = {
    'mse': dict(type='KeypointMSELoss', use_target_weight=True),
    'ohkm': dict(type='KeypointOHKMMSELoss', use_target_weight=True, topk=8),
    'adaptive wing': dict(type='AdaptiveWingLoss', use_target_weight=True),
    'ours': dict(type='HeatmapMSELoss'),
    'foreground': dict(type='HeatmapMSELoss', foreground=5.0, background=0.05),
}
TAUGHT = 12  # of the keypoints


def head_with(loss: dict) -> VertebraHeatmapHead:
    torch.manual_seed(0)
    codec = dict(type='VertebraHeatmap', input_size=(32, 32), heatmap_size=(16, 16), sigma=1.5)
    return VertebraHeatmapHead(4, deconv_out_channels=None, loss=loss, decoder=codec)


def samples(num_images: int) -> list[PoseDataSample]:
    weights = (torch.arange(NUM_KEYPOINTS) < TAUGHT).float()
    batch = []
    for _ in range(num_images):
        sample = PoseDataSample()
        sample.gt_instance_labels = InstanceData(
            keypoint_labels=torch.full((1, NUM_KEYPOINTS, 2), 15.0),
            keypoint_weights=weights[None],
            keypoint_amplitudes=weights[None],
        )
        batch.append(sample)
    return batch


@pytest.mark.parametrize('loss', LOSSES.values(), ids=LOSSES.keys())
def test_every_loss_is_finite_and_teaches_the_weighted_keypoints_only(loss):
    head = head_with(loss)
    value = head.loss((torch.rand(2, 4, 16, 16),), samples(2))['loss_heatmap']
    value.backward()
    gradient = head.final_layer.weight.grad
    assert torch.isfinite(value) and value > 0 and torch.isfinite(gradient).all()
    taught = gradient.abs().sum(dim=(1, 2, 3)) > 0
    assert not taught[TAUGHT:].any()
    # mining keeps the 8 hardest of each image
    assert taught[:TAUGHT].sum() >= 8 if loss['type'] == 'KeypointOHKMMSELoss' else taught[:TAUGHT].all()


@pytest.mark.parametrize('loss', LOSSES.values(), ids=LOSSES.keys())
def test_no_loss_changes_with_the_size_of_the_batch(loss):
    head = head_with(loss).eval()
    image = torch.rand(1, 4, 16, 16)
    once = head.loss((image,), samples(1))['loss_heatmap']
    torch.testing.assert_close(head.loss((image.expand(4, -1, -1, -1),), samples(4))['loss_heatmap'], once)
