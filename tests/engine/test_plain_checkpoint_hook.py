"""What a checkpoint may hold, and that nothing is lost by it."""

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from spondylo_mm.engine.hooks.plain_checkpoint_hook import PlainCheckpointHook, from_plain, to_plain

META = dict(epoch=3, dataset_meta=dict(sigmas=np.array([0.01, 0.02]), flip_pairs=[(0, 1)]), best=np.float64(1.5))


def checkpoint() -> dict:
    history = HistoryBuffer([0.5, 0.25], [1, 1], max_length=7)
    return dict(meta=dict(META), message_hub=dict(log_scalars={'train/loss': history}), state_dict={'a': torch.ones(2)})


def test_a_checkpoint_with_histories_and_arrays_loads_without_unpickling(tmp_path):
    path = tmp_path / 'a.pth'
    torch.save(checkpoint(), path)
    with pytest.raises(Exception, match='[Ww]eights'):  # the guard is needed: mmengine's own form does not load so
        torch.load(path, weights_only=True)
    plain = checkpoint()
    PlainCheckpointHook().before_save_checkpoint(None, plain)
    torch.save(plain, path)
    loaded = torch.load(path, weights_only=True)
    PlainCheckpointHook().after_load_checkpoint(None, loaded)
    np.testing.assert_array_equal(loaded['meta']['dataset_meta']['sigmas'], [0.01, 0.02])
    assert loaded['meta']['dataset_meta']['sigmas'].dtype == np.float64
    assert loaded['meta']['dataset_meta']['flip_pairs'] == [(0, 1)]
    history = loaded['message_hub']['log_scalars']['train/loss']
    assert isinstance(history, HistoryBuffer) and history.max_length == 7
    assert history.data[0].tolist() == [0.5, 0.25] and history.data[1].tolist() == [1, 1]


def test_plain_values_pass_through_unchanged():
    value = dict(a=[1, 'x', None, (2.5, True)], b=torch.ones(2))
    assert to_plain(value)['a'] == from_plain(value)['a'] == value['a']
    assert to_plain(value)['b'] is value['b']


def test_a_foreign_checkpoint_without_these_parts_is_left_alone():
    foreign = dict(state_dict={})
    PlainCheckpointHook().after_load_checkpoint(None, foreign)
    assert foreign == dict(state_dict={})
