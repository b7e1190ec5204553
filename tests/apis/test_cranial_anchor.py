"""A model that counts slots from the top names no level, whatever it writes."""

import csv
import json

import numpy as np
import pytest

from spondylo_mm.anatomy import NUM_SLOTS
from spondylo_mm.apis.configs import load_config
from spondylo_mm.apis.inferencer import SpineInferencer, raise_error, record_of
from spondylo_mm.apis.predictions import write_predictions
from spondylo_mm.apis.testing import test as run_test
from spondylo_mm.apis.testing import truth_of
from spondylo_mm.apis.visualizing import visualize
from spondylo_mm.errors import InputError

CRANIAL = [f'{loader}_dataloader.dataset.anchor=cranial' for loader in ('train', 'val', 'test')]


@pytest.fixture(scope='module')
def inferencer(tiny_config, trained, phantoms) -> SpineInferencer:
    return SpineInferencer(tiny_config, trained, data_root=str(phantoms), options=CRANIAL)


@pytest.mark.parametrize('images', [False, True])
def test_records_have_slots_and_no_levels_sides_or_slips(inferencer, phantoms, images):
    paths = {path.name: path for path in sorted((phantoms / 'Test').iterdir())}
    dataset = inferencer.dataset_of_images(paths) if images else inferencer.dataset_of_split('val')
    for sample in inferencer.predict(dataset, on_error=raise_error):
        sample.pred_instances.presence = np.ones((1, NUM_SLOTS))
        sample.pred_instances.keypoint_taught = np.ones((1, 4 * NUM_SLOTS), dtype=bool)
        record = record_of(sample)
        assert [(v['slot'], v['level']) for v in record['vertebrae']] == [(slot, None) for slot in range(NUM_SLOTS)]
        assert record['facing'] == 'unknown' and record['slips'] == []


def test_the_summary_leaves_levels_empty(inferencer, tmp_path):
    (sample, *_) = inferencer.predict(inferencer.dataset_of_split('val'), on_error=raise_error)
    sample.pred_instances.presence = np.ones((1, NUM_SLOTS))
    path = write_predictions(tmp_path, {'a.jpg': record_of(sample)}, {})
    assert all(v['level'] is None for v in json.loads(path.read_text())['images']['a.jpg']['vertebrae'])
    (row,) = csv.DictReader((tmp_path / 'summary.csv').open())
    assert row['lowest_level'] == row['highest_level'] == row['largest_slip_levels'] == ''
    assert int(row['num_vertebrae']) > 0


def test_the_truth_is_counted_from_the_top_as_well(inferencer):
    for sample in inferencer.predict(inferencer.dataset_of_split('val'), on_error=raise_error):
        truth = truth_of(sample)
        assert truth[-1]['slot'] == NUM_SLOTS - 1 and {vertebra['level'] for vertebra in truth} == {None}


def test_tables_and_rankings_speak_of_slots(inferencer, tmp_path):
    run_test(inferencer, tmp_path / 'out', split='val')
    rows = json.loads((tmp_path / 'out' / 'metrics.json').read_text())['per_level']
    assert [row['level'] for row in rows] == [f'slot {slot}' for slot in range(NUM_SLOTS)]
    assert rows[-1]['vertebrae'] == 3 and rows[0]['vertebrae'] < 3  # the topmost of each image is in the last slot
    visualize(inferencer, tmp_path / 'worst', split='val', worst=1, heatmaps=True, on_error=raise_error)
    ranking = list(csv.DictReader((tmp_path / 'worst' / 'ranking.csv').open()))
    assert len(ranking) == 3 and all(row['worst_level'].startswith('slot ') for row in ranking)


def test_loaders_that_count_from_different_ends_are_refused(tiny_config):
    with pytest.raises(InputError, match='count slots from different ends: give all three the same'):
        load_config(tiny_config, CRANIAL[:1])
    with pytest.raises(InputError, match=r'anchor: .*\*_dataloader.dataset.anchor'):
        load_config(tiny_config, ['anchor=cranial'])
