"""DICOM from the file to the outputs: the corners of the same film as PNG, mm that are right, no patient anywhere."""

import json

import cv2
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless

from spondylo_mm.apis import SpineInferencer
from spondylo_mm.apis.testing import test as run_test
from spondylo_mm.datasets.radiograph import read_radiograph
from spondylo_mm.errors import InputError

PATIENT = dict(
    PatientName='Planted^Surname',
    PatientID='PLANTED-4711',
    PatientBirthDate='19290229',
    AccessionNumber='ACC0815',
    StudyDate='20260131',
    InstitutionName='Planted Hospital',
    ReferringPhysicianName='Planted^Doctor',
)


@pytest.fixture(scope='module')
def inferencer(tiny_config, trained):
    return SpineInferencer(tiny_config, trained, device='cpu')


@pytest.fixture
def film(phantoms):
    """Grey levels of a blind phantom, higher than wide."""
    return read_radiograph(sorted((phantoms / 'Test').iterdir())[0])


@pytest.fixture
def everything_present(monkeypatch):
    """Two epochs find nothing surely; lower the bar so that there is something to look at."""
    monkeypatch.setattr('spondylo_mm.apis.predictions.PRESENCE_THRESHOLD', 0.0)


def corners_of(record):
    return np.array([[[c['x'], c['y']] for c in v['corners'].values()] for v in record['vertebrae']])


def test_a_dicom_file_has_the_corners_of_its_png(inferencer, film, tmp_path, write_dicom, everything_present):
    deep = film.astype(np.uint16) * 16
    cv2.imwrite(str(tmp_path / 'film.png'), film)
    write_dicom(tmp_path / 'plain.dcm', film)
    write_dicom(tmp_path / 'IM1', 255 - film, PhotometricInterpretation='MONOCHROME1', **PATIENT)
    write_dicom(tmp_path / 'deep.dcm', deep, BitsStored=12, HighBit=11, WindowCenter=2040.5, WindowWidth=4081)
    write_dicom(tmp_path / 'small.dicom', film, compress=JPEG2000Lossless)
    records = inferencer(tmp_path)
    assert set(records) == {'film.png', 'plain.dcm', 'IM1', 'deep.dcm', 'small.dicom'}
    expected = corners_of(records['film.png'])
    assert len(expected) > 5
    for record in records.values():
        np.testing.assert_allclose(corners_of(record), expected, atol=0.01)


def test_the_spacing_of_a_file_reaches_its_record_and_says_where_it_is_from(inferencer, film, tmp_path, write_dicom):
    cv2.imwrite(str(tmp_path / 'film.png'), film)
    write_dicom(tmp_path / 'a.dcm', film, PixelSpacing=[0.2, 0.1])  # rows, columns
    write_dicom(tmp_path / 'b.dcm', film, ImagerPixelSpacing=[0.139, 0.139])
    write_dicom(tmp_path / 'c.dcm', film, PixelAspectRatio=[4, 3])
    records = inferencer(tmp_path)
    keys = ('spacing', 'spacing_source', 'pixel_aspect')
    assert {name: tuple(record[key] for key in keys) for name, record in records.items()} == {
        'film.png': (None, None, None),
        'a.dcm': ([0.1, 0.2], 'PixelSpacing', 0.5),
        'b.dcm': ([0.139, 0.139], 'ImagerPixelSpacing', 1.0),
        'c.dcm': (None, None, 0.75),
    }


def test_what_the_user_says_of_the_pixels_overrules_the_file(tiny_config, trained, film, tmp_path, write_dicom):
    path = write_dicom(tmp_path / 'a.dcm', film, PixelSpacing=[0.2, 0.1])
    height, width = film.shape

    def record(**options) -> dict:
        return SpineInferencer(tiny_config, trained, device='cpu', **options)(path)['a.dcm']

    given = record(spacing=(0.3, 0.15))
    assert (given['spacing'], given['spacing_source'], given['pixel_aspect']) == ([0.3, 0.15], 'given by the user', 2.0)
    squashed = record(aspect=0.5)  # a pixel is then as wide, in its height, as makes the film half as wide as high
    assert squashed['spacing'] is None and squashed['spacing_source'] is None
    assert squashed['pixel_aspect'] * width / height == pytest.approx(0.5, rel=1e-5)


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(aspect=0.0), '--aspect 0.0: give the width over the height'),
        (dict(aspect=float('nan')), '--aspect nan'),
        (dict(spacing=(0.1, -0.1)), '--spacing 0.1 -0.1: give two numbers'),
        (dict(spacing=(0.1, float('inf'))), '--spacing 0.1 inf'),
        (dict(spacing=(143.0, 143.0)), '--spacing 143.0 143.0'),  # micrometres
        (dict(spacing=(0.1, 0.1), aspect=1.0), 'give one of them'),
    ],
)
def test_a_spacing_or_an_aspect_that_is_none_is_refused(tiny_config, trained, options, message):
    with pytest.raises(InputError, match=message):
        SpineInferencer(tiny_config, trained, device='cpu', **options)


@pytest.fixture
def films_of_a_patient(film, tmp_path, write_dicom):
    folder = tmp_path / 'films'
    folder.mkdir()
    write_dicom(folder / '1.dcm', film, PixelSpacing=[0.2, 0.1], **PATIENT)
    write_dicom(folder / '2', film, compress=JPEG2000Lossless, **PATIENT)
    write_dicom(folder / 'damaged.dcm', film, Rows=film.shape[0] + 1, **PATIENT)
    return folder


def test_no_output_holds_a_byte_of_the_patient(
    inferencer, films_of_a_patient, tmp_path, capfd, caplog, everything_present
):
    out = tmp_path / 'out'
    result = run_test(inferencer, out, images=[str(films_of_a_patient)])
    assert result.num_images == 2 and len(result.failures) == 1
    header = dcmread(films_of_a_patient / '1.dcm')
    secrets = [*PATIENT.values(), 'Planted', 'Surname', header.SOPInstanceUID]
    written = {path: path.read_bytes() for path in out.rglob('*') if path.is_file()}
    assert len(written) >= 5
    written['printed'] = (''.join([*capfd.readouterr(), *result.failures]) + caplog.text).encode()
    for where, content in written.items():
        assert not [secret for secret in secrets if secret.encode() in content], where


def test_identifiers_are_kept_when_asked_for(inferencer, films_of_a_patient, phantoms, tmp_path):
    images = [str(films_of_a_patient), str(phantoms / 'Test')]
    run_test(inferencer, tmp_path / 'out', images=images, keep_ids=True)
    records = json.loads((tmp_path / 'out' / 'predictions.json').read_text())['images']
    ids = {name.rsplit('/')[-1]: record['ids'] for name, record in records.items()}
    assert ids['1.dcm']['PatientID'] == ids['2']['PatientID'] == 'PLANTED-4711'
    assert ids['1.dcm']['StudyDate'] == '20260131' and 'InstitutionName' not in ids['1.dcm']
    assert [found for name, found in ids.items() if name.endswith('.jpg')] == [{}, {}]
