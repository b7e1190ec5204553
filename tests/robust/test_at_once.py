"""Two processes at the same folder, and a loader worker that dies."""

import json
import os
import signal
from pathlib import Path

import pytest
from mmpose.registry import TRANSFORMS

from spondylo_mm.apis.training import train
from spondylo_mm.errors import InputError

from .kills import Tool

pytestmark = pytest.mark.robust


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob('*') if path.is_file()}


def test_two_preparing_the_same_folder(phantoms, tmp_path, record_property):
    """Counting from different ends, so that a mixture of both would be seen."""
    ways = ('caudal', 'cranial')
    for way in ways:
        tool = Tool(tmp_path / 'said', 'prepare_data.py', phantoms, '--anchor', way, '--out', tmp_path / way)
        assert tool.finish().status == 0, tool.output
    alone = [contents(tmp_path / way) for way in ways]
    assert alone[0] != alone[1]
    for number in range(5):
        out = tmp_path / f'both{number}'
        both = [
            Tool(tmp_path / f'said_{way}', 'prepare_data.py', phantoms, '--anchor', way, '--out', out) for way in ways
        ]
        assert [tool.finish().status for tool in both] == [0, 0], [tool.output for tool in both]
        assert contents(out) in alone
    record_property('area', 'processes that die or meet')
    record_property('survived', 5)


@TRANSFORMS.register_module()
class Deadly:
    """Kills who reads one image: as if its memory had been taken, or a decoder had crashed."""

    def __init__(self, image: str) -> None:
        self.image = image

    def __call__(self, results: dict) -> dict:
        if results['img_path'].endswith(self.image):
            os.kill(os.getpid(), signal.SIGKILL)
        return results


@pytest.mark.parametrize('joined', [False, True])
def test_a_loader_worker_that_dies_names_its_image(joined, tiny_config, phantoms, tmp_path, record_property):
    images = json.loads((phantoms / 'annotations' / 'train.json').read_text())['images']
    config = tmp_path / 'config.py'
    text = f"""
_base_ = ['{tiny_config}']
deadly = dict(type='Deadly', image='{images[3]['file_name']}')
dataset = dict(_base_.train_dataloader.dataset, pipeline=[deadly, *_base_.train_pipeline])
train_dataloader = dict(num_workers=1, dataset=dataset)
"""
    if joined:
        wrapper = "type='ConcatDataset', _delete_=True, datasets=[_base_.train_dataloader.dataset, dataset]"
        text = text.replace('num_workers=1, dataset=dataset', f'num_workers=1, dataset=dict({wrapper})')
    config.write_text(text)
    with pytest.raises(InputError) as error:
        train(str(config), data_root=str(phantoms), work_dir=str(tmp_path / 'out'))
    assert images[3]['file_name'] in str(error.value) and 'loader worker died' in str(error.value)
    record_property('area', 'processes that die or meet')
    record_property('refused', 1)
