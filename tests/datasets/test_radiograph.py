import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from spondylo_mm.datasets.grey_levels import MAX_PIXELS, MAX_SIDE
from spondylo_mm.datasets.pixel_geometry import NO_GEOMETRY
from spondylo_mm.datasets.radiograph import radiograph_geometry, read_radiograph
from spondylo_mm.errors import InputError


@pytest.fixture
def grey():
    """A smooth 40 x 30 picture, as a radiograph is."""
    y, x = np.mgrid[:40, :30]
    return (3 * x + 4 * y).astype(np.uint8)


def saved(path, image, **options):
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
    return path


@pytest.mark.parametrize('suffix', ['png', 'tif', 'bmp'])
def test_8_bit_grey_is_returned_as_it_is(tmp_path, grey, suffix):
    pixels = read_radiograph(saved(tmp_path / f'a.{suffix}', grey))
    assert pixels.dtype == np.uint8 and pixels.flags.c_contiguous and pixels.flags.writeable
    np.testing.assert_array_equal(pixels, grey)


def test_a_jpeg_is_the_grey_it_was_saved_from(tmp_path, grey):
    pixels = read_radiograph(saved(tmp_path / 'a.jpg', grey, quality=95))
    np.testing.assert_allclose(pixels, grey, atol=4)


@pytest.mark.parametrize('mode', ['RGB', 'RGBA', 'CMYK', 'P', 'LA', '1'])
def test_grey_saved_with_more_channels_stays_that_grey(tmp_path, grey, mode):
    grey = grey // 128 * 255 if mode == '1' else grey
    image = Image.fromarray(grey)
    image = image.convert('RGB').convert(mode) if mode == 'CMYK' else image.convert(mode)
    suffix = 'tif' if mode == 'CMYK' else 'png'
    np.testing.assert_allclose(read_radiograph(saved(tmp_path / f'a.{suffix}', image)), grey, atol=1)


def test_colour_becomes_luminance(tmp_path):
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    grey = read_radiograph(saved(tmp_path / 'a.png', np.tile(colours, (16, 6, 1))))
    np.testing.assert_allclose(grey, np.tile([[76, 150, 29]], (16, 6)), atol=1)  # ITU-R 601


@pytest.mark.parametrize('suffix', ['png', 'tif'])
@pytest.mark.parametrize('offset, scale', [(0, 16), (1000, 3), (0, 257)])
def test_12_bit_data_in_a_16_bit_file_fills_the_range(tmp_path, grey, suffix, offset, scale):
    """Whatever its offset and depth, the same picture gives the same grey values."""
    deep = (grey.astype(np.uint16) * scale + offset).astype(np.uint16)
    pixels = read_radiograph(saved(tmp_path / f'a.{suffix}', deep))
    low, high = np.percentile(grey, [0.5, 99.5])
    np.testing.assert_allclose(pixels, np.clip((grey - low) / (high - low) * 255, 0, 255), atol=1)


def test_a_burnt_in_marker_does_not_darken_a_16_bit_radiograph(tmp_path):
    deep = np.tile(np.linspace(1000, 2000, 200).astype(np.uint16), (200, 1))
    marked = deep.copy()
    marked[:10, :10] = 65535  # 0.25 % of the pixels
    plain, with_marker = (
        read_radiograph(saved(tmp_path / f'{i}.png', pixels)) for i, pixels in enumerate((deep, marked))
    )
    assert np.abs(plain[20:].astype(int) - with_marker[20:]).max() <= 2


def test_a_float_image_is_windowed_and_nan_is_black(tmp_path):
    values = np.linspace(-1, 1, 400, dtype=np.float32).reshape(20, 20)
    values[0, 0] = np.nan
    pixels = read_radiograph(saved(tmp_path / 'a.tif', values))
    assert pixels.min() == 0 and pixels.max() == 255 and pixels.dtype == np.uint8


def test_a_constant_16_bit_image_is_black(tmp_path):
    assert (read_radiograph(saved(tmp_path / 'a.png', np.full((20, 20), 700, np.uint16))) == 0).all()


def test_a_nearly_constant_16_bit_image_keeps_its_contrast(tmp_path):
    deep = np.zeros((100, 100), np.uint16)
    deep[50, 50] = 4095
    assert read_radiograph(saved(tmp_path / 'a.png', deep))[50, 50] == 255


def test_a_16_bit_tiff_whose_white_is_zero_is_inverted(tmp_path, grey):
    deep = grey.astype(np.uint16) * 16
    plain = read_radiograph(saved(tmp_path / 'a.tif', deep))
    np.testing.assert_array_equal(read_radiograph(saved(tmp_path / 'b.tif', deep, tiffinfo={262: 0})), 255 - plain)


@pytest.mark.parametrize('depth', [np.uint8, np.uint16])
@pytest.mark.parametrize(
    'orientation, upright',
    [(1, lambda a: a), (3, lambda a: a[::-1, ::-1]), (6, lambda a: np.rot90(a, -1)), (8, lambda a: np.rot90(a))],
)
def test_exif_orientation_is_honoured(tmp_path, grey, depth, orientation, upright):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / 'a.png', grey.astype(depth), exif=exif)
    expected = upright(read_radiograph(saved(tmp_path / 'b.png', grey.astype(depth))))
    np.testing.assert_array_equal(read_radiograph(path), expected)


@pytest.mark.parametrize('suffix', ['jpg', 'png', 'tif'])
def test_a_truncated_image_is_refused_not_half_decoded(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    path = saved(tmp_path / f'a.{suffix}', noise)
    for share in (0.3, 0.6, 0.9):
        path.write_bytes(saved(path, noise).read_bytes()[: int(share * path.stat().st_size)])
        with pytest.raises(InputError, match=r'a\.\w+: .*(truncated|not an image).*: ') as error:
            read_radiograph(path)
        assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    'content, why',
    [
        (b'', 'the file is empty'),
        (b'this is a text file with another name\n' * 9, 'not an image'),
        (b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n', 'not an image'),
    ],
)
def test_what_is_no_image_is_named_with_a_remedy(tmp_path, content, why):
    path = tmp_path / 'a.jpg'
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_radiograph(path)
    assert str(error.value).startswith(f'{path}: {why}')


@pytest.mark.parametrize('name', ['missing.png', '.'])
def test_a_missing_image_is_named(tmp_path, name):
    with pytest.raises(InputError, match='no such image file'):
        read_radiograph(tmp_path / name)


def test_an_unreadable_image_is_named(tmp_path, grey, monkeypatch):
    path = saved(tmp_path / 'a.png', grey)

    def refuse(*_, **__):
        raise PermissionError(13, 'Permission denied')

    monkeypatch.setattr(Image, 'open', refuse)  # as root, no file mode refuses anything
    with pytest.raises(InputError, match='Permission denied: make the file readable'):
        read_radiograph(path)


@pytest.mark.parametrize(
    'size, why',
    [
        ((8001, 8000), 'more than a radiograph has'),  # MAX_PIXELS is 8000 x 8000
        ((16_000, 16_000), 'more pixels than a radiograph has'),  # which Pillow itself refuses
        ((MAX_SIDE + 1, 16), 'no radiograph has a side of more than'),
        ((16, MAX_SIDE + 1), 'no radiograph has a side of more than'),
    ],
)
def test_an_image_too_large_to_be_a_radiograph_is_refused_before_it_is_decoded(tmp_path, size, why):
    """A header alone, with no pixels behind it: only its size is looked at."""
    assert MAX_PIXELS == 8000 * 8000
    header = struct.pack('>IIBBBBB', *size, 8, 0, 0, 0, 0)
    chunks = [(b'IHDR', header), (b'IDAT', b''), (b'IEND', b'')]
    path = tmp_path / 'bomb.png'
    path.write_bytes(
        b'\x89PNG\r\n\x1a\n'
        + b''.join(
            struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
            for kind, data in chunks
        )
    )
    with pytest.raises(InputError, match=f'{why}.*: crop or scale it down$'):
        read_radiograph(path)


def test_the_longest_strip_that_a_radiograph_may_be_is_read(tmp_path):
    """Three of the largest detectors stitched are shorter."""
    assert read_radiograph(saved(tmp_path / 'a.png', np.zeros((MAX_SIDE, 16), np.uint8))).shape == (MAX_SIDE, 16)
    assert 3 * 4300 < MAX_SIDE


def test_dots_per_inch_are_not_taken_for_the_size_of_a_pixel(tmp_path, grey):
    assert radiograph_geometry(saved(tmp_path / 'a.jpg', grey, dpi=(300, 300))) == NO_GEOMETRY
