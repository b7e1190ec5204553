"""What spines look like, learned from the training labels before training, kept with the weights."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmpose.registry import HOOKS

from ...codecs.structured.fitting import fit_spine_model, labelled_spines
from ...datasets.wrappers import datasets_inside
from ...errors import InputError
from ..bare_model import bare_model


@HOOKS.register_module()
class SpineModelHook(Hook):
    """Fit the model of spines that structured decoding believes (``codecs.structured``) to the labels of the training
    split, and give it to the head.

    A training that is resumed keeps the one it has. With too few labels none is fitted, and slots are decoded
    independently; the log says so. Heads that know no such model are left alone.
    """

    def before_train(self, runner: Any) -> None:
        numbers = getattr(bare_model(runner.model).head, 'spine_model', None)
        if numbers is None or numbers.any():
            return
        datasets = datasets_inside(runner.train_dataloader.dataset)
        annotations = [spine for dataset in datasets for spine in dataset.read_annotation_file()['annotations']]
        try:
            fitted = fit_spine_model(labelled_spines(annotations))
        except InputError as error:
            print_log(str(error), 'current')
            return
        numbers.copy_(torch.from_numpy(fitted.to_vector()))
