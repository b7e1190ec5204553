"""Every bad input through the tool that a user would give it to."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.logging import MMLogger
from mmengine.visualization import Visualizer

from .case import BAD, GOOD_TRAIN, GOOD_VAL, NOTHING_WRITTEN, OTHERS_DONE, REFUSED, REPAIRED, Bench, Case
from .corpus import CASES, table
from .table import PATH

ROOT = Path(__file__).parents[2]
DECODERS = {'PIL', 'pydicom'}  # whose warnings are for programmers: what is wrong stands in our own line


@pytest.fixture
def bench(request, tmp_path, monkeypatch) -> Bench:
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    for kept in (MMLogger, Visualizer):  # by the second in which they were made: too coarse for these tests
        kept._instance_dict.clear()
    return Bench(tmp_path, request.getfixturevalue)


def in_a_process(name: str, *arguments: object) -> tuple[int, str, list[str]]:
    environment = os.environ | {'CUDA_VISIBLE_DEVICES': '', 'PYTHONPATH': str(ROOT)}
    command = [sys.executable, str(ROOT / 'tools' / name), *map(os.fspath, map(str, arguments))]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    return done.returncode, done.stdout, done.stderr.splitlines()


def parameter(case: Case) -> object:
    marks = [pytest.mark.robust] if case.process else []
    return pytest.param(case, id=f'{case.area}: {case.name}'.replace('/', '|'), marks=marks)


@pytest.mark.parametrize('case', map(parameter, CASES))
def test_a_bad_input(case: Case, bench: Bench, run_tool, recwarn, record_property):
    command = case.make(bench)
    data = bench.phantoms if '--data-root' in command else None
    before = data and contents(data)
    status, out, err = (in_a_process if case.process else run_tool)(*command)

    record_property('area', case.area)
    record_property(case.expected, 1)
    assert 'Traceback' not in out + '\n'.join(err)
    assert not [warning for warning in recwarn if DECODERS & set(Path(warning.filename).parts)]
    errors = [line for line in err if 'error: ' in line]
    assert all(len(line) < 700 for line in [*out.splitlines(), *err])  # whatever it quotes
    if case.expected == REFUSED:
        assert status == 2, (out, err)
        assert all(line.isprintable() for line in errors)
        assert len(errors) == case.files and all(case.says in line for line in errors), err
    else:
        assert (status, errors) == (0, []), (out, err)
        assert case.says in out
    assert not list(bench.folder.rglob('.part-*'))
    assert not (bench.folder / 'code_has_run').exists()
    assert before == (data and contents(data))
    if case.rest == OTHERS_DONE:
        the_others_are_done(case, bench)
    elif case.rest == NOTHING_WRITTEN and case.expected == REFUSED:
        assert not bench.out.exists()


def contents(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob('*') if path.is_file()}


def the_others_are_done(case: Case, bench: Bench) -> None:
    """And the bad one as well, unless it is refused."""
    if bench.films.exists():
        content = json.loads((bench.out / 'predictions.json').read_text(), parse_constant=pytest.fail)
        number = 1 + case.files * (case.expected != REFUSED)
        assert 'good.png' in content['images'] and len(content['images']) == number
        assert len(list((bench.out / 'overlays').glob('*.png'))) == number
        for table_ in ('summary.csv', 'measurements.csv'):
            lines = (bench.out / table_).read_text(encoding='utf-8').splitlines()
            assert not any(line.startswith(('=', '"=')) for line in lines)
        return
    folder = bench.out / 'annotations'
    found = {}
    for path in folder.glob('*.json'):
        content = json.loads(path.read_text(), parse_constant=pytest.fail)
        found |= {image['source']: image for image in content['images']}
        for image in content['images']:
            assert (bench.out / image['file_name']).is_file()
    assert {GOOD_TRAIN, GOOD_VAL} <= set(found)
    assert len(found) == 2 + (case.expected != REFUSED)
    report = (folder / 'report.csv').read_text().splitlines()[1:]
    assert bool(report) == (case.expected != 'survived'), report
    if case.expected == REPAIRED:
        assert all(BAD in row for row in report)


def test_the_table_in_the_docs_is_up_to_date():
    assert PATH.read_text() == table(), 'python -m tests.bad_inputs.table'


def test_there_are_more_than_sixty_and_each_is_named_once():
    names = [(case.area, case.name) for case in CASES]
    assert len(names) > 60 and len(set(names)) == len(names)
