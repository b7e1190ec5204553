"""What a compressed image says of its own size."""

import io

import numpy as np
import pytest
from PIL import Image

from spondylo_mm.datasets.codestream import codestream_size


def encoded(kind: str, **options) -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (90, 70), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    'kind, options', [('JPEG', {}), ('JPEG', dict(progressive=True, comment=b'x' * 300)), ('JPEG2000', {})]
)
def test_width_and_height_are_read_from_the_header(kind, options):
    frame = encoded(kind, **options)
    assert codestream_size(frame) == (70, 90)
    assert codestream_size(frame[:2]) is None


def test_lossless_jpeg_and_jpeg_ls_have_frame_headers_too():
    for kind in (b'\xc3', b'\xf7'):
        frame = b'\xff\xd8\xff\xe0\0\x04ab\xff\xff' + kind + b'\0\x0b\x0c\0\x5a\0\x46' + bytes(9)
        assert codestream_size(frame) == (70, 90)


def test_what_has_no_such_header_has_no_size():
    assert codestream_size(b'') is codestream_size(b'\x89PNG' * 9) is codestream_size(b'\xff\xd8\xff\xda\0\x02') is None
