"""Runs are read back from what training leaves behind."""

import json
import math

import pytest
import torch

from spondylo_mm.apis.runs import RECORD, SCHEMA, find_runs, read_run, read_runs
from spondylo_mm.errors import InputError


def log_of(run):
    (path,) = run.glob('*/vis_data/scalars.json')
    return path


def test_a_trained_run_is_read_as_it_was_logged(trained):
    run = read_run(trained.parent)
    rows = [json.loads(row) for row in log_of(trained.parent).read_text().splitlines()]
    validated = [row for row in rows if 'spondylo/MRE' in row]
    assert run.epochs == 2 and list(run.training) == list(run.validation) == [1, 2]
    best = min(validated, key=lambda row: row['spondylo/MRE'])
    assert run.best_epoch == best['step'] and run.best('MRE') == best['spondylo/MRE']
    assert run.best('SDR@24px') == best['spondylo/SDR@24px']
    assert f'epoch_{run.best_epoch}' in trained.name  # the same epoch that was kept as the best
    assert run.recorded('seed') == 0 and run.recorded('data', 'train_images') == 8
    assert run.config()['train_cfg']['max_epochs'] == 2 and 'work_dir' not in run.config()


def test_the_logged_validation_loss_is_that_epochs_own(trained):
    """mmengine averages everything called loss with earlier ones, unless told otherwise."""
    run = read_run(trained.parent)
    hub = torch.load(trained.parent / 'epoch_2.pth', weights_only=True)['message_hub']
    losses, _, _ = hub['log_scalars']['val/spondylo/loss']['__history__']
    assert run.series('loss')[1] == pytest.approx(losses['__ndarray__'].tolist())


def test_the_record_is_the_hooks(trained):
    from spondylo_mm.engine.hooks import run_record_hook

    assert (RECORD, SCHEMA) == (run_record_hook.FILE_NAME, run_record_hook.SCHEMA)


def test_the_loss_of_an_epoch_is_the_mean_of_its_lines_and_the_rate_its_last(make_run):
    run = read_run(make_run('a', [{1: 9.0, 2: 8.0}]))
    assert run.training_series('loss') == ([1, 2], [2.0, 1.0])
    assert run.training_series('lr') == ([1, 2], [1e-3, 5e-4])


def test_the_rate_is_the_configured_one_not_that_of_a_scaled_first_group(make_run):
    folder = make_run('a', [{}])
    log_of(folder).write_text('{"base_lr": 1e-3, "lr": 1e-4, "loss": 1, "epoch": 1}\n')
    assert read_run(folder).training[1]['lr'] == 1e-3


def test_the_training_loss_is_that_of_heatmaps_as_the_validation_loss_is(make_run):
    run = make_run('a', [{1: 9.0}])
    (log,) = run.glob('*/vis_data/scalars.json')
    lines = [dict(loss=3.75, loss_heatmap=0.25, loss_presence=3.5, lr=1e-3, epoch=1, iter=1, step=1)]
    log.write_text(''.join(json.dumps(line) + '\n' for line in lines))
    assert read_run(run).curves()['training_loss'] == ([1], [0.25])


def test_other_lines_of_a_log_say_nothing(make_run):
    folder = make_run('a', [{1: 9.0}])
    log_of(folder).write_text(log_of(folder).read_text() + '{"coco/AP": 0.5, "step": 7}\n{"time": 1.0, "step": 8}\n')
    run = read_run(folder)
    assert list(run.training) == list(run.validation) == [1]


def test_a_resumed_run_goes_on_where_it_was_resumed(make_run):
    """From epoch 3 on the second session counts, also for epoch 5, which only the abandoned first one reached."""
    run = read_run(make_run('a', [{1: 9.0, 2: 8.0, 3: 7.0, 4: None, 5: 1.0}, {3: 6.0, 4: 5.0}]))
    assert run.series('MRE') == ([1, 2, 3, 4], [9.0, 8.0, 6.0, 5.0])
    assert list(run.training) == [1, 2, 3, 4] and run.best_epoch == 4 and run.epochs == 4


def test_a_session_that_was_stopped_before_it_logged_changes_nothing(make_run):
    run = read_run(make_run('a', [{1: 9.0, 2: 8.0}, {}]))
    assert run.series('MRE') == ([1, 2], [9.0, 8.0])


def test_a_run_begun_anew_in_the_same_folder_is_the_last_one(make_run):
    run = read_run(make_run('a', [{1: 2.0, 2: 1.0}, {1: 9.0}]))
    assert run.series('MRE') == ([1], [9.0]) and run.epochs == 1


def test_nan_is_never_best(make_run):
    run = read_run(make_run('a', [{1: math.nan, 2: 8.0, 3: 8.0, 4: 9.0}]))
    assert run.best_epoch == 2
    nothing = read_run(make_run('b', [{1: math.nan}]))
    assert nothing.best_epoch is None and nothing.best('MRE') is None and nothing.epochs == 1


def test_metrics_are_of_the_epoch_of_lowest_strict_error(make_run):
    run = read_run(make_run('a', [{1: 9.0, 2: 5.0, 3: 7.0}]))
    assert (run.best('matched_MRE'), run.best('SDR@6px'), run.best('MSE')) == (2.5, 0.2, None)
    assert run.lowest('loss') == 2 and run.lowest('MSE') is None


def test_a_run_of_an_older_version_has_no_record(make_run):
    run = read_run(make_run('a', [{1: 9.0}]))
    assert run.recorded('seed') is None and run.recorded('data', 'sha256') is None and run.config() == {}


def test_a_run_without_version_control_has_no_commit(make_run):
    assert read_run(make_run('a', [], dict(git=None, epochs=0))).recorded('git', 'commit') is None


def test_a_line_cut_by_a_killed_process_is_left_out(make_run):
    folder = make_run('a', [{1: 9.0, 2: 8.0}])
    log = log_of(folder)
    log.write_text(log.read_text()[:-30])
    assert list(read_run(folder).validation) == [1] and read_run(folder).epochs == 2


@pytest.mark.parametrize(
    'row', ['{"loss": 1', '3', '{"loss": 1, "iter": 5}', '{"spondylo/MRE": 3}', '{"loss": "x", "epoch": 1}']
)
def test_a_damaged_log_is_named_with_its_line(make_run, row):
    folder = make_run('a', [{1: 9.0}])
    log = log_of(folder)
    log.write_text(row + '\n' + log.read_text())
    with pytest.raises(InputError, match=r'scalars\.json: line 1 '):
        read_run(folder)


@pytest.mark.parametrize(
    'text, message', [('{', 'damaged'), ('[]', 'damaged'), ('{"schema": 2}', 'schema 2, expected 1')]
)
def test_a_record_that_cannot_be_understood_is_named(make_run, text, message):
    folder = make_run('a', [{1: 9.0}])
    (folder / 'run.json').write_text(text)
    with pytest.raises(InputError, match=rf'run\.json: .*{message}'):
        read_run(folder)


def test_a_resumed_run_has_the_config_of_one_that_was_not(make_run):
    folder = make_run('a', [{1: 9.0}, {2: 8.0}])
    first, second = sorted(folder.glob('*/vis_data'))
    (first / 'config.py').write_text("seed = 1\nresume = False\nload_from = None\nwork_dir = 'x'\n")
    assert read_run(folder).config() == dict(seed=1, resume=False, load_from=None)
    (second / 'config.py').write_text("seed = 2\nresume = True\nload_from = 'epoch_1.pth'\nwork_dir = 'x'\n")
    assert read_run(folder).config() == dict(seed=2, resume=False, load_from=None)
    (second / 'config.py').write_text('seed = (')
    with pytest.raises(InputError, match=r'config\.py: cannot be read'):
        read_run(folder).config()


def test_every_run_below_a_folder_is_found_once(make_run, tmp_path):
    folders = [make_run(name, [{1: 9.0}]) for name in ('a', 'study/b')]
    (folders[0] / 'val' / '20261121_120000' / 'vis_data').mkdir(parents=True)
    (folders[0] / 'val' / '20261121_120000' / 'vis_data' / 'scalars.json').touch()  # a part of the run, no run
    runs = read_runs([tmp_path, folders[0]], on_error=pytest.fail)
    assert [run.name for run in runs] == ['a', 'study/b']
    assert find_runs(folders[0]) == [folders[0]]


def test_what_is_no_run_stops_no_other(make_run, tmp_path):
    good, bad = make_run('good', [{1: 9.0}]), make_run('bad', [{1: 9.0}])
    (bad / 'run.json').write_text('{')
    (tmp_path / 'empty').mkdir()
    errors = []
    runs = read_runs(
        [tmp_path / 'empty', bad, tmp_path / 'nowhere', good], on_error=lambda error: errors.append(str(error))
    )
    assert [run.name for run in runs] == ['good']
    assert [error.split(':')[1].strip().split(' (')[0] for error in errors] == [
        'holds no run',
        'no such folder',
        'is damaged',
    ]
    with pytest.raises(InputError, match='holds no run'):
        read_runs([tmp_path / 'empty'], on_error=pytest.fail)
