"""Is every guard guarded? Each is taken out of a copy of the repository, one at a time, and a test must fail.

    python -m tests.guards [--coverage FILE] [--only TEXT]

The tests that are run for a refusal are those that pass through its line, as ``.coverage`` says, which
``python -m pytest --cov --cov-context=test`` writes; without it this is done first. Where only a process that a test
starts comes there, they are those of the module. A safeguard names its own. In the end those that failed must pass
where nothing is broken. Exit status 1 if they do not, or if no test noticed that a guard was gone.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from coverage import CoverageData

from .guards import Guard, all_guards

ROOT = Path(__file__).parents[2]
_COPIED = ('spondylo_mm', 'tests', 'tools', 'configs', 'docs', 'benchmarks', 'setup.cfg', 'README.md', 'pyproject.toml')
_MOST_TESTS = 12  # for one guard
_PATIENCE = 120  # s for the tests of one guard: if they hang without it, that is noticed, too
_HANGS = 'they run on without end'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--coverage', type=Path, help='of a run of the tests with --cov --cov-context=test')
    parser.add_argument('--only', default='', help='guards with this in their name or file')
    args = parser.parse_args()
    tests = tests_by_line(args.coverage or measure_coverage())
    noticed = []
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / 'repository'
        copy_repository(copy)
        for guard in all_guards(copy):
            if args.only in f'{guard.name} {guard.path}':
                noticed.append(noticed_by(guard, tests[guard.path, guard.line], copy))
                print(f'{noticed[-1] or "NOT NOTICED":<90} {guard.path}:{guard.line} {guard.name[:90]}', flush=True)
        failing = run_tests(copy, sorted({*noticed} - {'', _HANGS}))
    missed = noticed.count('')
    print(f'{len(noticed)} guards broken, one at a time; {len(noticed) - missed} noticed by a test, {missed} not')
    print(f'fails where nothing is broken: {failing}' if failing else 'with all guards in place these tests pass')
    return 1 if missed or failing else 0


def measure_coverage() -> Path:
    command = ['-m', 'pytest', '-q', '-m', 'not slow and not robust and not gpu', '--cov', '--cov-context=test']
    subprocess.run([sys.executable, *command], cwd=ROOT, check=True)
    return ROOT / '.coverage'


def tests_by_line(coverage: Path) -> dict[tuple[str, int], list[str]]:
    """Tests that pass through each line, ``(file, line)``."""
    data = CoverageData(coverage)
    data.read()
    tests: dict[tuple[str, int], list[str]] = defaultdict(list)
    for file in data.measured_files():
        path = file[file.rindex('spondylo_mm/') :] if 'spondylo_mm/' in file else file
        for line, contexts in data.contexts_by_lineno(file).items():
            tests[path, line] = sorted({context.rpartition('|')[0] for context in contexts} - {''})
    return tests


def copy_repository(copy: Path) -> None:
    for name in _COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns('__pycache__'))
        else:
            shutil.copy(ROOT / name, copy / name)
    if (shared := ROOT.parent / 'shared').exists():
        (copy.parent / 'shared').symlink_to(shared)


def noticed_by(guard: Guard, tests: list[str], copy: Path) -> str:
    """The first test that fails without the guard, '' if none does.

    Args:
        tests: those that pass through its line.
    """
    if guard.tests or not tests:
        module = Path(guard.path).relative_to('spondylo_mm')
        tests = [guard.tests or (Path('tests') / module.with_name(f'test_{module.name}')).as_posix()]
    file = copy / guard.path
    whole = file.read_text(encoding='utf-8')
    file.write_text(guard.without, encoding='utf-8')
    try:
        return run_tests(copy, tests[:_MOST_TESTS], _PATIENCE)
    finally:
        file.write_text(whole, encoding='utf-8')


def run_tests(copy: Path, tests: list[str], patience: float | None = None) -> str:
    """The first of these tests that fails, or that they hang; '' if they all pass."""
    if not tests:
        return ''
    said = copy.parent / 'failed'
    said.write_text('')
    process = multiprocessing.get_context('fork').Process(target=_run, args=(copy, tests, said))
    process.start()
    process.join(patience)
    if process.is_alive():
        process.kill()
        return _HANGS
    failed = said.read_text()
    if process.exitcode and not failed:
        raise RuntimeError(f'pytest ended with status {process.exitcode} at {tests}')
    return failed


def _run(copy: Path, tests: list[str], said: Path) -> None:
    """In a process of its own: write down which test failed first."""
    os.chdir(copy)
    sys.path.insert(0, str(copy))
    sys.dont_write_bytecode = True

    class FirstFailure:
        @staticmethod
        def pytest_runtest_logreport(report: object) -> None:
            if report.failed:
                said.write_text(report.nodeid)

        pytest_collectreport = pytest_runtest_logreport

    with open(os.devnull, 'w') as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        import pytest

        status = pytest.main(['-x', '-q', '-p', 'no:cacheprovider', *tests], plugins=[FirstFailure()])
    os._exit(status)


if __name__ == '__main__':
    # what every test imports first, once for all that are forked from here; nothing of the package itself
    import cv2  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import mmengine  # noqa: F401
    import timm  # noqa: F401
    import torchvision  # noqa: F401

    start = time.monotonic()
    status = main()
    print(f'{time.monotonic() - start:.0f} s')
    sys.exit(status)
