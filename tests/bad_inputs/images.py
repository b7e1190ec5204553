"""Image files, read when a dataset is prepared and when films are predicted by the same function."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image
from pydicom.uid import JPEG2000Lossless

from .case import OTHERS_DONE, SIZE, SURVIVED, Bench, Case, noise

AREA = 'images'


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def header_bomb(width: int = 20_000, height: int = 20_000) -> bytes:
    """A PNG of a few bytes that claims to have 400 million pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack('>I', len(content)) + kind + content + struct.pack('>I', zlib.crc32(kind + content))

    header = struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1 + width))
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', rows) + chunk(b'IEND', b'')


def animated(format: str) -> bytes:
    return encoded(noise(1), format, save_all=True, append_images=[noise(2), noise(3)])


def turned() -> bytes:
    """Lies on its side; its EXIF orientation says so."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(noise(7).transpose(Image.Transpose.ROTATE_90), 'JPEG', exif=exif)


def prepared(name: str, content: Callable[[], bytes], says: str = '', expected: str = 'refused', suffix: str = '.png'):
    def make(bench: Bench) -> list:
        command = bench.dataset()
        bench.image().unlink()
        bench.image(suffix).write_bytes(content())
        return command

    return Case(AREA, name, make, says, expected, OTHERS_DONE)


def predicted(name: str, content: Callable[[], bytes], says: str = '', expected: str = 'refused') -> Case:
    def make(bench: Bench) -> list:
        bench.films_beside('bad.png').write_bytes(content())
        return bench.predict()

    return Case(AREA, f'{name}, predicted', make, says, expected, OTHERS_DONE)


def dicom(name: str, says: str = '', expected: str = SURVIVED, compress: str | None = None, **elements: object) -> Case:
    """A film of 12 bits as DICOM, with elements changed; None takes one out."""

    def make(bench: Bench) -> list:
        stored = np.asarray(noise(5)).astype(np.uint16) * 16
        elements_ = dict(BitsStored=12, HighBit=11) | elements
        bench.fixture('write_dicom')(bench.films_beside('bad.dcm'), stored, compress=compress, **elements_)
        return bench.predict()

    return Case(AREA, f'DICOM: {name}, predicted', make, says, expected, OTHERS_DONE)


def png() -> bytes:
    return encoded(noise(5), 'PNG')


def damaged_checksum() -> bytes:
    content = bytearray(png())
    content[len(content) // 2] ^= 0xFF
    return bytes(content)


CASES = [
    prepared('empty', lambda: b'', 'the file is empty'),
    prepared('truncated in its header', lambda: png()[:20], 'truncated or damaged image'),
    prepared('truncated in the middle', lambda: png()[: len(png()) // 2], 'truncated or damaged image'),
    prepared('a JPEG without its last tenth', lambda: encoded(noise(5), 'JPEG')[:-2000], 'truncated', suffix='.jpg'),
    prepared('one byte changed', damaged_checksum, 'truncated or damaged image'),
    prepared('a text file renamed', lambda: b'a text file', 'not an image'),
    prepared('HTML of a failed download', lambda: b'<!DOCTYPE html><html>404</html>', 'not an image', suffix='.jpg'),
    prepared('a PDF renamed', lambda: b'%PDF-1.7\n%\xe2\xe3', 'not an image'),
    prepared('EPS, which would start another program', lambda: b'%!PS-Adobe-3.0 EPSF-3.0\n', 'not an image'),
    prepared('1x1 pixels', lambda: encoded(noise(5, (1, 1)), 'PNG'), '1x1 pixels are too few'),
    prepared('header of 20,000x20,000 pixels', header_bomb, 'more pixels than a radiograph has (64 million)'),
    prepared('header of 10,000x10,000 pixels', lambda: header_bomb(10_000, 10_000), '10000x10000 pixels are more'),
    prepared('animated GIF renamed', lambda: animated('GIF'), 'not an image'),
    prepared('animated PNG', lambda: animated('PNG'), 'holds 3 images'),
    prepared('TIFF of several pages', lambda: animated('TIFF'), 'holds 3 images', suffix='.tif'),
    prepared('PNG called .jpg', png, expected=SURVIVED, suffix='.jpg'),
    prepared('16 bits', lambda: encoded(noise(5, kind=np.uint16), 'PNG'), expected=SURVIVED),
    prepared('CMYK', lambda: encoded(noise(5).convert('CMYK'), 'JPEG'), expected=SURVIVED, suffix='.jpg'),
    prepared('with an alpha channel', lambda: encoded(noise(5).convert('RGBA'), 'PNG'), expected=SURVIVED),
    prepared('palette', lambda: encoded(noise(5).convert('P'), 'PNG'), expected=SURVIVED),
    prepared('one bit', lambda: encoded(noise(5).convert('1'), 'PNG'), expected=SURVIVED),
    prepared('floats with NaN', lambda: encoded(Image.fromarray(np.full(SIZE[::-1], np.nan, np.float32)), 'TIFF'),
             expected=SURVIVED, suffix='.tif'),
    prepared('turned by its EXIF orientation', turned, expected=SURVIVED, suffix='.jpg'),
    predicted('truncated', lambda: png()[: len(png()) // 2], 'truncated or damaged image'),
    predicted('header of 20,000x20,000 pixels', header_bomb, 'more pixels than a radiograph has'),
    predicted('one grey level', lambda: encoded(Image.new('L', SIZE, 7), 'PNG'), expected=SURVIVED),
    dicom('pixels of 1e300 by 1e-300 mm', PixelSpacing=[1e-300, 1e300]),
    dicom('an empty RescaleIntercept', RescaleSlope=1, RescaleIntercept=''),
    dicom('without what goes without saying', BitsStored=None, HighBit=None, PixelRepresentation=None,
          SamplesPerPixel=None, PhotometricInterpretation=None),
    dicom('nothing but padding', PixelPaddingValue=0, PixelPaddingRangeLimit=65535),
    dicom('compressed, HighBit of another depth', 'HighBit 15 is not that of 12 bits', 'refused', JPEG2000Lossless,
          HighBit=15),
    predicted('150 times as wide as high', lambda: encoded(Image.new('L', (2_400, 16)), 'PNG'), expected=SURVIVED),
]  # fmt: skip
