"""The whole way of a BUU-LSPINE dataset as its user types it: phantoms, preparation, training, testing."""

import json

import numpy as np
import pytest

from spondylo_mm.anatomy import NUM_SLOTS


def test_from_phantoms_to_predictions(run_tool, tiny_config, tmp_path):
    raw, data, work, out = (tmp_path / name for name in ('raw', 'data', 'work', 'out'))
    numbers = ('--train', 8, '--val', 2, '--test', 2, '--size', 160, '--processes', 1)
    status, printed, _ = run_tool('make_phantom.py', raw, '--layout', 'buu', *numbers)
    assert status == 0 and '12 lateral images, each with its CSV' in printed
    status, printed, errors = run_tool('prepare_data.py', raw, '--out', data, '--seed', 1)
    assert (status, errors) == (0, []) and '8 images, 8 labelled, 48 vertebrae' in printed
    status, printed, _ = run_tool('train.py', tiny_config, '--data-root', data, '--work-dir', work, '--seed', 1)
    best = printed.splitlines()[-1].removeprefix('best checkpoint: ')
    assert status == 0
    status, _, _ = run_tool('test.py', tiny_config, best, '--data-root', data, '--split', 'test', '--out', out)
    assert status == 0

    metrics = json.loads((out / 'metrics.json').read_text())
    assert metrics['num_images'] == 2 and metrics['num_corners'] == 2 * 22 and metrics['num_vertebrae'] == 2 * 6
    rows = {row['level']: row for row in metrics['per_level']}
    assert rows['S1']['corners'] == 4 and rows['S1']['corner_MRE']['BL'] is None and rows['T12']['corners'] == 0
    assert np.isfinite(metrics['metrics']['MRE']) and not metrics['invalid_predictions']
    assert len(list((out / 'overlays').iterdir())) == 2
    assert_untaught_corners_are_never_listed(tiny_config, best, data)


def assert_untaught_corners_are_never_listed(config, checkpoint, data):
    """However sure the model: S1 has its superior endplate and nothing else, and above L1 there is nothing."""
    from spondylo_mm.apis.inferencer import SpineInferencer, raise_error, record_of

    infer = SpineInferencer(config, checkpoint, data_root=str(data), mc_dropout=2)
    for sample in infer.predict(infer.dataset_of_split('test'), on_error=raise_error):
        taught = sample.pred_instances.keypoint_taught.reshape(NUM_SLOTS, 4)
        assert taught.tolist() == [[True, True, False, False]] + [[True] * 4] * 5 + [[False] * 4] * 4
        assert not sample.pred_instances.presence[0, 6:].any()
        sample.pred_instances.presence = np.ones((1, NUM_SLOTS))
        listed = {vertebra['level']: sorted(vertebra['corners']) for vertebra in record_of(sample)['vertebrae']}
        assert listed == {'S1': ['TL', 'TR'], **dict.fromkeys(('L5', 'L4', 'L3', 'L2', 'L1'), ['BL', 'BR', 'TL', 'TR'])}


@pytest.mark.parametrize('option', [('--quirks',), ('--style', 'tight')])
def test_options_of_the_other_layout_are_bad_usage(run_tool, tmp_path, option):
    status, _, errors = run_tool('make_phantom.py', tmp_path / 'out', '--layout', 'buu', *option)
    assert status == 2 and 'leave them out with --layout buu' in errors[-1] and not (tmp_path / 'out').exists()
