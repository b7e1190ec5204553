"""The size of a compressed image by its own header, before anything is decoded.

A DICOM header may promise a small image and hold one that fills the memory.
"""

from __future__ import annotations

import struct

_J2K_START = b'\xff\x4f\xff\x51'  # start of codestream, size of image (ISO/IEC 15444-1 A.5.1)
_JPEG_START = b'\xff\xd8'
_SIZES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # frame headers of JPEG (ISO/IEC 10918-1 B.2.2) and JPEG-LS
_END_OF_HEADERS = 0xDA  # start of scan


def codestream_size(frame: bytes) -> tuple[int, int] | None:
    """``(width, height)`` of a JPEG, JPEG-LS or JPEG 2000 codestream; None if there is no header that tells."""
    start = frame.find(_J2K_START)
    try:
        if start >= 0:
            right, bottom, left, top = struct.unpack_from('>4I', frame, start + 8)
            return right - left, bottom - top
        return _jpeg_size(frame) if frame.startswith(_JPEG_START) else None
    except (struct.error, IndexError):
        return None


def _jpeg_size(frame: bytes) -> tuple[int, int] | None:
    """Walk from marker to marker: 0xFF, its kind, the length of what follows."""
    place = 2
    while frame[place] == 0xFF:
        kind = frame[place + 1]
        if kind == 0xFF:  # a fill byte
            place += 1
            continue
        if kind in _SIZES:
            height, width = struct.unpack_from('>HH', frame, place + 5)
            return width, height
        if kind == _END_OF_HEADERS:
            return None
        place += 2 + struct.unpack_from('>H', frame, place + 2)[0]
    return None
