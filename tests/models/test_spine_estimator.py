"""The validation loss: of the images, not of how they were batched."""

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpose.registry import MODELS

from spondylo_mm.apis.configs import load_config


@pytest.fixture(scope='module')
def config(tiny_config, phantoms):
    config = load_config(tiny_config, data_root=str(phantoms))
    init_default_scope(config.default_scope)
    return config


@pytest.fixture(scope='module')
def model(config):
    torch.manual_seed(0)
    return MODELS.build(config.model).eval()


def validate(config, model, batch_size: int) -> float:
    loader = Runner.build_dataloader(dict(config.val_dataloader, batch_size=batch_size), seed=0)
    evaluator = Evaluator(dict(type='ValidationLoss'))
    with torch.no_grad():
        for batch in loader:
            evaluator.process(data_samples=model.val_step(batch), data_batch=batch)
    return evaluator.evaluate(len(loader.dataset))['spondylo/loss']


def test_the_validation_loss_is_the_mean_of_the_images_losses_however_they_are_batched(config, model):
    """By hand: the model's training loss, without augmentation and dropout, of one image at a time."""
    by_hand = []
    loader = Runner.build_dataloader(dict(config.val_dataloader, batch_size=1), seed=0)
    with torch.no_grad():
        for batch in loader:
            data = model.data_preprocessor(batch)
            by_hand.append(model(data['inputs'], data['data_samples'], mode='loss')['loss_heatmap'].item())
    assert len(set(by_hand)) == 3
    assert validate(config, model, 1) == pytest.approx(np.mean(by_hand), rel=1e-5)
    assert validate(config, model, 2) == pytest.approx(np.mean(by_hand), rel=1e-5)


def test_an_image_without_labels_has_no_loss(config, model):
    loader = Runner.build_dataloader(dict(config.val_dataloader, batch_size=3), seed=0)
    batch = next(iter(loader))
    batch['data_samples'][1].gt_instance_labels.keypoint_weights.zero_()
    with torch.no_grad():
        losses = [result.heatmap_loss for result in model.val_step(batch)]
    assert losses[1] is None and losses[0] > 0 and losses[2] > 0
    assert np.isnan(evaluate([None, None]))
    assert evaluate([1.0, None, 3.0]) == 2.0


def evaluate(losses: list) -> float:
    evaluator = Evaluator(dict(type='ValidationLoss'))
    evaluator.metrics[0].process(None, [dict(heatmap_loss=loss) for loss in losses])
    return evaluator.metrics[0].evaluate(len(losses))['spondylo/loss']


def test_testing_does_not_look_at_labels(config, model):
    loader = Runner.build_dataloader(dict(config.test_dataloader, batch_size=3), seed=0)
    with torch.no_grad():
        (result, *_) = model.test_step(next(iter(loader)))
    assert 'heatmap_loss' not in result


@pytest.mark.parametrize('flip_test', [False, True])
def test_validation_predicts_what_testing_does_and_sees_each_view_of_an_image_once(config, model, flip_test):
    """The backbone is nearly all of the work: the loss must not cost a second pass through it."""
    seen = []
    handle = model.backbone.register_forward_hook(lambda module, inputs, output: seen.append(inputs))
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setitem(model.test_cfg, 'flip_test', flip_test)
        validated, tested = (
            step(next(iter(Runner.build_dataloader(dict(config.val_dataloader, batch_size=3), seed=0))))
            for step in (model.val_step, model.test_step)
        )
    handle.remove()
    assert len(seen) == 2 * (1 + flip_test)
    for one, other in zip(validated, tested, strict=True):
        for key in ('keypoints', 'keypoint_scores', 'presence'):
            np.testing.assert_array_equal(one.pred_instances[key], other.pred_instances[key])


def test_vertebrae_beyond_the_last_slot_come_back_in_image_pixels_as_the_others_do(config, model):
    """Handed out by the head at the places of the first ten keypoints, they must stay with them."""
    batch = next(iter(Runner.build_dataloader(dict(config.val_dataloader, batch_size=2), seed=0)))
    predict = model.head.predict

    def with_extra(*args, **kwargs):
        predictions = predict(*args, **kwargs)
        for prediction in predictions:
            prediction.extra_vertebrae = prediction.keypoints[:, :8].reshape(1, 2, 4, 2).copy()
        return predictions

    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(model.head, 'predict', with_extra)
        results = model.test_step(batch)
    for result in results:
        predicted = result.pred_instances
        np.testing.assert_allclose(predicted.extra_vertebrae.reshape(1, 8, 2), predicted.keypoints[:, :8], rtol=1e-6)
