"""From a config to a checkpoint."""

import errno
import json
import shutil
import time

import pytest
import torch
from mmengine.visualization import Visualizer

from spondylo_mm.apis import training
from spondylo_mm.apis.configs import load_config
from spondylo_mm.apis.training import train
from spondylo_mm.datasets.prepare import prepare
from spondylo_mm.errors import InputError
from spondylo_mm.phantom.writer import write_dataset

CONFIG = 'configs/hrnet_w32_spondylo.py'


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)


def test_training_leaves_a_best_and_a_last_checkpoint_without_pickled_objects(trained):
    assert trained.name.startswith('best_spondylo_MRE_epoch_')
    last = trained.parent / 'epoch_2.pth'
    for path in (trained, last):
        content = torch.load(path, weights_only=True)
        assert all(torch.isfinite(value).all() for value in content['state_dict'].values())
    assert content['meta']['epoch'] == 2


def test_a_stopped_run_goes_on_where_it_was(trained, tiny_config, phantoms, tmp_path):
    shutil.copytree(trained.parent, tmp_path / 'work')
    train(
        str(tiny_config),
        data_root=str(phantoms),
        work_dir=str(tmp_path / 'work'),
        resume=True,
        options=('train_cfg.max_epochs=3',),
    )
    meta = torch.load(tmp_path / 'work' / 'epoch_3.pth', weights_only=True)['meta']
    assert (meta['epoch'], meta['iter']) == (3, 3 * 2)  # two batches of four an epoch, none repeated


def test_a_new_run_does_not_mix_with_the_checkpoints_of_another(trained, tiny_config, phantoms):
    """Which of two best checkpoints is the new run's, nobody could tell."""
    before = {path: path.stat().st_mtime_ns for path in trained.parent.rglob('*')}
    with pytest.raises(InputError, match='holds the checkpoints of another run.*--resume'):
        train(str(tiny_config), data_root=str(phantoms), work_dir=str(trained.parent))
    assert {path: path.stat().st_mtime_ns for path in trained.parent.rglob('*')} == before


def test_the_seed_decides_the_weights(tiny_config, phantoms, tmp_path):

    def weights(name: str, seed: int) -> torch.Tensor:
        best = train(
            str(tiny_config),
            data_root=str(phantoms),
            work_dir=str(tmp_path / name),
            seed=seed,
            options=('train_cfg.max_epochs=1',),
        )
        return torch.load(best, weights_only=True)['state_dict']['head.final_layer.weight']

    first = weights('a', 3)
    assert torch.equal(first, weights('b', 3))
    assert not torch.equal(first, weights('c', 4))


def test_pretrained_weights_that_cannot_be_had_are_one_line_with_both_ways_out(monkeypatch, tmp_path):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, 'HF_HUB_OFFLINE', True)
    monkeypatch.setenv('HF_HUB_CACHE', str(tmp_path / 'empty'))
    with pytest.raises(InputError) as error:
        train(CONFIG, work_dir=str(tmp_path / 'work'), data_root=str(tmp_path))
    assert '--from-scratch' in str(error.value) and 'pretrained_cfg_overlay.file=PATH' in str(error.value)


def test_weights_that_are_loaded_when_training_starts_are_missed_in_the_same_words(phantoms, tmp_path):
    options = (f'model.backbone.init_cfg.checkpoint={tmp_path / "resnet50.pth"}', 'train_dataloader.num_workers=0')
    with pytest.raises(InputError) as error:
        train(
            'configs/resnet50_spondylo.py',
            work_dir=str(tmp_path / 'work'),
            data_root=str(phantoms),
            options=(*options, 'train_dataloader.persistent_workers=False'),
        )
    assert 'resnet50.pth cannot be had (FileNotFoundError)' in str(error.value)
    assert '--from-scratch' in str(error.value) and 'model.backbone.init_cfg.checkpoint=PATH' in str(error.value)


@pytest.mark.parametrize(
    'changes, message',
    [
        (dict(resume='nowhere.pth'), 'nowhere.pth: no such checkpoint'),
        (dict(resume=True), 'holds no checkpoint'),
        (dict(resume=True, load_from='a.pth'), 'either --resume or --load-from'),
        (dict(load_from='nowhere.pth'), 'nowhere.pth: no such checkpoint'),
        (dict(amp='fp16'), '--amp fp16: torch sees no GPU'),
        (dict(amp='fp8'), '--amp fp8: choose one of auto, bf16, fp16'),
        (dict(launcher='pytorch'), 'not started by torchrun'),
        (dict(options=('train_cfg.max_epoch=1',)), 'did you mean max_epochs'),
    ],
)
def test_bad_usage_is_refused_before_training(tiny_config, phantoms, tmp_path, monkeypatch, changes, message):
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    with pytest.raises(InputError, match=message):
        train(str(tiny_config), data_root=str(phantoms), work_dir=str(tmp_path / 'work'), **changes)
    assert not (tmp_path / 'work').exists()


def test_a_missing_or_empty_split_is_named(tiny_config, tmp_path):
    with pytest.raises(InputError, match='train.json: no such annotation file'):
        train(str(tiny_config), data_root=str(tmp_path), work_dir=str(tmp_path / 'work'))


def test_a_full_disk_is_not_blamed_on_the_weights(monkeypatch, tmp_path):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, 'No space left on device', str(tmp_path))

    monkeypatch.setattr('spondylo_mm.apis.training._SpineRunner.from_cfg', full)
    with pytest.raises(OSError, match='No space left'):
        train(CONFIG, work_dir=str(tmp_path / 'work'), data_root=str(tmp_path))


def test_training_can_start_from_the_weights_of_another_run(trained, tiny_config, phantoms, tmp_path):
    """A learning rate of nothing leaves them as they are; BatchNorm statistics move."""
    options = ('train_cfg.max_epochs=1', 'optim_wrapper.optimizer.lr=0.0', 'optim_wrapper.optimizer.weight_decay=0.0')
    run = dict(data_root=str(phantoms), work_dir=str(tmp_path / 'work'), options=options, seed=9)
    started = torch.load(train(str(tiny_config), load_from=str(trained), **run), weights_only=True)['state_dict']
    for name, value in torch.load(trained, weights_only=True)['state_dict'].items():
        if 'running' not in name and 'num_batches' not in name:
            assert torch.equal(started[name], value), name


def test_two_runs_of_one_process_never_have_one_name(tiny_config):
    """MMEngine names them by config and second; those of one name would write to one folder."""

    def name_of_now() -> str:
        return f'{tiny_config.stem}_{time.strftime("%Y%m%d_%H%M%S")}'

    Visualizer.get_instance(name_of_now())
    training._wait_for_a_name_of_its_own(load_config(tiny_config))
    assert not Visualizer.check_instance_created(name_of_now())


def test_weights_that_fit_in_part_are_refused_unless_allowed(trained, tiny_config, phantoms, tmp_path):
    content = torch.load(trained, weights_only=True)['state_dict']
    content['head.final_layer.weight'] = content['head.final_layer.weight'][:38]
    torch.save(content, tmp_path / 'old.pth')
    run = dict(data_root=str(phantoms), work_dir=str(tmp_path / 'work'), options=('train_cfg.max_epochs=1',))
    with pytest.raises(InputError, match=r'head.final_layer.weight is \(38, .*--allow-partial'):
        train(str(tiny_config), load_from=str(tmp_path / 'old.pth'), **run)
    train(str(tiny_config), load_from=str(tmp_path / 'old.pth'), allow_partial=True, **run)
    log = '\n'.join(path.read_text() for path in (tmp_path / 'work').glob('*/*.log'))
    assert 'weights fit and are loaded; head.final_layer.weight is (38,' in log


def test_a_batch_of_one_is_refused_where_there_is_batch_norm(tiny_config, phantoms, tmp_path):
    with pytest.raises(InputError, match='train_dataloader.batch_size=1: the model has BatchNorm'):
        train(
            str(tiny_config),
            data_root=str(phantoms),
            work_dir=str(tmp_path / 'work'),
            options=('train_dataloader.batch_size=1',),
        )


@pytest.mark.parametrize('stages', ['5', '-2', 'layer1'])
def test_stages_that_do_not_exist_cannot_be_frozen(stages, phantoms, tmp_path):
    with pytest.raises(InputError, match=f'frozen_stages={stages}: the backbone has 4 stages|give a number'):
        train(
            'configs/resnet50_spondylo.py',
            data_root=str(phantoms),
            work_dir=str(tmp_path / 'work'),
            options=(f'model.backbone.frozen_stages={stages}',),
        )


def test_slots_counted_from_the_other_end_are_refused(tiny_config, tmp_path):
    write_dataset(tmp_path / 'data', dict(train=2, val=2, test=0), seed=1, size=128)
    prepare(tmp_path / 'data', anchor='cranial')
    with pytest.raises(InputError, match='counted from the cranial end, the config counts from the caudal one'):
        train(str(tiny_config), data_root=str(tmp_path / 'data'), work_dir=str(tmp_path / 'work'))


def test_validation_loss_is_logged_beside_the_metrics(trained):
    lines = [json.loads(line) for line in next(trained.parent.glob('*/vis_data/scalars.json')).read_text().splitlines()]
    validations = [line for line in lines if 'spondylo/MRE' in line]
    assert len(validations) == 2 and all(line['spondylo/loss'] > 0 for line in validations)


def test_average_weights_accumulation_and_clipping_are_a_config_away(tiny_config, phantoms, tmp_path):
    """The checkpoint to predict with holds the moving average; the one to resume from the weights as well."""
    path = tmp_path / 'variant.py'
    path.write_text(f"""
_base_ = ['{tiny_config}']
custom_hooks = [dict(type='EMAHook', momentum=0.5)]
optim_wrapper = dict(accumulative_counts=2, clip_grad=dict(max_norm=1.0))
train_dataloader = dict(batch_size=2)
train_cfg = dict(max_epochs=1)
""")
    train(str(path), data_root=str(phantoms), work_dir=str(tmp_path / 'work'))
    last = torch.load(tmp_path / 'work' / 'epoch_1.pth', weights_only=True)
    assert len({int(state['step']) for state in last['optimizer']['state'].values()}) == 1
    assert int(next(iter(last['optimizer']['state'].values()))['step']) == 2  # four batches, two steps
    name = 'head.final_layer.weight'
    assert not torch.equal(last['state_dict'][name], last['ema_state_dict'][f'module.{name}'])


def test_a_cpu_without_bf16_is_not_made_to_emulate_it(tiny_config, phantoms, tmp_path, monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    monkeypatch.setattr('torch.cpu._is_avx512_bf16_supported', lambda: False)
    monkeypatch.setattr('torch.cpu._is_amx_tile_supported', lambda: False)
    with pytest.raises(InputError, match='--amp bf16: .* this processor is not faster'):
        train(str(tiny_config), data_root=str(phantoms), work_dir=str(tmp_path / 'work'), amp='bf16')


@pytest.mark.gpu
@pytest.mark.parametrize('amp', ['bf16', 'fp16'])
def test_mixed_precision_trains(amp, tiny_config, phantoms, tmp_path):
    best = train(str(tiny_config), data_root=str(phantoms), work_dir=str(tmp_path), amp=amp)
    weights = torch.load(best, weights_only=True)['state_dict']
    assert all(torch.isfinite(value).all() for value in weights.values())


def test_a_deterministic_run_says_so(tiny_config, phantoms, tmp_path):
    options = ('randomness.deterministic=True', 'train_cfg.max_epochs=1')
    try:
        train(str(tiny_config), data_root=str(phantoms), work_dir=str(tmp_path), options=options)
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
    assert json.loads((tmp_path / 'run.json').read_text())['deterministic'] is True
