"""tools/train.py and tools/test.py as their users type them; what they do is tested in tests/apis."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

TOOLS = Path(__file__).parents[2] / 'tools'


def errors(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith('error: ')]


def test_training_ends_with_the_path_of_the_best_checkpoint(run_tool, tiny_config, phantoms, tmp_path):
    status, out, _ = run_tool(
        'train.py', tiny_config, '--data-root', phantoms, '--work-dir', tmp_path / 'work', '--seed', 1,
        '--cfg-options', 'train_cfg.max_epochs=1',
    )  # fmt: skip
    best = Path(out.splitlines()[-1].removeprefix('best checkpoint: '))
    assert status == 0 and best.parent == tmp_path / 'work' and best.is_file()


def test_testing_prints_the_table_and_every_path(run_tool, tiny_config, trained, phantoms, tmp_path):
    status, out, _ = run_tool('test.py', tiny_config, trained, '--data-root', phantoms, '--out', tmp_path)
    assert status == 0
    mre = json.loads((tmp_path / 'metrics.json').read_text())['metrics']['MRE']
    assert f'MRE, px@512       {mre:.1f}' in out
    for path in (trained, tmp_path / 'predictions.json', tmp_path / 'overlays', tmp_path / 'metrics.json'):
        assert str(path) in out


def test_monte_carlo_dropout_prints_how_well_deviations_rank_errors(run_tool, tiny_config, trained, phantoms, tmp_path):
    command = ('test.py', tiny_config, trained, '--data-root', phantoms, '--mc-dropout', 2)
    status, out, _ = run_tool(*command, '--out', tmp_path / 'a')
    assert status == 0 and f'reliability: {tmp_path / "a" / "reliability.png"}' in out
    uncertainty = json.loads((tmp_path / 'a' / 'metrics.json').read_text())['uncertainty']
    assert (
        f'Spearman rho of sd and radial error over {uncertainty["corners"]} corners: {uncertainty["spearman"]:.2f}'
        in out
    )
    for seed, equal in ((0, True), (1, False)):
        run_tool(*command, '--seed', seed, '--out', tmp_path / 'b')
        assert (json.loads((tmp_path / 'b' / 'metrics.json').read_text())['uncertainty'] == uncertainty) is equal


def test_a_calibration_is_named_kept_beside_the_checkpoint_and_written_down(
    run_tool, tiny_config, trained, phantoms, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        'spondylo_mm.evaluation.functional.sd_calibration.PRESENCE_THRESHOLD', 0.0
    )  # it is hardly trained
    checkpoint = shutil.copy(trained, tmp_path / 'best.pth')
    command = ('test.py', tiny_config, checkpoint, '--data-root', phantoms, '--no-report')
    status, out, _ = run_tool(*command, '--calibrate', '--out', tmp_path / 'a')
    path = tmp_path / 'best.calibration.json'
    scale = json.loads(path.read_text())['sd_scale']
    assert status == 0 and f'calibration: {path} (standard deviations x {scale:.2f})' in out
    run_tool(*command, '--split', 'test', '--out', tmp_path / 'b')
    for folder in ('a', 'b'):
        assert json.loads((tmp_path / folder / 'predictions.json').read_text())['model']['sd_scale'] == scale


@pytest.mark.parametrize('data', [('--split', 'test'), ('--images', 'films')])
def test_nothing_is_calibrated_but_on_the_validation_split(run_tool, tiny_config, trained, data):
    status, _, err = run_tool('test.py', tiny_config, trained, '--calibrate', *data)
    assert status == 2 and 'fits to the validation split' in err[-1]


def test_the_report_is_named_or_said_to_be_left_out(run_tool, tiny_config, trained, phantoms, tmp_path, monkeypatch):
    command = ('test.py', tiny_config, trained, '--images', phantoms / 'Test', '--out', tmp_path)
    assert f'report: {tmp_path / "report.html"}' in run_tool(*command)[1]
    assert 'report: ' not in run_tool(*command, '--no-report')[1]
    monkeypatch.setattr('spondylo_mm.apis.testing.MAX_REPORTED', 1)
    assert '--report writes it all the same' in run_tool(*command)[1]


def test_spacing_and_aspect_come_from_the_command_line(run_tool, tiny_config, trained, phantoms, tmp_path):
    command = ('test.py', tiny_config, trained, '--images', phantoms / 'Test', '--no-report', '--out', tmp_path)
    for option, expected in (('--spacing 0.3 0.2', lambda shape: 1.5), ('--aspect 0.5', lambda shape: 0.5 / shape)):
        status, _, _ = run_tool(*command, *option.split())
        content = json.loads((tmp_path / 'predictions.json').read_text())
        assert status == 0 and option.split()[0].strip('-') in content['model']
        for record in content['images'].values():
            assert record['pixel_aspect'] == pytest.approx(expected(record['width'] / record['height']), abs=1e-5)
    status, _, err = run_tool(*command, '--spacing', '0', '0.2')
    assert status == 2 and '--spacing 0.0 0.2: give two numbers' in errors(err)[0]


def test_a_given_facing_is_used_for_every_image_and_written_down(run_tool, tiny_config, trained, phantoms, tmp_path):
    command = ('test.py', tiny_config, trained, '--data-root', phantoms, '--facing', 'right', '--out', tmp_path)
    status, out, _ = run_tool(*command)
    assert status == 0 and 'grade accuracy, %' in out
    content = json.loads((tmp_path / 'predictions.json').read_text())
    assert content['model']['facing'] == 'right'
    assert {(record['facing'], record['facing_confidence']) for record in content['images'].values()} == {
        ('right', None)
    }
    assert (tmp_path / 'measurements.csv').is_file()


def test_an_image_that_cannot_be_read_makes_the_status_2(run_tool, tiny_config, trained, phantoms, tmp_path):
    shutil.copytree(phantoms / 'Test', tmp_path / 'films')
    (tmp_path / 'films' / 'a.jpg').write_text('a text file renamed')
    status, out, err = run_tool(
        'test.py', tiny_config, trained, '--images', tmp_path / 'films', '--out', tmp_path / 'out'
    )
    assert status == 2 and 'predictions of 2 images' in out
    (line,) = errors(err)
    assert 'a.jpg' in line and 'not an image' in line


@pytest.mark.parametrize(
    'arguments, message',
    [
        (('--images', 'nothing/*.jpg'), 'matches no image'),
        (('--split', 'test', '--data-root', 'nowhere'), 'no such annotation file'),
        (('--device', 'cuda'), 'no GPU'),
        (('--mc-dropout', '1'), 'at least 2'),
        (('--mc-dropout', '2', '--cfg-options', 'model.head.dropout=0'), 'no dropout layer'),
        (('--cfg-options', 'model.head.dropuot=1'), 'did you mean dropout'),
    ],
)
def test_bad_usage_is_2_with_one_line_and_nothing_written(
    run_tool, tiny_config, trained, phantoms, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    if '--data-root' not in arguments:
        arguments = ('--data-root', phantoms, *arguments)
    status, _, err = run_tool('test.py', tiny_config, trained, '--out', tmp_path / 'out', *arguments)
    assert status == 2
    (line,) = errors(err)
    assert message in line
    assert not (tmp_path / 'out').exists()


def test_a_checkpoint_of_38_keypoints_is_refused(run_tool, tiny_config, trained, phantoms, tmp_path):
    weights = torch.load(trained, weights_only=True)['state_dict']
    for name in ('head.final_layer.weight', 'head.final_layer.bias'):
        weights[name] = weights[name][:38]
    torch.save(weights, tmp_path / '38.pth')
    status, _, err = run_tool('test.py', tiny_config, tmp_path / '38.pth', '--data-root', phantoms)
    assert status == 2
    (line,) = errors(err)
    assert 'head.final_layer.weight is (38, 16, 1, 1), expected (40, 16, 1, 1)' in line


def test_an_output_folder_that_cannot_be_made_is_one_line(run_tool, tiny_config, trained, phantoms, tmp_path):
    (tmp_path / 'file').touch()
    status, _, err = run_tool(
        'test.py', tiny_config, trained, '--data-root', phantoms, '--out', tmp_path / 'file' / 'out'
    )
    assert status == 2
    (line,) = errors(err)
    assert 'choose an output folder' in line


@pytest.mark.parametrize('tool', sorted(path.name for path in TOOLS.glob('*.py')))
def test_help_explains_every_option_without_loading_torch(tool):
    code = (
        f'import sys, runpy; sys.argv = ["{tool}", "--help"]\n'
        'try:\n'
        f'    runpy.run_path({str(TOOLS / tool)!r}, run_name="__main__")\n'
        'except SystemExit as stop:\n'
        '    print(stop.code, "torch" in sys.modules, "mmengine" in sys.modules)\n'
    )
    out = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, timeout=60).stdout
    assert out.splitlines()[-1] == '0 False False'
    documented = out.split('options:')[1]
    for option in documented.split('\n  -')[1:]:
        assert len(option.split()) > 2  # an option and words about it
