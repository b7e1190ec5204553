"""What many tests need: real data where it is, a small phantom dataset, and the demo's model made tiny."""

import os
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# One thread per operation: the models here are tiny, and threads that wait for each other on a busy machine are what
# makes their tests slow.
os.environ.setdefault('OMP_NUM_THREADS', '1')

ROOT = Path(__file__).parents[1]
REAL_DATA = ROOT.parent / 'shared' / 'data'


@pytest.fixture(scope='session')
def real_data() -> Path:
    """The folder of real radiographs and geometry beside the checkout."""
    if not REAL_DATA.is_dir():
        pytest.skip('the real radiographs are not beside this checkout (../shared/data)')
    return REAL_DATA


@pytest.fixture(scope='session')
def phantoms(tmp_path_factory) -> Path:
    """A prepared phantom dataset: 8 train, 3 val and 2 blind images, 256 px."""
    from spondylo_mm.datasets.prepare import prepare
    from spondylo_mm.phantom.writer import write_dataset

    root = tmp_path_factory.mktemp('phantoms') / 'data'
    write_dataset(root, dict(train=8, val=3, test=2), seed=1, size=256)
    prepare(root)
    return root


@pytest.fixture(scope='session')
def write_tiny() -> Callable[[Path, str, float], Path]:
    """``write_tiny(path, base, sigma)``: a config of ``configs/`` at 64 px and two epochs: the real code in seconds."""

    def write(path: Path, base: str, sigma: float) -> Path:
        path.write_text(f"""
_base_ = ['{ROOT / 'configs' / base}']
codec = dict(input_size=(64, 64), heatmap_size=(16, 16), sigma={sigma})
model = dict(head=dict(conv_out_channels=(16, 16), decoder=codec))
train_dataloader = dict(batch_size=4, num_workers=0, persistent_workers=False, dataset=dict(codec=codec))
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(codec=codec))
test_dataloader = dict(dataset=dict(codec=codec))
train_cfg = dict(max_epochs=2, val_interval=1)
visualizer = dict(vis_backends=[dict(type='LocalVisBackend')])
""")
        return path

    return write


@pytest.fixture(scope='session')
def tiny_config(write_tiny, tmp_path_factory) -> Path:
    """The demo's config, made tiny."""
    return write_tiny(tmp_path_factory.mktemp('configs') / 'tiny.py', 'demo.py', 1.0)


@pytest.fixture(scope='session')
def trained(phantoms, tiny_config, tmp_path_factory) -> Path:
    """A checkpoint of the tiny model after two epochs."""
    from spondylo_mm.apis.training import train

    return train(str(tiny_config), data_root=str(phantoms), work_dir=str(tmp_path_factory.mktemp('work')))


@pytest.fixture
def run_tool(monkeypatch, capsys) -> Callable[..., tuple[int, str, list[str]]]:
    """Run a tool as a script, as its users do: ``run_tool('prepare_data.py', SRC, '--strict')``.

    Returns:
        Exit status, standard output, and the lines of standard error.
    """

    def run(name: str, *arguments: object) -> tuple[int, str, list[str]]:
        monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            runpy.run_path(str(ROOT / 'tools' / name), run_name='__main__')
        out, err = capsys.readouterr()
        return stop.value.code, out, err.splitlines()

    return run


@pytest.fixture(scope='session')
def write_dicom():
    """``write_dicom(path, pixels, **elements)``: a DICOM file of stored values (H, W) of 8 or 16 bits, with elements
    by keyword added or replaced; None takes one out. Returns the path."""
    import numpy as np
    from pydicom import Dataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    def write(path: Path, pixels: np.ndarray, *, compress: str | None = None, **elements) -> Path:
        header = Dataset()
        header.ensure_file_meta()
        header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        header.SOPClassUID = '1.2.840.10008.5.1.4.1.1.1.1'  # digital X-ray image, for presentation
        header.SOPInstanceUID, header.Modality = generate_uid(), 'DX'
        header.Rows, header.Columns = pixels.shape
        header.SamplesPerPixel, header.PhotometricInterpretation = 1, 'MONOCHROME2'
        header.BitsAllocated = header.BitsStored = 8 * pixels.itemsize
        header.HighBit, header.PixelRepresentation = header.BitsStored - 1, int(pixels.dtype.kind == 'i')
        header.PixelData = pixels.tobytes()
        for keyword, value in elements.items():
            if value is None:
                delattr(header, keyword)
            else:
                setattr(header, keyword, value)
        if compress:
            header.compress(compress, generate_instance_uid=False)
        header.save_as(path, enforce_file_format=True)
        return path

    return write


@pytest.fixture(scope='session')
def slip_of_pair():
    """``slip_of_pair(upper, lower, facing, spacing)``: slip in % of two vertebrae (4, 2), image pixels; None for
    none."""
    import numpy as np

    from spondylo_mm.clinical.patient_spine import patient_spine
    from spondylo_mm.clinical.slip import slip

    def of(upper, lower, facing, spacing=(1.0, 1.0)):
        corners = np.full((10, 4, 2), np.nan)
        corners[0], corners[1] = lower, upper
        return slip(patient_spine(corners, facing, spacing), lower=0).value

    return of


@pytest.fixture(scope='session', autouse=True)
def configs_are_not_laid_out():
    """mmengine lays out the whole config anew for every checkpoint: over a second each, most of a tiny training."""
    from yapf.yapflib import yapf_api

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yapf_api, 'FormatCode', lambda text, **options: (text, True))
        yield
