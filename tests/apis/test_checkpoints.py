"""Which checkpoints a model accepts."""

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from torch import nn

from spondylo_mm.apis.checkpoints import describe_checkpoint, load_weights
from spondylo_mm.errors import InputError


def model(keypoints: int = 40) -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, keypoints, 1))


class RunsCode:
    def __reduce__(self):
        return (open, ('owned', 'w'))


def test_every_weight_is_loaded_from_either_form_of_checkpoint(tmp_path):
    source = model()
    for content in (
        source.state_dict(),
        {'state_dict': {f'module.{k}': v for k, v in source.state_dict().items()}, 'meta': {}},
    ):
        torch.save(content, tmp_path / 'a.pth')
        target = model()
        load_weights(target, tmp_path / 'a.pth')
        for name, value in source.state_dict().items():
            assert torch.equal(target.state_dict()[name], value)


def test_a_checkpoint_of_38_keypoints_says_which_shapes_differ(tmp_path):
    torch.save(model(38).state_dict(), tmp_path / 'a.pth')
    with pytest.raises(InputError, match=r'1\.weight is \(38, 4, 1, 1\), expected \(40, 4, 1, 1\)'):
        load_weights(model(), tmp_path / 'a.pth')


def test_a_checkpoint_of_another_model_says_what_is_missing_and_unknown(tmp_path):
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / 'a.pth')
    with pytest.raises(InputError, match=r'lacks 0\.weight, 0\.bias, 1\.weight and 1 more; has unknown weight, bias'):
        load_weights(model(), tmp_path / 'a.pth')


def test_nothing_in_a_checkpoint_is_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({'state_dict': model().state_dict(), 'meta': RunsCode()}, 'a.pth')
    with pytest.raises(InputError, match='not opened for safety'):
        load_weights(model(), 'a.pth')
    assert not (tmp_path / 'owned').exists()


def test_what_is_no_checkpoint_is_refused(tmp_path):
    torch.save(model().state_dict(), tmp_path / 'whole.pth')
    whole = (tmp_path / 'whole.pth').read_bytes()
    for name, content in {'empty': b'', 'text': b'hello world', 'truncated': whole[: len(whole) // 2]}.items():
        (tmp_path / f'{name}.pth').write_bytes(content)
        with pytest.raises(InputError, match=f'{name}.pth'):
            load_weights(model(), tmp_path / f'{name}.pth')
    torch.save([1, 2], tmp_path / 'list.pth')
    with pytest.raises(InputError, match='holds no state_dict'):
        load_weights(model(), tmp_path / 'list.pth')
    with pytest.raises(InputError, match='no such checkpoint'):
        load_weights(model(), tmp_path / 'absent.pth')


def test_what_is_no_state_dict_is_refused(tmp_path):
    torch.save(dict(state_dict=5), tmp_path / 'number.pth')
    with pytest.raises(InputError, match='holds no state_dict'):
        load_weights(model(), tmp_path / 'number.pth')


@pytest.mark.parametrize(
    'make',
    [
        lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
        lambda: torch.ones(2, dtype=torch.complex64),
        lambda: torch.ones(2, device='meta'),
        lambda: torch.zeros(2, dtype=torch.uint8).view(torch.bits8),
    ],
    ids=['nested', 'complex', 'without values', 'of bits'],
)
@pytest.mark.filterwarnings('ignore:.*nested tensors')
def test_tensors_that_are_no_weights_are_refused(make, tmp_path):
    torch.save(model().state_dict() | {'0.bias': make()}, tmp_path / 'a.pth')
    with pytest.raises(InputError, match='a.pth: holds no state_dict'):
        load_weights(model(), tmp_path / 'a.pth')


def test_a_weight_that_only_double_precision_can_hold_is_refused(tmp_path):
    weights = {name: value.double() for name, value in model().state_dict().items()}
    torch.save(weights, tmp_path / 'a.pth')
    load_weights(model(), tmp_path / 'a.pth')
    weights['0.bias'][0] = 1e300
    torch.save(weights, tmp_path / 'a.pth')
    with pytest.raises(InputError, match='a.pth: 0.bias hold NaN or infinity'):
        load_weights(model(), tmp_path / 'a.pth')


def test_a_counter_that_is_not_a_number_is_refused(tmp_path):
    """Made a whole number, NaN would be some."""
    network = nn.BatchNorm2d(2)
    torch.save(network.state_dict() | dict(num_batches_tracked=torch.tensor(torch.nan)), tmp_path / 'a.pth')
    with pytest.raises(InputError, match='num_batches_tracked hold NaN'):
        load_weights(network, tmp_path / 'a.pth')


def test_weights_of_eight_bits_are_weights(tmp_path):
    source, target = model(), model()
    eight = {name: value.to(torch.float8_e5m2) for name, value in source.state_dict().items()}
    torch.save(eight, tmp_path / 'a.pth')
    load_weights(target, tmp_path / 'a.pth')
    assert torch.equal(target.state_dict()['0.weight'], eight['0.weight'].float())


@pytest.mark.parametrize(
    'meta, expected',
    [
        (dict(data_sha256='0f' * 32), '0f' * 32),
        *(
            (dict(data_sha256=value), None)
            for value in (torch.ones(2), float('nan'), b'0f' * 32, {'0f' * 32}, '0f' * 31, '\x1b[2J' + '0' * 60, None)
        ),
        ([], None),
    ],
)
def test_only_a_hash_is_said_to_be_the_hash_of_the_data(meta, expected, tmp_path):
    (tmp_path / 'a.pth').touch()
    assert describe_checkpoint(tmp_path / 'a.pth', dict(meta=meta))['data_sha256'] == expected


def test_a_part_of_a_checkpoint_is_taken_by_its_prefix(tmp_path):
    source = model()
    content = {f'backbone.{name}': value for name, value in source.state_dict().items()} | {
        'head.weight': torch.ones(1)
    }
    torch.save(content, tmp_path / 'a.pth')
    target = model()
    load_weights(target, tmp_path / 'a.pth', prefix='backbone.')
    assert all(torch.equal(target.state_dict()[name], value) for name, value in source.state_dict().items())


def test_weights_that_fit_in_part_are_loaded_only_when_asked_for_and_the_others_named(tmp_path, caplog):
    source, target = model(38), model()
    torch.save(source.state_dict() | {'2.bias': torch.ones(1)}, tmp_path / 'a.pth')
    with pytest.raises(InputError, match=r'1\.weight is \(38, 4, 1, 1\).*has unknown 2\.bias.*--allow-partial'):
        load_weights(target, tmp_path / 'a.pth')
    before = target.state_dict()['1.weight'].clone()
    load_weights(target, tmp_path / 'a.pth', allow_partial=True)
    assert torch.equal(target.state_dict()['0.weight'], source.state_dict()['0.weight'])
    assert torch.equal(target.state_dict()['1.weight'], before)


def test_weights_from_before_heads_remembered_what_they_were_taught_are_whole(tmp_path):
    source, target = (nn.ModuleDict(dict(head=nn.Linear(2, 2))) for _ in range(2))
    for module in (source, target):
        module['head'].register_buffer('taught', torch.zeros(2, dtype=torch.bool))
    old = {name: value for name, value in source.state_dict().items() if name != 'head.taught'}
    torch.save(old, tmp_path / 'old.pth')
    load_weights(target, tmp_path / 'old.pth')
    assert torch.equal(target['head'].weight, source['head'].weight)


def test_nothing_that_fits_is_never_a_part(tmp_path):
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / 'a.pth')
    with pytest.raises(InputError, match='belongs to another model'):
        load_weights(model(), tmp_path / 'a.pth', allow_partial=True)


@pytest.mark.parametrize('counters', [True, False], ids=['with counters', 'without'])
def test_of_a_network_of_another_width_nothing_fits_though_counters_of_its_batches_may(counters, tmp_path):
    def network(width: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(1, width, 3), nn.BatchNorm2d(width))

    weights = network(8).state_dict()
    if not counters:  # as in old files
        del weights['1.num_batches_tracked']
    torch.save(weights, tmp_path / 'a.pth')
    with pytest.raises(InputError, match='belongs to another model .*: give the config it was trained with$'):
        load_weights(network(4), tmp_path / 'a.pth', allow_partial=True)


def test_safetensors_are_read_and_damaged_ones_refused(tmp_path):
    from safetensors.torch import save_file

    source, target = model(), model()
    save_file(source.state_dict(), tmp_path / 'a.safetensors')
    load_weights(target, tmp_path / 'a.safetensors')
    assert torch.equal(target.state_dict()['0.weight'], source.state_dict()['0.weight'])
    (tmp_path / 'b.safetensors').write_bytes(b'no weights')
    with pytest.raises(InputError, match='cannot be read as a checkpoint'):
        load_weights(target, tmp_path / 'b.safetensors')


def test_mmengine_s_own_checkpoints_give_their_weights_and_nothing_of_them_is_executed(tmp_path):
    """As those of MMPose's model zoo: a log history and numpy values are pickled beside the weights."""
    history = HistoryBuffer([0.5], [1])
    meta = dict(dataset_meta=dict(sigmas=np.array([0.1])), best=np.float64(3))
    source, target = model(), model()
    torch.save(dict(meta=meta, message_hub=dict(loss=history), state_dict=source.state_dict()), tmp_path / 'zoo.pth')
    load_weights(target, tmp_path / 'zoo.pth')
    assert torch.equal(target.state_dict()['1.weight'], source.state_dict()['1.weight'])
