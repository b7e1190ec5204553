"""The one reader of image files: any 8- or 16-bit radiograph as a grey ``uint8`` array, strictly or not at all.

``uint8`` is what the published data has, what a screen shows and what the training workers can move quickly. A 16-bit
file is windowed into it, so up to 8 bits of depth are given up; what lies inside the window keeps 256 grey levels.
DICOM files are told by their content and read by ``dicom``.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ..errors import InputError
from .dicom import dicom_geometry, is_dicom, read_dicom
from .grey_levels import MAX_PIXELS, check_size, windowed_by_percentiles
from .pixel_geometry import NO_GEOMETRY, PixelGeometry

RADIOGRAPH_SUFFIXES = ('.jpg', '.jpeg', '.png', '.tif', '.tiff', '.bmp', '.dcm', '.dicom')
_FORMATS = ('JPEG', 'PNG', 'TIFF', 'BMP')  # an explicit list: Pillow would start Ghostscript for an EPS file

_STACKS = ('PNG', 'TIFF')  # may hold several images; a phone's JPEG may hold a preview, which does no harm

_TIFF_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0

_DECODING_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    EOFError,
    IndexError,
    KeyError,
    OverflowError,
    struct.error,
    zlib.error,
)


def read_radiograph(path: str | Path) -> np.ndarray:
    """Grey values of an image file, ``(H, W)`` uint8, C-contiguous, upright according to its EXIF orientation.

    8-bit grey is returned as it is; colour, palette and CMYK become luminance (ITU-R 601); deeper files are windowed
    between the 0.5th and the 99.5th percentile of their values, DICOM as its header says (see ``dicom``).

    Raises:
        InputError: The file is missing, empty, truncated, too large or not an image.
    """
    if _is_dicom(path):
        return read_dicom(Path(path))
    with _opened(path) as image:
        image.load()
        inverted = image.mode.startswith('I') and _is_white_zero(image)
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith(('I', 'F')):
            grey = windowed_by_percentiles(np.asarray(image))
            return 255 - grey if inverted else grey
        return np.array(image if image.mode == 'L' else image.convert('L'))


def radiograph_geometry(path: str | Path) -> PixelGeometry:
    """What the file says of its pixels' size; of image files only DICOM is believed.

    Dots per inch in a JPEG, PNG or TIFF file are those of a printer or of nothing.

    Raises:
        InputError: The file is missing or empty, or a damaged DICOM file.
    """
    return dicom_geometry(Path(path)) if _is_dicom(path) else NO_GEOMETRY


def _is_dicom(path: str | Path) -> bool:
    path = Path(path)
    if not path.is_file():
        raise InputError(f'{path}: no such image file: check the path')
    with _readable(path):
        if path.stat().st_size == 0:
            raise InputError(f'{path}: the file is empty: copy the image again')
        return is_dicom(path)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise InputError(f'{path}: {error.strerror}: make the file readable') from error


@contextmanager
def _opened(path: str | Path) -> Iterator[Image.Image]:
    """The undecoded image; every failure until the context ends becomes an ``InputError``."""
    path = Path(path)
    try:
        with _readable(path), _open(path) as image:
            check_size(path, *image.size)
            if image.format in _STACKS and (frames := getattr(image, 'n_frames', 1)) > 1:
                raise InputError(f'{path}: holds {frames} images, of which none is the one: save each on its own')
            yield image
    except Image.UnidentifiedImageError as error:
        raise InputError(f'{path}: not an image: give a JPEG, PNG, TIFF, BMP or DICOM file') from error
    except Image.DecompressionBombError as error:  # twice what Pillow itself warns of
        raise InputError(
            f'{path}: more pixels than a radiograph has ({MAX_PIXELS // 1_000_000} million): crop or scale it down'
        ) from error
    except _DECODING_ERRORS as error:
        raise InputError(f'{path}: truncated or damaged image ({error}): copy the file again') from error


def _open(path: Path) -> Image.Image:
    """Without Pillow's warning of large images: what is too large is refused in a line of our own."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', Image.DecompressionBombWarning)
        return Image.open(path, formats=_FORMATS)


def _is_white_zero(image: Image.Image) -> bool:
    """Pillow inverts such TIFF files itself when they have 8 bits, and leaves deeper ones as they are."""
    return getattr(image, 'tag_v2', {}).get(_TIFF_PHOTOMETRIC) == _WHITE_IS_ZERO
