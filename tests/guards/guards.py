"""What stands between a bad input and a wrong result: every refusal in the package, and the safeguards named here.

Each guard is a change of one file that takes it out. Refusals are found by themselves: each ``raise InputError(...)``,
or of a function that makes one, becomes ``pass``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = 'spondylo_mm'
_ERRORS = {'InputError', 'not_finite', '_damaged'}  # what makes an InputError


@dataclass(frozen=True)
class Guard:
    """One guard, and the file without it.

    Attributes:
        name: what it is, for people.
        path: of the file in the repository.
        line: where it stands.
        without: the whole file's text without the guard.
        tests: file or folder of those that must notice; '' if that is for coverage to say.
    """

    name: str
    path: str
    line: int
    without: str
    tests: str = ''


def all_guards(root: Path) -> Iterator[Guard]:
    """Of the repository at ``root``.

    Raises:
        ValueError: a safeguard's text is not, or not once, in its file.
    """
    for path in sorted((root / PACKAGE).rglob('*.py')):
        yield from _refusals(path.relative_to(root).as_posix(), path.read_text(encoding='utf-8'))
    for name, path, guard, instead, tests in SAFEGUARDS:
        text = (root / path).read_text(encoding='utf-8')
        if text.count(guard) != 1:
            raise ValueError(f'{name}: {text.count(guard)} times in {path}')
        line = text[: text.index(guard)].count('\n') + 1
        yield Guard(name, path, line, text.replace(guard, instead), tests)


def _refusals(path: str, text: str) -> Iterator[Guard]:
    lines = text.splitlines(keepends=True)
    for node in ast.walk(ast.parse(text)):
        if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)):
            continue
        if not (isinstance(node.exc.func, ast.Name) and node.exc.func.id in _ERRORS):
            continue
        before, after = lines[: node.lineno - 1], lines[node.end_lineno :]
        indent = ' ' * node.col_offset
        said = ' '.join(part.value.strip() for part in ast.walk(node.exc) if _is_text(part))
        name = f'refuses: {said or lines[node.lineno - 1].strip()}'
        yield Guard(name, path, node.lineno, ''.join([*before, f'{indent}pass\n', *after]))


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


# name, file, its text, what stands there once it is broken, and the tests that must notice
SAFEGUARDS = (
    (
        'a file is written under another name',
        'spondylo_mm/atomic.py',
        'yield part\n        os.replace(part, path)',
        'yield path',
        'tests/test_atomic.py',
    ),
    (
        'what was half-written is removed',
        'spondylo_mm/atomic.py',
        'part.unlink(missing_ok=True)',
        'pass',
        'tests/test_atomic.py',
    ),
    (
        'one process at a time in a folder',
        'spondylo_mm/atomic.py',
        'fcntl.flock(handle, fcntl.LOCK_EX)',
        'pass',
        'tests/test_atomic.py',
    ),
    (
        'JSON is strict',
        'spondylo_mm/json_pieces.py',
        'allow_nan=False',
        'allow_nan=True',
        'tests/test_json_pieces.py',
    ),
    (
        'no formulas in tables',
        'spondylo_mm/escaping.py',
        'text.lstrip().startswith(_FORMULA_STARTS)',
        'False',
        'tests/test_escaping.py',
    ),
    (
        'no control characters on terminals',
        'spondylo_mm/escaping.py',
        'char if char.isprintable() else',
        'char if True else',
        'tests/test_escaping.py',
    ),
    (
        'no markup from names in the report',
        'spondylo_mm/visualization/report/page.py',
        ".replace('<', '\\\\u003c')",
        '',
        'tests/apis/report',
    ),
    (
        'the report runs no script but its own',
        'spondylo_mm/visualization/report/page.py',
        '[f\'<meta http-equiv="Content-Security-Policy" content="{policy}">\']',
        '[]',
        'tests/apis/report',
    ),
    (
        'checkpoints are not unpickled',
        'spondylo_mm/apis/checkpoints.py',
        'weights_only=True',
        'weights_only=False',
        'tests/apis/test_checkpoints.py',
    ),
    (
        'image size is bounded before decoding',
        'spondylo_mm/datasets/radiograph.py',
        'check_size(path, *image.size)',
        'pass',
        'tests/datasets/test_radiograph.py',
    ),
    (
        'DICOM size is bounded before decoding',
        'spondylo_mm/datasets/dicom.py',
        'check_size(path, int(header.Columns), int(header.Rows))',
        'pass',
        'tests/datasets/test_dicom.py',
    ),
    (
        'no other formats than these are decoded',
        'spondylo_mm/datasets/radiograph.py',
        'formats=_FORMATS',
        'formats=None',
        'tests/datasets/test_radiograph.py',
    ),
    (
        "pydicom's warnings, which quote the header, are not shown",
        'spondylo_mm/datasets/dicom.py',
        "warnings.simplefilter('ignore')",
        'pass',
        'tests/datasets/test_dicom.py',
    ),
    (
        'a file of 12 bits is not read as one of 8',
        'spondylo_mm/datasets/dicom.py',
        "decoders.discard('pillow')",
        'pass',
        'tests/datasets/test_dicom.py',
    ),
    (
        'identifiers are not copied unasked',
        'spondylo_mm/apis/testing.py',
        ' if keep_ids else {}',
        '',
        'tests/apis/test_dicom_films.py',
    ),
    (
        'links do not lead out of the dataset',
        'spondylo_mm/datasets/formats/mendeley.py',
        'if real.is_relative_to(top):',
        'if True:',
        'tests/bad_inputs',
    ),
    (
        'results of an earlier run do not stay beside new ones',
        'spondylo_mm/apis/testing.py',
        "return [*files, *(folder / 'overlays').glob('*.png')]",
        'return []',
        'tests/apis/test_testing.py',
    ),
    (
        'of a worker that died it is known what it was reading',
        'spondylo_mm/datasets/loader_watch.py',
        'self._rows[worker.id] = torch.tensor([os.getpid(), int(index)])',
        'pass',
        'tests/datasets/test_loader_watch.py',
    ),
    (
        'nothing is fetched where the network is not to be used',
        'spondylo_mm/apis/pretraining.py',
        'constants.HF_HUB_OFFLINE = True',
        'pass',
        'tests/apis/test_pretraining.py',
    ),
    (
        'checkpoints name their data',
        'spondylo_mm/engine/hooks/run_record_hook.py',
        "checkpoint['meta']['data_sha256'] = self._record['data']['sha256']",
        'pass',
        'tests/robust/test_same_bytes.py',
    ),
)
