"""DICOM: the grey levels a viewer shows, the size of a pixel, and nothing of who the patient is."""

import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    SecondaryCaptureImageStorage,
)

from spondylo_mm.datasets.dicom import dicom_geometry, dicom_identifiers, is_dicom
from spondylo_mm.datasets.grey_levels import MAX_PIXELS
from spondylo_mm.datasets.pixel_geometry import NO_GEOMETRY
from spondylo_mm.datasets.radiograph import read_radiograph
from spondylo_mm.errors import InputError


@pytest.fixture
def grey():
    """A smooth picture, 80 high and 60 wide, as a radiograph is."""
    y, x = np.mgrid[:80, :60]
    return (1.5 * x + 2 * y).astype(np.uint8)


@pytest.fixture
def deep(grey):
    """The same with 12 bits, 16 for each grey level, in uint16."""
    return grey.astype(np.uint16) * 16


def table(values, first=0, bits=8):
    """A lookup table: stored value ``first`` gives ``values[0]``, and so on."""
    item = Dataset()
    item.add_new('LUTDescriptor', 'US', [len(values), first, bits])
    item.add_new('LUTData', 'US', [int(value) for value in values])
    return Sequence([item])


def test_8_bits_without_a_window_are_returned_as_they_are(tmp_path, write_dicom, grey):
    path = write_dicom(tmp_path / 'a.dcm', grey)
    pixels = read_radiograph(path)
    np.testing.assert_array_equal(pixels, grey)
    assert pixels.dtype == np.uint8 and pixels.flags.c_contiguous


def test_8_bits_are_as_they_are_in_words_of_16_as_well(tmp_path, write_dicom, grey):
    path = write_dicom(tmp_path / 'a.dcm', grey.astype(np.uint16), BitsStored=8, HighBit=7)
    np.testing.assert_array_equal(read_radiograph(path), grey)


def test_monochrome1_is_inverted(tmp_path, write_dicom, grey, deep):
    white_is_low = dict(PhotometricInterpretation='MONOCHROME1')
    np.testing.assert_array_equal(read_radiograph(write_dicom(tmp_path / 'a', 255 - grey, **white_is_low)), grey)
    window = dict(WindowCenter=2048, WindowWidth=4096)
    plain = read_radiograph(write_dicom(tmp_path / 'b', deep, **window))
    np.testing.assert_array_equal(
        read_radiograph(write_dicom(tmp_path / 'c', deep, **window, **white_is_low)), 255 - plain
    )


@pytest.mark.parametrize('high', [0, 0xF000])
def test_12_bits_in_16_are_windowed_whatever_the_4_unused_bits_hold(tmp_path, write_dicom, grey, deep, high):
    """Old machines kept overlays in the unused bits."""
    stored = np.where(np.eye(*deep.shape, dtype=bool), deep | high, deep).astype(np.uint16)
    path = write_dicom(tmp_path / 'a.dcm', stored, BitsStored=12, HighBit=11, WindowCenter=2040.5, WindowWidth=4081)
    np.testing.assert_allclose(read_radiograph(path), grey, atol=1)


@pytest.mark.parametrize('compress', [None, RLELossless])
@pytest.mark.parametrize('kind', [np.uint16, np.int16])
@pytest.mark.parametrize('below', [1, 4])
def test_values_are_the_same_wherever_in_their_words_they_lie(tmp_path, write_dicom, deep, compress, kind, below):
    """12 bits above others that mean nothing; signed, half of the values are below 0."""
    values = (deep.astype(int) - 2048 * (kind == np.int16)).astype(kind)
    window = dict(WindowCenter=int(values.mean()), WindowWidth=4096)
    plain = read_radiograph(write_dicom(tmp_path / 'a', values, BitsStored=12, HighBit=11, **window))
    others = np.random.default_rng(0).integers(0, 2**below, values.shape).astype(kind)
    path = write_dicom(tmp_path / 'b', (values << below) + others, compress=compress, **window)
    header = dcmread(path)
    header.BitsStored, header.HighBit = 12, 11 + below
    header.save_as(path)
    assert np.ptp(plain) > 150
    np.testing.assert_array_equal(read_radiograph(path), plain)


def test_a_compressed_film_whose_values_may_lie_anywhere_is_refused(tmp_path, write_dicom, deep):
    path = write_dicom(tmp_path / 'a.dcm', deep, BitsStored=12, HighBit=15, compress=JPEG2000Lossless)
    with pytest.raises(InputError, match='HighBit 15 is not that of 12 bits: export it uncompressed'):
        read_radiograph(path)


def test_without_a_window_deep_values_are_windowed_as_16_bit_image_files_are(tmp_path, write_dicom, grey, deep):
    low, high = np.percentile(grey, [0.5, 99.5])
    expected = np.clip((grey - low) / (high - low) * 255, 0, 255)
    for window in (dict(), dict(WindowCenter=100, WindowWidth=0)):
        pixels = read_radiograph(write_dicom(tmp_path / 'a.dcm', deep, BitsStored=12, HighBit=11, **window))
        np.testing.assert_allclose(pixels, expected, atol=1)


def film(values: list[int], dtype: type) -> np.ndarray:
    """Stored values in every row, over and over: no film is smaller than 16 pixels."""
    return np.tile(np.array(values, dtype), (16, 16))


def test_negative_values_and_a_rescale_come_before_the_window(tmp_path, write_dicom):
    stored = film([-200, -100, 0, 100], np.int16)  # rescaled: 600, 800, 1000, 1200
    path = write_dicom(
        tmp_path / 'a.dcm', stored, RescaleSlope=2, RescaleIntercept=1000, WindowCenter=900.5, WindowWidth=401
    )  # from 700 to 1100
    np.testing.assert_allclose(read_radiograph(path)[0, :4], [0, 64, 191, 255], atol=1)


@pytest.mark.parametrize('colour', ['MONOCHROME1', 'MONOCHROME2'])
@pytest.mark.parametrize(
    'padding, elements',
    [
        (65535, dict()),
        (0, dict()),
        (65535, dict(RescaleSlope=2, RescaleIntercept=-1024)),  # padding is told as it is stored
        (65535, dict(WindowCenter=2040.5, WindowWidth=4081)),
    ],
)
def test_padding_is_black_and_changes_nothing_of_the_image(tmp_path, write_dicom, deep, colour, padding, elements):
    image, beside = deep + 16, ((0, 0), (0, 20))  # a quarter of the film
    elements = elements | dict(PhotometricInterpretation=colour)
    alone = read_radiograph(write_dicom(tmp_path / 'a', image, **elements))
    whole = np.pad(image, beside, constant_values=padding)
    pixels = read_radiograph(write_dicom(tmp_path / 'b', whole, PixelPaddingValue=padding, **elements))
    np.testing.assert_array_equal(pixels, np.pad(alone, beside))
    assert np.ptp(alone) > 200


@pytest.mark.parametrize('ends', [(-2000, -1998), (-1998, -2000)])
def test_padding_may_be_a_range_of_values(tmp_path, write_dicom, ends):
    stored = film([-2000, -1999, -1998, 0, 50, 100], np.int16)
    path = write_dicom(tmp_path / 'a', stored, PixelPaddingValue=ends[0], PixelPaddingRangeLimit=ends[1])
    np.testing.assert_allclose(read_radiograph(path)[0, :6], [0, 0, 0, 0, 128, 255], atol=1)


def test_a_film_of_nothing_but_padding_is_black(tmp_path, write_dicom):
    path = write_dicom(
        tmp_path / 'a', film([7], np.uint16), PixelPaddingValue=7, PhotometricInterpretation='MONOCHROME1'
    )
    assert not read_radiograph(path).any()


@pytest.mark.parametrize(
    'left_out, meant',
    [
        (dict(RescaleSlope=2), dict(RescaleSlope=2, RescaleIntercept=0)),
        (dict(RescaleSlope=2, RescaleIntercept=''), dict(RescaleSlope=2, RescaleIntercept=0)),
        (dict(RescaleIntercept=1000), dict(RescaleSlope=1, RescaleIntercept=1000)),
        (dict(BitsStored=None), dict()),
        (dict(HighBit=None), dict()),
        (dict(PixelRepresentation=None), dict()),
        (dict(SamplesPerPixel=None), dict()),
        (dict(PhotometricInterpretation=None), dict()),
        (dict(PhotometricInterpretation=''), dict()),
    ],
)
def test_what_a_header_leaves_out_is_what_it_can_only_mean(tmp_path, write_dicom, deep, left_out, meant):
    window = dict(WindowCenter=3000, WindowWidth=4000)
    expected = read_radiograph(write_dicom(tmp_path / 'a', deep, **window, **meant))
    np.testing.assert_array_equal(read_radiograph(write_dicom(tmp_path / 'b', deep, **window, **left_out)), expected)
    assert np.ptp(expected) > 100


@pytest.mark.parametrize(
    'function, shares',
    [
        ('LINEAR', [0, 1 / 99, 50 / 99, 1, 1]),  # 450 to 549: the plain window is less than it says
        ('LINEAR_EXACT', [0, 0.01, 0.5, 0.99, 1]),  # 450 to 550
        ('SIGMOID', [0, 1 / (1 + np.exp(1.96)), 0.5, 1 / (1 + np.exp(-1.96)), 1]),
    ],
)
def test_windows_are_those_of_the_standard(tmp_path, write_dicom, function, shares):
    stored = film([0, 451, 500, 549, 1000], np.uint16)
    path = write_dicom(tmp_path / 'a.dcm', stored, WindowCenter=500, WindowWidth=100, VOILUTFunction=function)
    np.testing.assert_allclose(read_radiograph(path)[0, :5], 255 * np.array(shares), atol=0.6)


def test_the_first_of_several_windows_is_used(tmp_path, write_dicom, deep, grey):
    path = write_dicom(tmp_path / 'a.dcm', deep, WindowCenter=[2040.5, 9], WindowWidth=[4081, 3])
    np.testing.assert_allclose(read_radiograph(path), grey, atol=1)


def test_lookup_tables_are_followed_in_their_order(tmp_path, write_dicom):
    """12-bit values into a table of 8-bit entries, as many machines have: 10 -> 300 -> 20, 11 -> 4000 -> 200."""
    stored = film([10, 11, 4095], np.uint16)
    to_modality = table([300, 4000, 4000], first=10, bits=16)
    to_display = np.zeros(4096)
    to_display[[0, 300, 4000, 4095]] = [0, 20, 200, 255]
    path = write_dicom(
        tmp_path / 'a.dcm', stored, ModalityLUTSequence=to_modality, VOILUTSequence=table(to_display),
        WindowCenter=1, WindowWidth=1,
    )  # fmt: skip
    np.testing.assert_array_equal(read_radiograph(path)[0, :3], [20, 200, 200])


@pytest.mark.parametrize('syntax', [JPEG2000Lossless, RLELossless])
def test_lossless_compression_changes_nothing(tmp_path, write_dicom, deep, syntax):
    settings = dict(BitsStored=12, HighBit=11, WindowCenter=2048, WindowWidth=4096)
    path = write_dicom(tmp_path / 'a.dcm', deep, compress=syntax, **settings)
    assert dcmread(path).file_meta.TransferSyntaxUID == syntax
    np.testing.assert_array_equal(read_radiograph(path), read_radiograph(write_dicom(tmp_path / 'b', deep, **settings)))


def test_dicom_is_told_by_its_content(tmp_path, write_dicom, grey):
    path = write_dicom(tmp_path / 'a.png', grey)
    np.testing.assert_array_equal(read_radiograph(path), grey)
    header = dcmread(write_dicom(tmp_path / 'b', grey, SpecificCharacterSet='ISO_IR 100'))
    bare = tmp_path / 'IM000001'  # as of before 1993: neither preamble nor magic word nor file meta
    header.preamble = None
    del header.file_meta
    header.save_as(bare, implicit_vr=True, little_endian=True, enforce_file_format=False)
    assert bare.read_bytes()[:4] == b'\x08\0\x05\0'
    assert is_dicom(bare)
    np.testing.assert_array_equal(read_radiograph(bare), grey)


def test_spacing_is_x_before_y_and_says_where_it_is_from(tmp_path, write_dicom, grey):
    both = dict(PixelSpacing=[0.2, 0.1], ImagerPixelSpacing=[0.3, 0.3])
    geometry = dicom_geometry(write_dicom(tmp_path / 'a.dcm', grey, **both))
    assert (geometry.spacing, geometry.source, geometry.aspect) == ((0.1, 0.2), 'PixelSpacing', 0.5)
    del both['PixelSpacing']
    geometry = dicom_geometry(write_dicom(tmp_path / 'b.dcm', grey, **both))
    assert (geometry.spacing, geometry.source, geometry.aspect) == ((0.3, 0.3), 'ImagerPixelSpacing', 1.0)


@pytest.mark.parametrize(
    'useless', [[0, 0], [-1, 1], None, [1e-300, 1e-300], [1e-7, 1e-7], [0.1, 1e6], [139, 139], [0.05, 0.7]]
)
def test_without_a_usable_spacing_there_are_no_mm(tmp_path, write_dicom, grey, useless):
    """Blanks, micrometres, damage: no radiograph has pixels of a nanometre, of 14 cm, or 14 times as high as wide."""
    elements = {} if useless is None else dict(PixelSpacing=useless)
    geometry = dicom_geometry(write_dicom(tmp_path / 'a.dcm', grey, **elements))
    assert (geometry.spacing, geometry.source, geometry.aspect) == (None, None, None)
    geometry = dicom_geometry(write_dicom(tmp_path / 'b.dcm', grey, PixelAspectRatio=[4, 3], **elements))  # y, x
    assert (geometry.spacing, geometry.aspect) == (None, 0.75)


@pytest.mark.parametrize('spacing', [[0.02, 0.02], [9, 9], [0.1, 0.9], [0.9, 0.1]])
def test_a_spacing_that_is_only_unusual_is_believed(tmp_path, write_dicom, grey, spacing):
    geometry = dicom_geometry(write_dicom(tmp_path / 'a.dcm', grey, PixelSpacing=spacing))
    assert geometry.spacing == (spacing[1], spacing[0])


@pytest.mark.parametrize('ratio', [[0, 0], [1, 0], [-4, -3], [1, 1000], [1000, 1]])
def test_an_aspect_that_no_pixel_has_is_as_none(tmp_path, write_dicom, grey, ratio):
    assert dicom_geometry(write_dicom(tmp_path / 'a.dcm', grey, PixelAspectRatio=ratio)) == NO_GEOMETRY


def test_the_size_on_the_detector_is_used_where_that_of_the_patient_cannot_be(tmp_path, write_dicom, grey):
    both = dict(PixelSpacing=[1e-300, 1e300], ImagerPixelSpacing=[0.2, 0.1])
    geometry = dicom_geometry(write_dicom(tmp_path / 'a.dcm', grey, **both))
    assert (geometry.spacing, geometry.source) == ((0.1, 0.2), 'ImagerPixelSpacing')


@pytest.mark.parametrize(
    'elements, message',
    [
        (dict(NumberOfFrames=12), 'has 12 frames: export the one radiograph'),
        (dict(PhotometricInterpretation='RGB', SamplesPerPixel=3), 'a colour image, not a radiograph'),
        (dict(PhotometricInterpretation=None, SamplesPerPixel=3), 'a colour image, not a radiograph'),
        (dict(PixelData=None), 'without an image'),
        (dict(Rows=None, PixelData=None), 'without an image'),
        (dict(SOPClassUID=SecondaryCaptureImageStorage, Rows=9000, Columns=9000), 'more than a radiograph has'),
        (dict(Rows=81), r'damaged DICOM file \(\w+\): export it again'),
    ],
)
def test_what_is_no_single_grey_image_is_refused_in_a_line(tmp_path, write_dicom, grey, elements, message):
    path = write_dicom(tmp_path / 'a.dcm', grey, **elements)
    with pytest.raises(InputError, match=message) as error:
        read_radiograph(path)
    assert str(error.value).startswith(f'{path}: ') and '\n' not in str(error.value)


@pytest.mark.parametrize('share', [0.1, 0.3, 0.9])
def test_a_truncated_file_is_refused_not_half_decoded(tmp_path, write_dicom, share):
    noise = np.random.default_rng(0).integers(0, 4096, (64, 64)).astype(np.uint16)
    for compress in (None, RLELossless, JPEG2000Lossless):
        path = write_dicom(tmp_path / 'a.dcm', noise, compress=compress)
        path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
        with pytest.raises(InputError, match='damaged DICOM|without an image'):
            read_radiograph(path)


def test_a_compression_that_nothing_reads_is_named(tmp_path, write_dicom, grey):
    path = write_dicom(tmp_path / 'a.dcm', grey, compress=RLELossless)
    content = path.read_bytes()
    path.write_bytes(content.replace(b'1.2.840.10008.1.2.5\0', b'1.2.840.10008.1.2.9\0'))
    with pytest.raises(InputError, match='which is not read: export it uncompressed'):
        read_radiograph(path)


@pytest.fixture(scope='module')
def without_gpl(tmp_path_factory):
    """A folder of all that is installed but for the decoder under GPL."""
    folder = tmp_path_factory.mktemp('site')
    for path in Path(np.__file__).parents[1].iterdir():
        if not path.name.startswith(('libjpeg', 'pylibjpeg_libjpeg')):
            (folder / path.name).symlink_to(path)
    return folder


@pytest.mark.parametrize('syntax', [JPEGLosslessSV1, JPEGLSLossless, JPEGExtended12Bit])
def test_a_decoder_under_gpl_is_not_needed_and_named_where_it_is_missed(
    tmp_path, write_dicom, deep, without_gpl, syntax
):
    header = dcmread(write_dicom(tmp_path / 'a.dcm', deep, BitsStored=12, HighBit=11))
    header.file_meta.TransferSyntaxUID = syntax
    header.PixelData = encapsulate([b'\xff\xd8'])
    header.save_as(tmp_path / 'a.dcm')
    program = (
        'import sys; from spondylo_mm.datasets.radiograph import read_radiograph; '
        'from spondylo_mm.command_line import run; run(lambda: read_radiograph(sys.argv[1]) is None)'
    )
    done = subprocess.run(
        [sys.executable, '-S', '-c', program, tmp_path / 'a.dcm'],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | dict(PYTHONPATH=str(without_gpl)),
    )
    assert (done.returncode, done.stdout) == (2, ''), done.stderr
    assert f'{syntax.name}, for which no decoder is installed' in done.stderr
    assert 'pip install pylibjpeg-libjpeg (under GPL 3), or export it uncompressed' in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_codestream_larger_than_its_header_says_is_not_decoded(tmp_path, write_dicom, grey):
    path = write_dicom(tmp_path / 'a.dcm', grey, compress=JPEG2000Lossless)
    content = path.read_bytes()
    side = int((100 * MAX_PIXELS) ** 0.5)
    size = struct.pack('>II', 60, 80)
    assert content.count(size) >= 1  # in the codestream's SIZ marker: image, and perhaps tile
    path.write_bytes(content.replace(size, struct.pack('>II', side, side)))
    with pytest.raises(InputError, match='the compressed image has another size'):
        read_radiograph(path)


def test_messages_never_quote_the_header(tmp_path, write_dicom, grey, capfd, recwarn, caplog):
    path = write_dicom(tmp_path / 'a.dcm', grey, PatientName='Secret^Name', WindowCenter=1)
    path.write_bytes(path.read_bytes().replace(struct.pack('<HH2sH', 0x28, 0x10, b'US', 2), b'\x28\0\x10\0DSSe'))
    with pytest.raises(InputError) as error:
        read_radiograph(path)
    said = str(error.value) + ''.join(capfd.readouterr()) + caplog.text + ''.join(str(w.message) for w in recwarn)
    assert 'Se' not in said.replace(str(path), '')


def test_identifiers_are_there_for_who_asks(tmp_path, write_dicom, grey):
    path = write_dicom(tmp_path / 'a.dcm', grey, PatientID='X-17', StudyDate='20260102', OperatorsName='Who^Ever')
    found = dicom_identifiers(path)
    assert found.pop('SOPInstanceUID') == dcmread(path).SOPInstanceUID
    assert found == dict(PatientID='X-17', StudyDate='20260102')
    (tmp_path / 'a.png').write_bytes(b'\x89PNG')
    assert dicom_identifiers(tmp_path / 'a.png') == {}


def test_no_warning_quotes_the_header(tmp_path, write_dicom, grey, recwarn):
    """pydicom's own of a number that is none would."""
    path = write_dicom(tmp_path / 'a.dcm', grey, SOPInstanceUID='1.2.3.4.5.6')
    path.write_bytes(path.read_bytes().replace(b'1.2.3.4.5.6', b'Secret Name'))
    assert dicom_identifiers(path)['SOPInstanceUID'] == 'Secret Name'
    assert not recwarn.list
