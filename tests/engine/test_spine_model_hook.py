"""What the head is told of spines before training."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.dataset import RepeatDataset
from torch import nn

from spondylo_mm import plugin  # noqa: F401
from spondylo_mm.codecs.structured.fitting import fit_spine_model, labelled_spines
from spondylo_mm.codecs.structured.spine_model import VECTOR_SIZE, SpineModel
from spondylo_mm.datasets.prepare import prepare
from spondylo_mm.datasets.spondylo_dataset import SpondyloDataset
from spondylo_mm.engine.hooks.spine_model_hook import SpineModelHook
from spondylo_mm.phantom.writer import write_dataset


@pytest.fixture(scope='module')
def phantoms(tmp_path_factory):
    root = tmp_path_factory.mktemp('phantoms')
    write_dataset(root / 'raw', dict(train=24, val=0, test=0), seed=1, size=128)
    prepare(root / 'raw', root / 'data')
    return root / 'data'


def told(root, numbers=None, **kwargs) -> torch.Tensor:
    """The numbers of a head after the hook."""
    head = nn.Module()
    head.register_buffer('spine_model', torch.zeros(VECTOR_SIZE, dtype=torch.float64) if numbers is None else numbers)
    dataset = SpondyloDataset(codec={}, data_root=str(root), ann_file='annotations/train.json', **kwargs)
    loader = SimpleNamespace(dataset=RepeatDataset(dataset, times=2))
    SpineModelHook().before_train(SimpleNamespace(model=SimpleNamespace(head=head), train_dataloader=loader))
    return head.spine_model


def test_the_head_learns_what_the_training_labels_show(phantoms):
    annotations = json.loads((phantoms / 'annotations' / 'train.json').read_text())['annotations']
    expected = fit_spine_model(labelled_spines(annotations))
    np.testing.assert_array_equal(told(phantoms).numpy(), expected.to_vector())


def test_slots_counted_from_the_top_are_learned_as_such(phantoms):
    model = SpineModel.from_vector(told(phantoms, anchor='cranial').numpy())
    caudal = SpineModel.from_vector(told(phantoms).numpy())
    assert caudal.log_start.argmax() == 0 and model.log_start.argmax() > 0


def test_a_resumed_training_keeps_what_it_knows(phantoms):
    known = torch.ones(VECTOR_SIZE, dtype=torch.float64)
    assert (told(phantoms, known.clone()) == known).all()


def test_too_few_labels_teach_nothing(phantoms, tmp_path):
    content = json.loads((phantoms / 'annotations' / 'train.json').read_text())
    content['annotations'] = content['annotations'][:2]
    (tmp_path / 'annotations').mkdir()
    (tmp_path / 'annotations' / 'train.json').write_text(json.dumps(content))
    assert not told(tmp_path).any()
