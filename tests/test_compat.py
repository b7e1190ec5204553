"""The MM stack's missing compiled ops: tolerated while importing, honest afterwards. Each case needs an interpreter of
its own."""

import importlib.util
import subprocess
import sys

import pytest

from spondylo_mm import compat

needs_missing_ops = pytest.mark.skipif(
    importlib.util.find_spec('mmcv') is not None and importlib.util.find_spec('mmcv._ext') is not None,
    reason="mmcv's compiled ops are installed: there is nothing to stand in for",
)


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_missing_ops
def test_mmpose_imports_and_the_ops_still_count_as_absent():
    out = run_python(
        'import importlib.util, sys\n'
        'from spondylo_mm import compat\n'
        'mmpose = compat.import_mmpose()\n'
        'import mmpose.models\n'
        'mmcv = sys.modules["mmcv"]\n'
        'print(importlib.util.find_spec("mmcv._ext"), "mmcv._ext" in sys.modules, hasattr(mmcv, "_ext"))\n'
        'from mmengine.utils.dl_utils.misc import mmcv_full_available\n'
        'print(mmcv_full_available())\n'
    )
    assert out.split('\n')[:2] == ['None False False', 'False']


def test_what_the_stack_lacks_and_nobody_uses_is_not_complained_of():
    done = subprocess.run(
        [sys.executable, '-c', 'import spondylo_mm.plugin, mmpose.visualization'], capture_output=True, text=True
    )
    assert 'OneDL' not in done.stdout + done.stderr and 'faster_coco_eval' not in done.stderr


@needs_missing_ops
def test_a_missing_op_names_the_remedy_when_called():
    out = run_python(
        'from spondylo_mm import compat\n'
        'compat.import_mmpose()\n'
        'import torch, mmcv.ops\n'
        'try:\n'
        '    mmcv.ops.nms(torch.rand(3, 4), torch.rand(3), 0.5)\n'
        'except RuntimeError as error:\n'
        '    print(error)\n'
    )
    assert '"nms" is not compiled' in out and 'install mmcv with its compiled ops' in out


@needs_missing_ops
def test_the_stand_in_goes_away_when_an_import_fails():
    with pytest.raises(ZeroDivisionError), compat.stand_in_for_missing_ops():
        assert compat._EXTENSION in sys.modules
        raise ZeroDivisionError
    assert compat._EXTENSION not in sys.modules


def test_a_real_extension_is_left_alone(monkeypatch):
    real = type(sys)('mmcv._ext')
    monkeypatch.setitem(sys.modules, 'mmcv._ext', real)
    with compat.stand_in_for_missing_ops():
        assert sys.modules['mmcv._ext'] is real
    assert sys.modules['mmcv._ext'] is real


def test_importing_the_package_loads_neither_torch_nor_an_mm_package():
    out = run_python(
        'import sys, spondylo_mm, spondylo_mm.anatomy, spondylo_mm.apis, spondylo_mm.command_line\n'
        'import spondylo_mm.clinical.measurements, spondylo_mm.clinical.facing, spondylo_mm.clinical.meyerding\n'
        'import spondylo_mm.evaluation.functional.summary, spondylo_mm.phantom.writer, spondylo_mm.datasets.prepare\n'
        'print([name for name in sys.modules if name.split(".")[0] in ("torch", "mmcv", "mmengine", "mmpose")])\n'
    )
    assert out.strip() == '[]'
