"""The same seed on the same machine gives the same bytes, from phantoms to predictions."""

import hashlib
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from spondylo_mm.apis.data_hashes import data_hashes


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob('*') if path.is_file()}


def test_phantoms_and_what_is_prepared_of_them(run_tool, tmp_path):
    """Neither the number of processes nor the folder changes a byte."""
    for name, processes in (('a', 1), ('b', 2)):
        sizes = ('--train', 2, '--val', 1, '--test', 1, '--size', 128, '--seed', 3, '--processes', processes)
        assert run_tool('make_phantom.py', tmp_path / name, *sizes)[0] == 0
        assert run_tool('prepare_data.py', tmp_path / name, '--out', tmp_path / f'{name}_prepared')[0] == 0
    assert contents(tmp_path / 'a') == contents(tmp_path / 'b')
    assert contents(tmp_path / 'a_prepared') == contents(tmp_path / 'b_prepared')
    assert 'annotations/train.json' in contents(tmp_path / 'a_prepared')


def test_predictions_their_tables_and_pictures(run_tool, tiny_config, trained, phantoms, tmp_path):
    for name in ('a', 'b'):
        options = ('--data-root', phantoms, '--mc-dropout', 2, '--out', tmp_path / name)
        assert run_tool('test.py', tiny_config, trained, *options)[0] == 0
    first, second = contents(tmp_path / 'a'), contents(tmp_path / 'b')
    assert first == second
    assert {'predictions.json', 'summary.csv', 'measurements.csv', 'metrics.json'} <= set(first)


def test_predictions_say_of_which_weights_and_data_they_are(run_tool, tiny_config, trained, phantoms, tmp_path):
    """In every file that is made of them: of the training as its run.json does, and of what was predicted."""
    assert run_tool('test.py', tiny_config, trained, '--data-root', phantoms, '--coco', '--out', tmp_path)[0] == 0
    model = json.loads((tmp_path / 'predictions.json').read_text())['model']
    assert model['checkpoint_sha256'] == hashlib.sha256(trained.read_bytes()).hexdigest()
    assert model['data_sha256'] == json.loads((trained.parent / 'run.json').read_text())['data']['sha256']
    annotations = phantoms / 'annotations' / 'val.json'
    assert model['annotations_sha256'] == hashlib.sha256(annotations.read_bytes()).hexdigest()
    names = sorted(image['file_name'] for image in json.loads(annotations.read_text())['images'])
    listed = subprocess.run(['sha256sum', *names], cwd=phantoms, capture_output=True, check=True).stdout
    assert model['images_sha256'] == hashlib.sha256(listed).hexdigest()
    assert json.loads((tmp_path / 'metrics.json').read_text())['model'] == model
    assert json.loads((tmp_path / 'coco.json').read_text())['info']['model'] == model


def test_another_pixel_or_another_name_is_other_data(tmp_path):
    film, other = tmp_path / 'a.png', tmp_path / 'b.png'
    film.write_bytes(b'one film')
    other.write_bytes(b'one film.')
    hashes = [data_hashes(*of) for of in [({'a': film}, None), ({'a': other}, None), ({'b': film}, None)]]
    assert len({of['images_sha256'] for of in hashes}) == 3 and all(list(of) == ['images_sha256'] for of in hashes)


def test_weights_alone_do_not_say_what_they_were_taught(tiny_config, trained, tmp_path):
    from spondylo_mm.apis.checkpoints import describe_checkpoint

    torch.save(torch.load(trained, weights_only=True)['state_dict'], tmp_path / 'weights.pth')
    assert describe_checkpoint(tmp_path / 'weights.pth')['data_sha256'] is None


@pytest.mark.robust
def test_training_twice_gives_the_same_weights(run_tool, tiny_config, phantoms, tmp_path):
    """On one machine, on its CPU: to the last bit."""
    for name in ('a', 'b'):
        options = ('--data-root', phantoms, '--work-dir', tmp_path / name, '--seed', 5)
        assert run_tool('train.py', tiny_config, *options)[0] == 0
    first, second = (torch.load(tmp_path / name / 'epoch_2.pth', weights_only=True)['state_dict'] for name in 'ab')
    assert all(np.array_equal(first[name].numpy(), second[name].numpy()) for name in first)
