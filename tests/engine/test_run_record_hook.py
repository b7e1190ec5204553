"""run.json tells what a run was."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import torch

from spondylo_mm import __version__
from spondylo_mm.apis.training import train
from spondylo_mm.engine.hooks import run_record_hook

ROOT = Path(__file__).parents[2]


def record(work_dir: Path) -> dict:
    return json.loads((work_dir / 'run.json').read_text())


def test_a_record_holds_what_is_needed_to_do_the_run_again(trained, phantoms):
    run = record(trained.parent)
    weights = torch.load(trained, weights_only=True)['state_dict']
    buffers = ('running_mean', 'running_var', 'num_batches_tracked', 'taught', 'spine_model')
    assert run['parameters'] == sum(value.numel() for name, value in weights.items() if not name.endswith(buffers))
    assert run['config'].endswith('tiny.py') and run['seed'] == 0 and run['processes'] == 1
    assert run['versions']['torch'] == torch.__version__.split('+')[0] and run['versions']['spondylo_mm'] == __version__
    annotations = b''.join((phantoms / 'annotations' / f'{split}.json').read_bytes() for split in ('train', 'val'))
    assert run['data'] == dict(
        root=str(phantoms), sha256=hashlib.sha256(annotations).hexdigest(), train_images=8, val_images=3
    )
    assert (run['epochs'], run['max_epochs']) == (2, 2) and run['seconds'] > 0


def test_a_resumed_run_adds_its_time_and_keeps_its_start(trained, tiny_config, phantoms, tmp_path):
    shutil.copytree(trained.parent, tmp_path / 'work')
    before = record(tmp_path / 'work')
    run = dict(data_root=str(phantoms), work_dir=str(tmp_path / 'work'))
    train(str(tiny_config), **run, resume=True, options=('train_cfg.max_epochs=3',))
    after = record(tmp_path / 'work')
    assert after['started'] == before['started'] and after['epochs'] == 3
    assert after['seconds'] > before['seconds']


def test_sources_under_version_control_are_named_by_their_commit():
    if not (ROOT / '.git').exists():
        assert run_record_hook._git_state() is None
        return
    commit = subprocess.run(['git', 'rev-parse', 'HEAD'], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    assert run_record_hook._git_state()['commit'] == commit


def test_sources_in_somebody_elses_repository_or_none_are_not(tmp_path, monkeypatch):
    monkeypatch.setattr(run_record_hook, '_SOURCE', tmp_path)
    assert run_record_hook._git_state() is None
    subprocess.run(['git', 'init', '-q', tmp_path], check=True)
    (tmp_path / '__init__.py').write_text('')
    assert run_record_hook._git_state() is None
