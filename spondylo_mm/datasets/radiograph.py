"""The one reader of image files: any 8- or 16-bit radiograph as a grey ``uint8`` array, strictly or not at all.

``uint8`` is what the published data has, what a screen shows and what the training workers can move quickly. A 16-bit
file is windowed into it, so up to 8 bits of depth are given up; what lies inside the window keeps 256 grey levels.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ..errors import InputError

RADIOGRAPH_SUFFIXES = ('.jpg', '.jpeg', '.png', '.tif', '.tiff', '.bmp')
_FORMATS = ('JPEG', 'PNG', 'TIFF', 'BMP')  # an explicit list: Pillow would start Ghostscript for an EPS file

# The largest detectors have about 4300 x 4300 pixels; three of them stitched to a full spine make 55 million. What
# claims to be larger is no radiograph, and is refused before its pixels are decoded into memory.
MAX_PIXELS = 64_000_000

# Smaller ones are icons and thumbnails, if not damaged: no vertebra would be seen on them.
MIN_SIDE = 16

_STACKS = ('PNG', 'TIFF')  # may hold several images; a phone's JPEG may hold a preview, which does no harm

# 12-bit data sits in 16-bit files at any offset; collimation borders and burnt-in letters are the darkest and brightest
# pixels. Half a per cent at either end is less than a border and more than a letter.
_WINDOW_PERCENTILES = (0.5, 99.5)

_EXIF_ORIENTATION = 0x0112
_QUARTER_TURNS = range(5, 9)  # orientations that exchange width and height
_TIFF_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0
_DICOM_MAGIC = (128, b'DICM')

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
    between the 0.5th and the 99.5th percentile of their values.

    Raises:
        InputError: The file is missing, empty, truncated, too large or not an image.
    """
    with _opened(path) as image:
        image.load()
        inverted = image.mode.startswith('I') and _is_white_zero(image)
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith(('I', 'F')):
            grey = _windowed(np.asarray(image))
            return 255 - grey if inverted else grey
        return np.array(image if image.mode == 'L' else image.convert('L'))


def radiograph_size(path: str | Path) -> tuple[int, int]:
    """``(width, height)`` of the array that ``read_radiograph`` returns, from the header alone.

    Raises:
        InputError: As ``read_radiograph``, except that a truncated file may pass.
    """
    with _opened(path) as image:
        width, height = image.size
        return (height, width) if image.getexif().get(_EXIF_ORIENTATION) in _QUARTER_TURNS else (width, height)


@contextmanager
def _opened(path: str | Path) -> Iterator[Image.Image]:
    """The undecoded image; every failure until the context ends becomes an ``InputError``."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f'{path}: no such image file: check the path')
    try:
        if path.stat().st_size == 0:
            raise InputError(f'{path}: the file is empty: copy the image again')
        with Image.open(path, formats=_FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise InputError(
                    f'{path}: {width}x{height} pixels are more than a radiograph has '
                    f'({MAX_PIXELS // 1_000_000} million): crop or scale it down'
                )
            if min(width, height) < MIN_SIDE:
                raise InputError(f'{path}: {width}x{height} pixels are too few for a radiograph: give the whole image')
            if image.format in _STACKS and (frames := getattr(image, 'n_frames', 1)) > 1:
                raise InputError(f'{path}: holds {frames} images, of which none is the one: save each on its own')
            yield image
    except PermissionError as error:
        raise InputError(f'{path}: {error.strerror}: make the file readable') from error
    except Image.UnidentifiedImageError as error:
        raise InputError(f'{path}: {_what_it_is(path)}: give a JPEG, PNG, TIFF or BMP file') from error
    except Image.DecompressionBombError as error:  # twice what Pillow itself warns of
        raise InputError(
            f'{path}: more pixels than a radiograph has ({MAX_PIXELS // 1_000_000} million): crop or scale it down'
        ) from error
    except _DECODING_ERRORS as error:
        raise InputError(f'{path}: truncated or damaged image ({error}): copy the file again') from error


def _what_it_is(path: Path) -> str:
    offset, magic = _DICOM_MAGIC
    with path.open('rb') as file:
        start = file.read(offset + len(magic))
    return 'a DICOM file, which is not read directly' if start[offset:] == magic else 'not an image'


def _is_white_zero(image: Image.Image) -> bool:
    """Pillow inverts such TIFF files itself when they have 8 bits, and leaves deeper ones as they are."""
    return getattr(image, 'tag_v2', {}).get(_TIFF_PHOTOMETRIC) == _WHITE_IS_ZERO


def _windowed(values: np.ndarray) -> np.ndarray:
    values = np.nan_to_num(values.astype(np.float32))
    low, high = np.percentile(values, _WINDOW_PERCENTILES)
    if high <= low:  # nearly every pixel has one value: keep whatever contrast there is
        low, high = values.min(), values.max()
    scaled = (values - low) * (255 / max(high - low, 1e-6))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
