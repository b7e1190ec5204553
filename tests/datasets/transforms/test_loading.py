"""From a path to grey levels."""

import cv2
import numpy as np
import pytest

from spondylo_mm.datasets.transforms.loading import LoadRadiograph
from spondylo_mm.errors import InputError


def test_a_grey_image_keeps_its_levels_and_tells_its_size(tmp_path):
    image = np.arange(40 * 30, dtype=np.uint32).reshape(40, 30).astype(np.uint8)
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    results = LoadRadiograph()(dict(img_path=str(tmp_path / 'a.png')))
    np.testing.assert_array_equal(results['img'], image)
    assert results['ori_shape'] == results['img_shape'] == (40, 30)


def test_a_text_file_is_refused_by_name(tmp_path):
    (tmp_path / 'a.jpg').write_text('not a film')
    with pytest.raises(InputError, match='a.jpg'):
        LoadRadiograph()(dict(img_path=str(tmp_path / 'a.jpg')))
