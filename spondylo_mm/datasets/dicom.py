"""DICOM files as grey levels, and what they say of the size of their pixels.

The grey-level pipeline of PS3.3 C.11: stored values -> modality LUT or rescale -> VOI LUT or window -> inverted where
low values are white (MONOCHROME1) -> black where there is only padding. Error messages never quote the header: it may
name the patient.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.encaps import get_frame
from pydicom.pixels import get_decoder
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000TransferSyntaxes,
    JPEGExtended12Bit,
    RLELossless,
)

from ..errors import InputError
from .codestream import codestream_size
from .grey_levels import check_size, windowed, windowed_by_percentiles
from .pixel_geometry import NO_GEOMETRY, PixelGeometry, is_plausible_aspect, is_plausible_spacing

_MAGIC = (128, b'DICM')
# Files of before 1993 have no magic word: they begin with the first element of group 8 (its length, character set, type
# of image) or of group 2, in little endian.
_BARE_STARTS = tuple(
    bytes([group, 0, element, 0]) for group, element in ((8, 0), (8, 1), (8, 5), (8, 8), (2, 0), (2, 1))
)
_INVERTED, _AS_STORED = 'MONOCHROME1', 'MONOCHROME2'

# What some exports leave out though nothing is read without it. Of one sample per pixel there is no colour, and no
# detector counts below zero.
_USUAL = dict(SamplesPerPixel=1, PhotometricInterpretation=_AS_STORED, PixelRepresentation=0)

# Where mm per pixel are found, the first that is there is taken. PixelSpacing is that of the patient if the machine was
# calibrated, else of the detector; ImagerPixelSpacing always of the detector, on which the patient is magnified.
SPACING_SOURCES = ('PixelSpacing', 'ImagerPixelSpacing')

# What names a patient or an examination, copied only when asked for.
_IDENTIFIERS = (
    'PatientID',
    'PatientName',
    'PatientBirthDate',
    'PatientSex',
    'AccessionNumber',
    'StudyDate',
    'StudyInstanceUID',
    'SeriesInstanceUID',
    'SOPInstanceUID',
)


def is_dicom(path: Path) -> bool:
    """Whether a file's first bytes are those of DICOM."""
    offset, magic = _MAGIC
    with path.open('rb') as file:
        start = file.read(offset + len(magic))
    return start[offset:] == magic or start[:4] in _BARE_STARTS


def read_dicom(path: Path) -> np.ndarray:
    """Grey values (H, W) uint8 as a viewer shows them.

    The first VOI LUT or window is used. Without one, 8-bit values stay as they are, and deeper ones are windowed by
    percentiles as 16-bit image files are. What the header calls padding is background: it has no part in the
    percentiles, and is black.

    Raises:
        InputError: damaged, too large, without pixels, coloured, of several frames, or compressed in a way that no
            installed decoder reads.
    """
    with _errors_of(path):
        header = dcmread(path, force=True)
        _fill_in(header)
        _check_image(path, header)
        _check_decoder(path, header)
        stored = _stored_values(header)
        is_padding = _is_padding(stored, header)
        grey = _grey_levels(stored, ~is_padding, header)
    shown = 255 - grey if header.PhotometricInterpretation == _INVERTED else grey
    return np.where(is_padding, np.uint8(0), shown)


def dicom_geometry(path: Path) -> PixelGeometry:
    """Spacing and aspect of the pixels, as far as the header tells them; what no radiograph has is not believed.

    Raises:
        InputError: not a readable DICOM file.
    """
    with _errors_of(path):
        header = dcmread(path, force=True, stop_before_pixels=True)
        for source in SPACING_SOURCES:
            x, y = _pair(header, source)
            if is_plausible_spacing(x, y):
                return PixelGeometry((x, y), source, x / y)
        x, y = _pair(header, 'PixelAspectRatio')
        return PixelGeometry(aspect=x / y) if is_plausible_aspect(x, y) else NO_GEOMETRY


def dicom_identifiers(path: Path) -> dict[str, str]:
    """Who and when, for users who ask for it; none of a file that is no DICOM.

    Raises:
        InputError: a damaged DICOM file.
    """
    if not is_dicom(path):
        return {}
    with _errors_of(path):
        header = dcmread(path, force=True, specific_tags=list(_IDENTIFIERS))
        return {keyword: str(header[keyword].value) for keyword in _IDENTIFIERS if header.get(keyword)}


@contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    """Every failure becomes an ``InputError``, and no warning appears: pydicom's quote what they found in the header.

    A malformed element makes pydicom raise nearly anything, hence the broad clause.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        raise InputError(
            f'{path}: truncated or damaged DICOM file ({type(error).__name__}): export it again'
        ) from error


def _fill_in(header: Dataset) -> None:
    """Write into a header what it leaves out and can mean one thing only."""
    bits = header.get('BitsStored') or header.get('BitsAllocated') or 0
    for keyword, value in dict(_USUAL, BitsStored=bits, HighBit=bits - 1).items():
        if not header.get(keyword):
            setattr(header, keyword, value)


def _check_image(path: Path, header: Dataset) -> None:
    """Refuse what is no single grey image, by the header."""
    if not (header.get('Rows') and header.get('Columns')) or 'PixelData' not in header:
        raise InputError(f'{path}: a DICOM file without an image (a report or an index): leave it out')
    check_size(path, int(header.Columns), int(header.Rows))
    frames = int(header.get('NumberOfFrames') or 1)
    if frames > 1:
        raise InputError(f'{path}: has {frames} frames: export the one radiograph as a file of its own')
    if header.PhotometricInterpretation not in (_INVERTED, _AS_STORED) or header.SamplesPerPixel != 1:
        raise InputError(f'{path}: a colour image, not a radiograph: export the original, not a screenshot')


def _check_decoder(path: Path, header: Dataset) -> None:
    """Refuse a compression that nothing installed reads, or that holds another size than the header says; give bare
    files the syntax that they cannot name."""
    if not hasattr(header, 'file_meta') or 'TransferSyntaxUID' not in header.file_meta:
        implicit, _ = header.original_encoding
        header.ensure_file_meta()
        header.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    syntax = header.file_meta.TransferSyntaxUID
    try:
        decoders = set(get_decoder(syntax).available_plugins)  # none, where there is nothing to decode
    except NotImplementedError:
        raise InputError(f'{path}: compressed as {syntax.name}, which is not read: export it uncompressed') from None
    if syntax == JPEGExtended12Bit and header.get('BitsStored') != 8:
        decoders.discard('pillow')  # says that it reads this syntax, and reads 8 bits of it
    if syntax.is_encapsulated and not decoders:
        package = 'pylibjpeg-openjpeg' if syntax in JPEG2000TransferSyntaxes else 'pylibjpeg-libjpeg (under GPL 3)'
        raise InputError(
            f'{path}: compressed as {syntax.name}, for which no decoder is installed: pip install {package}, or export '
            'it uncompressed'
        )
    if syntax.is_encapsulated and syntax != RLELossless:  # whose length is that of its header's pixels
        size = codestream_size(get_frame(header.PixelData, 0, number_of_frames=1))
        if size != (header.Columns, header.Rows):
            raise InputError(f'{path}: damaged DICOM file: the compressed image has another size: export it again')
        if _unused_below(header):  # whose values a codestream may hold as they are, or moved to where the header says
            raise InputError(
                f'{path}: compressed, and its HighBit {header.HighBit} is not that of {header.BitsStored} bits: export '
                'it uncompressed'
            )


def _unused_below(header: Dataset) -> int:
    """How many bits of each stored word lie below its value."""
    return max(0, header.HighBit + 1 - header.BitsStored)


def _stored_values(header: Dataset) -> np.ndarray:
    """Stored values (H, W); of 8 bits or less they are uint8, however many are set apart for them."""
    bits, unused = header.BitsStored, _unused_below(header)
    header.BitsStored = bits + unused  # pydicom cuts off what lies above, but not below
    values = header.pixel_array >> unused
    return values.astype(np.uint8) if bits <= 8 and not header.PixelRepresentation else values


def _is_padding(stored: np.ndarray, header: Dataset) -> np.ndarray:
    """Where there is none of the image (H, W): around it, or behind a shutter."""
    first = _first_number(header, 'PixelPaddingValue')
    last = _first_number(header, 'PixelPaddingRangeLimit')
    if first is None:
        return np.zeros(stored.shape, dtype=bool)
    low, high = sorted((first, first if last is None else last))
    return (stored >= low) & (stored <= high)


def _grey_levels(stored: np.ndarray, is_image: np.ndarray, header: Dataset) -> np.ndarray:
    """Stored values (H, W) as uint8, before a possible inversion; what is no image may come out as anything."""
    values = stored
    # an empty element is one that is not there
    slope, intercept = float(header.get('RescaleSlope') or 1), float(header.get('RescaleIntercept') or 0)
    if header.get('ModalityLUTSequence'):
        values, _ = _looked_up(values, header.ModalityLUTSequence[0], header)
    elif (slope, intercept) != (1, 0):
        values = values.astype(np.float32) * slope + intercept
    if header.get('VOILUTSequence'):
        values, ends = _looked_up(values, header.VOILUTSequence[0], header)
        return windowed(values, *ends)
    window = [_first_number(header, keyword) for keyword in ('WindowCenter', 'WindowWidth')]
    if None not in window and window[1] > 0:
        return _through_window(values, *window, header.get('VOILUTFunction', 'LINEAR'))
    if values.dtype == np.uint8:
        return values
    return windowed_by_percentiles(values, is_image)


def _looked_up(values: np.ndarray, item: Dataset, header: Dataset) -> tuple[np.ndarray, tuple[float, float]]:
    """Values through a table, and the table's least and greatest entry.

    Not pydicom's ``apply_voi``: it loses the high byte of 12-bit values where the table's entries have 8 bits.
    """
    entries, first = int(item.LUTDescriptor[0]) or 2**16, int(item.LUTDescriptor[1])
    table = item.LUTData
    if isinstance(table, bytes):
        order = '<' if header.original_encoding[1] is not False else '>'
        table = np.frombuffer(table, dtype=np.uint8 if len(table) < 2 * entries else f'{order}u2')
    table = np.asarray(table)[:entries]
    index = np.clip(np.rint(values).astype(np.int64) - first, 0, len(table) - 1)
    return table[index], (float(table.min()), float(table.max()))


def _through_window(values: np.ndarray, center: float, width: float, function: str) -> np.ndarray:
    """PS3.3 C.11.2.1.2 and .3: the plain window ends half a value lower and is one value narrower than it says."""
    if function == 'SIGMOID':
        return windowed(1 / (1 + np.exp(-4 * (values.astype(np.float32) - center) / width)), 0, 1)
    if function == 'LINEAR':
        center, width = center - 0.5, width - 1
    return windowed(values, center - width / 2, center + width / 2)


def _first_number(header: Dataset, keyword: str) -> float | None:
    """The first of one or several values; None where there is none or it is no number."""
    try:
        value = header.get(keyword)
        number = float(value if isinstance(value, (int, float)) else value[0])
    except (TypeError, ValueError, IndexError):
        return None
    return number if math.isfinite(number) else None


def _pair(header: Dataset, keyword: str) -> tuple[float, float]:
    """x and y, of which DICOM has y first; 0 where there are no two numbers, as some exports have it, too."""
    try:
        y, x = (float(value) for value in header.get(keyword))
    except (TypeError, ValueError):
        return 0.0, 0.0
    return x, y
