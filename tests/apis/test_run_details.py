"""In what runs differ."""

import pytest

from spondylo_mm.apis.run_details import differing_keys, format_details
from spondylo_mm.apis.runs import read_run

RECORD = dict(
    config='configs/a.py',
    command=['tools/train.py', 'configs/a.py'],
    device='cpu',
    processes=1,
    data=dict(root='data/demo', sha256='ab' * 32, train_images=320, val_images=48),
    git=dict(commit='c' * 40, modified=False),
    versions=dict(torch='2.1', numpy='1.26'),
)


def give_config(folder, text):
    (path,) = folder.glob('*/vis_data')
    (path / 'config.py').write_text(text)


def test_only_what_differs_is_listed_with_the_runs_that_have_it():
    a, b = dict(model=dict(dropout=0.1, depth=4), seed=0), dict(model=dict(dropout=0.3, depth=4), seed=0)
    assert differing_keys(dict(a=a, b=b, c=b)) == {('model.dropout',): {'0.1': ['a'], '0.3': ['b', 'c']}}
    assert differing_keys(dict(a=a, b=a)) == {}


def test_a_key_that_only_some_runs_have_is_not_set_in_the_others():
    values = dict(a=dict(hook=dict(x=1), lr=1), b=dict(lr=1))
    assert differing_keys(values) == {('hook',): {"{'x': 1}": ['a'], 'not set': ['b']}}


def test_another_type_is_one_difference_not_all_of_its_arguments():
    a = dict(backbone=dict(type='UNet', depth=4, base=64, out=2))
    b = dict(backbone=dict(type='ResNet', depth=50, stages=1, out=2))
    assert differing_keys(dict(a=a, b=b)) == {
        ('backbone.type',): {"'UNet'": ['a'], "'ResNet'": ['b']},
        ('backbone.depth',): {'4': ['a'], '50': ['b']},
    }


def test_a_size_is_one_value_and_a_pipeline_is_compared_step_by_step():
    a = dict(size=(512, 512), pipeline=[dict(type='Load'), dict(type='Flip', prob=0.0)])
    b = dict(size=(256, 256), pipeline=[dict(type='Load'), dict(type='Flip', prob=0.5)])
    assert differing_keys(dict(a=a, b=b)) == {
        ('size',): {'(512, 512)': ['a'], '(256, 256)': ['b']},
        ('pipeline.1.prob',): {'0.0': ['a'], '0.5': ['b']},
    }


def test_pipelines_of_other_lengths_are_compared_by_their_steps():
    a, b = dict(pipeline=[dict(type='Load')]), dict(pipeline=[dict(type='Load'), dict(type='Flip', prob=0.5)])
    assert differing_keys(dict(a=a, b=b)) == {('pipeline',): {'[Load]': ['a'], '[Load, Flip]': ['b']}}
    assert differing_keys(dict(a=dict(hooks=[]), b=dict(hooks=[dict(type='EMA')]))) == {
        ('hooks',): {'[]': ['a'], '[EMA]': ['b']}
    }


def test_a_value_that_a_config_repeats_is_one_difference():
    def config(sigma, workers):
        return dict(train=dict(codec=dict(sigma=sigma)), codec=dict(sigma=sigma), workers=workers)

    assert differing_keys(dict(a=config(1, 1), b=config(2, 2))) == {
        ('codec.sigma', 'train.codec.sigma'): {'1': ['a'], '2': ['b']},
        ('workers',): {'1': ['a'], '2': ['b']},  # the same numbers, another name: another thing
    }


def test_a_run_is_described_by_where_it_comes_from(make_run):
    modified = RECORD | dict(git=dict(commit='c' * 40, modified=True), device='NVIDIA H200', processes=2)
    a = read_run(make_run('a', [{1: 9.0, 2: 8.0, 3: 8.5}], RECORD))
    b = read_run(make_run('b', [{1: 9.5}], modified))
    lines = [' '.join(line.split()) for line in format_details([a, b], pytest.fail).splitlines()]
    assert lines[0] == f'a ({a.folder})'
    for line in (
        'config configs/a.py',
        'command tools/train.py configs/a.py',
        'device cpu',
        'device 2 x NVIDIA H200',
        f'data data/demo, 320 + 48 images, sha256 {"ab" * 32}',
        'git ' + 'c' * 40,
        'git ' + 'c' * 40 + ', with modified files',
        'versions torch 2.1, numpy 1.26',
        'best loss 0.8 (validation, epoch 2)',
        'last LR 0.000333',
        'no differences in versions',
    ):
        assert line in lines


def test_every_folder_that_a_run_was_trained_on_is_told(make_run):
    joined = RECORD | dict(data=RECORD['data'] | dict(train_roots=['data/demo', 'data/more']))
    told = format_details([read_run(make_run('a', [], joined))], pytest.fail)
    assert 'data/demo and data/more, 320 + 48 images' in told


def test_what_an_older_run_did_not_record_is_a_dash(make_run):
    (title, *lines) = format_details([read_run(make_run('a', []))], pytest.fail).splitlines()
    assert title.startswith('a ') and lines and all(line.split()[-1] == '–' for line in lines)


def test_versions_and_config_keys_that_differ_are_told(make_run):
    folders = [
        make_run(name, [{1: mre}], RECORD | dict(versions=dict(torch=torch)))
        for name, mre, torch in (('a', 9.0, '2.1'), ('b', 8.0, '2.2'), ('c', 7.0, '2.2'))
    ]
    for folder, rate in zip(folders, (0.1, 0.1, 0.2), strict=True):
        give_config(folder, f'optimizer = dict(lr={rate})\nsteps = dict(a=1)\n')
    text = format_details([read_run(folder) for folder in folders], pytest.fail)
    assert (
        '\n'.join(
            [
                'differences in versions',
                '    torch',
                "        '2.2'  c, b",
                "        '2.1'  a",
                '',
                'differences in config',
                '    optimizer.lr',
                '        0.2  c',
                '        0.1  b, a',
            ]
        )
        in text
    )


def test_a_config_that_cannot_be_read_stops_nothing(make_run):
    a, b = make_run('a', [{1: 9.0}]), make_run('b', [{1: 8.0}])
    give_config(a, 'x = (')
    give_config(b, 'x = 1')
    errors = []
    text = format_details([read_run(a), read_run(b)], errors.append)
    assert 'config.py: cannot be read' in str(*errors) and 'differences' not in text


def test_a_stranger_s_config_is_not_run(make_run, tmp_path):
    folder, errors = make_run('a', [{1: 9.0}]), []
    give_config(folder, f"open('{tmp_path / 'owned'}', 'w')")
    format_details([read_run(folder)], errors.append)
    assert 'config.py: cannot be read' in str(*errors) and not (tmp_path / 'owned').exists()
