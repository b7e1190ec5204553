"""Two processes train and validate as one does on their batches together."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from spondylo_mm.apis.processes import prepare_processes
from spondylo_mm.errors import InputError

ROOT = Path(__file__).parents[2]
TOOL = str(ROOT / 'tools' / 'train.py')


@pytest.fixture(scope='module')
def config(tiny_config, tmp_path_factory) -> Path:
    """A small model whose output for an image does not depend on the others of its batch: torch cannot synchronise
    BatchNorm on CPUs. No dropout: each process draws its own."""
    path = tmp_path_factory.mktemp('configs') / 'without_batch_norm.py'
    path.write_text(f"""
_base_ = ['{tiny_config}']
model = dict(
    backbone=dict(_delete_=True, type='ResNet', depth=18, stem_channels=16, base_channels=16, out_indices=(0,),
                  norm_cfg=dict(type='GN', num_groups=4), norm_eval=False, zero_init_residual=False),
    head=dict(in_channels=16, conv_out_channels=None, conv_kernel_sizes=None, dropout=0.0),
)
find_unused_parameters = True
train_dataloader = dict(batch_size=4)
val_dataloader = dict(batch_size=2)
""")
    return path


def scalars(work_dir: Path) -> list[dict]:
    """The logged metrics of every validation."""
    (path,) = work_dir.glob('*/vis_data/scalars.json')
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line for line in lines if 'spondylo/MRE' in line]


@pytest.mark.slow
def test_two_processes_learn_and_measure_what_one_does(config, phantoms, tmp_path):
    environment = os.environ | {'OMP_NUM_THREADS': '1'}
    arguments = [TOOL, str(config), '--data-root', str(phantoms), '--work-dir']
    subprocess.run(
        [sys.executable, *arguments, str(tmp_path / 'one')], check=True, capture_output=True, env=environment
    )
    subprocess.run(
        [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=2', *arguments]
        + [str(tmp_path / 'two'), '--launcher', 'pytorch', '--cfg-options', 'train_dataloader.batch_size=2'],
        check=True,
        capture_output=True,
        env=environment,
    )
    one, two = (torch.load(tmp_path / name / 'epoch_2.pth', weights_only=True) for name in ('one', 'two'))
    assert one['meta']['iter'] == two['meta']['iter'] == 4
    for name, value in one['state_dict'].items():
        torch.testing.assert_close(two['state_dict'][name], value, rtol=1e-4, atol=1e-5, msg=name)
    assert len(scalars(tmp_path / 'one')) == 2
    for by_one, by_two in zip(scalars(tmp_path / 'one'), scalars(tmp_path / 'two'), strict=True):
        for name in by_one:
            if name.startswith('spondylo/'):
                assert by_two[name] == pytest.approx(by_one[name], rel=1e-3, nan_ok=True), name


def test_processes_that_nobody_started_are_refused(monkeypatch):
    monkeypatch.delenv('RANK', raising=False)
    with pytest.raises(InputError, match='torchrun --nproc_per_node=N'):
        prepare_processes(Config(), 'pytorch')


def test_a_launcher_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match='--launcher rocket: choose one of none, pytorch'):
        prepare_processes(Config(), 'rocket')


@pytest.mark.parametrize('launcher, starts', [('slurm', 'srun'), ('mpi', 'mpirun')])
def test_a_launcher_that_started_nothing_is_refused_with_its_command(launcher, starts, monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: True)
    with pytest.raises(InputError, match=f'is not started by .*: {starts} -n N'):
        prepare_processes(Config(), launcher)


def test_a_launcher_for_gpus_is_refused_without_them(monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    with pytest.raises(InputError, match='--launcher slurm: torch sees no GPU'):
        prepare_processes(Config(), 'slurm')


def test_batch_norm_is_synchronised_on_gpus(monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: True)
    for name in ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_NODELIST'):
        monkeypatch.setenv(name, '1')
    config = Config()
    prepare_processes(config, 'slurm')
    assert config.sync_bn == 'torch'
