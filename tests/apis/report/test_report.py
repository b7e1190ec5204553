"""Which image comes first in the report, and that nothing in it can become markup."""

import base64
import json
import re

import cv2
import numpy as np
import pytest

from spondylo_mm.anatomy import LEVELS, NUM_CORNERS, NUM_KEYPOINTS
from spondylo_mm.apis.report import least_certain_grade, worst_first, write_report
from spondylo_mm.errors import InputError
from spondylo_mm.visualization.report.picture import encode_picture, picture_size


def test_the_most_doubtful_grade_comes_first_among_those_to_review(make_record):
    records = {
        'sure': make_record(slip=15, sd=0.1),
        'doubtful': make_record(slip=27, sd=1.5),
        'at the border': make_record(slip=25.2, sd=1.5),
        'nothing': make_record(count=0),
    }
    assert not records['sure']['review'] and records['doubtful']['review']
    assert worst_first(records) == ['nothing', 'at the border', 'doubtful', 'sure']


def test_the_certainty_of_an_image_is_that_of_its_most_doubtful_grade(make_record):
    record = make_record(slip=25, sd=1.0)
    certainty, pair = least_certain_grade(record)
    assert pair == 'L4/L5' and certainty == pytest.approx(0.5, abs=0.01)
    assert least_certain_grade(make_record(count=1)) == (0.0, None)
    assert least_certain_grade(make_record(spread=None)) == (None, None)


def test_a_slip_that_could_not_be_measured_is_the_most_doubtful(make_record):
    without_l4 = np.arange(NUM_KEYPOINTS) // NUM_CORNERS != LEVELS.index('L4')
    records = {'border': make_record(slip=25.2, sd=1.5), 'no L4': make_record(sd=0.1, taught=without_l4)}
    assert [f'{slip["upper"]}/{slip["lower"]}' for slip in records['no L4']['slips']] == ['L5/S1', 'L2/L3', 'L1/L2']
    assert least_certain_grade(records['no L4']) == (0.0, 'L4/L5')  # and L3/L4, further up
    assert worst_first(records) == ['no L4', 'border']
    assert least_certain_grade(make_record(spread=None, taught=without_l4)) == (0.0, 'L4/L5')


def test_the_page_loads_nothing_and_embeds_its_pictures(make_record, report_of):
    page = report_of({'a.png': make_record(), 'b.png': make_record(count=0)}).read_text()
    assert not re.search(r'(src|href)\s*=\s*["\']?(https?:)?//', page) and '@import' not in page
    assert "default-src 'none'" in page
    assert len(re.findall(r'<script type="text/plain" id="picture-\d">[A-Za-z0-9+/=]+</script>', page)) == 2


@pytest.mark.parametrize(
    'name', ['<img src=x onerror=alert(1)>.png', '</script><script>alert(1)</script>', '<!--<script>']
)
def test_no_name_is_markup(make_record, report_of, name):
    record = make_record() | dict(review=[name], ids=dict(PatientID=name))
    page = report_of({name: record}).read_text()
    assert name not in page and page.count('<script') == report_of({'a': make_record()}).read_text().count('<script')
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)[1])
    assert data['images'][0]['name'] == data['images'][0]['review'][0] == name


def test_a_picture_has_the_true_proportions_of_the_film():
    assert picture_size(2000, 1000, None) == (640, 320)
    assert picture_size(1000, 1000, 0.5) == (320, 640)
    assert picture_size(100, 300, None) == (100, 300)  # not enlarged
    assert picture_size(9000, 2, None) == (640, 1)
    film = np.tile(np.linspace(0, 255, 1000).astype(np.uint8), (900, 1))
    for size in ((320, 640), (1500, 300)):
        picture = cv2.imdecode(np.frombuffer(encode_picture(film, size), np.uint8), cv2.IMREAD_UNCHANGED)
        assert picture.shape == size[::-1]
        np.testing.assert_allclose(picture[size[1] // 2], np.linspace(0, 255, size[0]), atol=6)


def test_a_film_that_has_gone_is_black_where_that_is_told_and_else_ends_the_report(make_record, tmp_path):
    path, films = tmp_path / 'report.html', {'a.png': tmp_path / 'a.png'}
    with pytest.raises(InputError, match=r'a\.png: no such image file'):
        write_report(path, {'a.png': make_record()}, films, {})
    assert not path.exists()
    errors = []
    write_report(path, {'a.png': make_record()}, films, {}, on_error=errors.append)
    jpeg = base64.b64decode(re.search(r'id="picture-0">([^<]+)<', path.read_text())[1])
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    record = make_record()
    assert picture.shape[::-1] == picture_size(record['width'], record['height'], None) and not picture.any()
    assert len(errors) == 1
