"""Training on two prepared folders, joined as the README says."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from spondylo_mm.apis.configs import load_config
from spondylo_mm.apis.training import train
from spondylo_mm.codecs.structured.fitting import fit_spine_model, labelled_spines
from spondylo_mm.datasets.prepare import prepare
from spondylo_mm.errors import InputError
from spondylo_mm.phantom.writer import write_dataset

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def more(tmp_path_factory) -> Path:
    """A second folder: 4 images to train on, and an evaluated one that nobody asks for."""
    root = tmp_path_factory.mktemp('more') / 'data'
    write_dataset(root, dict(train=4, val=1, test=0), seed=2, size=256)
    prepare(root)
    return root


@pytest.fixture
def join(tmp_path, write_tiny, more):
    """``join(base)``: the README's config of two folders, of a tiny model; ``join(base, wrapper)``: of another kind."""

    def write(base: str = 'demo.py', wrapper: str | None = None) -> str:
        write_tiny(tmp_path / 'tiny.py', base, 1.0 if base == 'demo.py' else 0.8)
        (example,) = re.findall(
            r'```python\n(# configs/two_folders.py\n.*?)```', (ROOT / 'README.md').read_text(), re.S
        )
        assert './hrnet_w32_spondylo.py' in example and 'data/more' in example
        text = example.replace('./hrnet_w32_spondylo.py', 'tiny.py').replace('data/more', str(more))
        text += '\ntrain_cfg = dict(max_epochs=1)\n'
        if wrapper:
            text = re.sub(r"type='ConcatDataset', datasets=\[first, second\]", wrapper, text)
        (tmp_path / 'joined.py').write_text(text)
        return str(tmp_path / 'joined.py')

    return write


def annotations(root: Path, split: str = 'train') -> Path:
    return root / 'annotations' / f'{split}.json'


@pytest.mark.parametrize('base', ['demo.py', 'demo_centers.py'])
def test_two_folders_are_trained_on_and_the_first_is_validated(base, join, phantoms, more, tmp_path):
    best = train(join(base), data_root=str(phantoms), work_dir=str(tmp_path / 'work'), from_scratch=True)
    data = json.loads((tmp_path / 'work' / 'run.json').read_text())['data']
    read = b''.join(
        file.read_bytes() for file in (annotations(phantoms), annotations(more), annotations(phantoms, 'val'))
    )
    assert data == dict(
        root=str(phantoms),
        train_roots=[str(phantoms), str(more)],
        sha256=hashlib.sha256(read).hexdigest(),
        train_images=8 + 4,
        val_images=3,
    )
    state = torch.load(best, weights_only=True)['state_dict']
    if base == 'demo.py':
        labels = [json.loads(annotations(root).read_text())['annotations'] for root in (phantoms, more)]
        expected = fit_spine_model(labelled_spines([*labels[0], *labels[1]])).to_vector()
        np.testing.assert_array_equal(state['head.spine_model'].numpy(), expected)


def test_a_repeated_dataset_is_learned_from_once_and_trained_on_twice(join, phantoms, tmp_path):
    config = join(wrapper="type='RepeatDataset', dataset=first, times=2")
    best = train(config, data_root=str(phantoms), work_dir=str(tmp_path / 'work'), from_scratch=True)
    assert json.loads((tmp_path / 'work' / 'run.json').read_text())['data']['train_images'] == 8
    assert torch.load(best.with_name('epoch_1.pth'), weights_only=True)['meta']['iter'] == 2 * 8 / 4


def test_a_patient_of_the_validation_in_the_other_folder_is_named(join, phantoms, more, tmp_path):
    paths = annotations(phantoms, 'val'), annotations(more)
    texts = [path.read_text() for path in paths]
    val, content = map(json.loads, texts)
    evaluated = val['images'][1]
    evaluated['patient'] = content['images'][2]['patient'] = '7\x1b[2J'  # which would clear the terminal
    try:
        for path, changed in zip(paths, (val, content), strict=True):
            path.write_text(json.dumps(changed))
        train(join(), data_root=str(phantoms), work_dir=str(tmp_path / 'work'), from_scratch=True)
    finally:
        for path, text in zip(paths, texts, strict=True):
            path.write_text(text)
    (log,) = (tmp_path / 'work').glob('*/*.log')
    (line,) = [line for line in log.read_text().splitlines() if 'metrics are too good' in line]
    assert f'{more}/{content["images"][2]["file_name"]}' in line and r'patient 7\x1b[2J' in line
    assert f'{phantoms}/{evaluated["file_name"]}' in line and '1 in all' in line


@pytest.mark.parametrize(
    'wrapper, says',
    [
        ("type='CombinedDataset', metainfo=dict(), datasets=[first, second]", 'CombinedDataset cannot be used'),
        ("type='ConcatDataset', datasets=[second, second]", 'data_root and train_dataloader'),
        ("type='ConcatDataset', datasets=[first, dict(second, anchor='cranial')]", 'different ends'),
        ("type='ConcatDataset', datasets=[first, dict(second, codec=dict(first.codec, sigma=9.0))]", 'the same codec'),
    ],
)
def test_what_does_not_fit_together_is_refused(join, wrapper, says):
    with pytest.raises(InputError, match=says):
        load_config(join(wrapper=wrapper))


def test_one_folder_is_evaluated_at_a_time(join):
    config = Path(join())
    config.write_text(config.read_text().replace('train_dataloader = ', 'val_dataloader = '))
    with pytest.raises(InputError, match='val_dataloader.dataset: is a wrapper'):
        load_config(config)
