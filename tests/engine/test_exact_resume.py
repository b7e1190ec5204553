"""A run that was killed ends with the weights of one that was not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def config(tiny_config, tmp_path_factory) -> Path:
    """Everything that has a state: dropout, augmentation by workers that stay, EMA, a plateau, patience."""
    path = tmp_path_factory.mktemp('configs') / 'stateful.py'
    path.write_text(f"""
_base_ = ['{tiny_config}']
train_cfg = dict(max_epochs=4, val_interval=1)
default_hooks = dict(checkpoint=dict(interval=1), logger=dict(interval=1))
train_dataloader = dict(batch_size=2, num_workers=1, persistent_workers=True)
custom_hooks = [dict(type='EMAHook', momentum=0.1)]
optim_wrapper = dict(clip_grad=dict(max_norm=1.0))
param_scheduler = [dict(type='ReduceOnPlateauLR', monitor='spondylo/MRE', rule='less', factor=0.5, patience=1)]
""")
    return path


def command(config: Path, data: Path, work_dir: Path, *options: str) -> list[str]:
    tool = ROOT / 'tools' / 'train.py'
    return [sys.executable, str(tool), str(config), '--data-root', str(data), '--work-dir', str(work_dir), *options]


def last_weights(work_dir: Path) -> dict[str, torch.Tensor]:
    content = torch.load(work_dir / 'epoch_4.pth', weights_only=True)
    return content['state_dict'] | {f'ema.{name}': value for name, value in content['ema_state_dict'].items()}


@pytest.mark.slow
def test_a_run_killed_in_mid_epoch_and_resumed_ends_with_the_same_weights(config, phantoms, tmp_path):
    environment = os.environ | {'OMP_NUM_THREADS': '1'}
    subprocess.run(command(config, phantoms, tmp_path / 'whole'), check=True, capture_output=True, env=environment)

    killed = subprocess.Popen(
        command(config, phantoms, tmp_path / 'killed'),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        start_new_session=True,
    )
    while not any('Epoch(train) [3][2/4]' in log.read_text() for log in (tmp_path / 'killed').glob('*/*.log')):
        assert killed.poll() is None, 'ended before it could be killed'
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert [path.name for path in (tmp_path / 'killed').glob('epoch_*.pth')] == ['epoch_2.pth']

    subprocess.run(
        command(config, phantoms, tmp_path / 'killed', '--resume'), check=True, capture_output=True, env=environment
    )
    whole, resumed = last_weights(tmp_path / 'whole'), last_weights(tmp_path / 'killed')
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())
