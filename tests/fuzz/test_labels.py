"""Whatever a label file holds, it is read or refused in one line."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spondylo_mm.datasets.formats.label import read_label

from ..bad_inputs.case import COLUMN
from ..bad_inputs.labels import GOOD_JSON, buu_rows, yolo_line
from .readers import SIZE, read_anything
from .settings import quickly

numbers = st.one_of(
    st.integers(-10, 250), st.floats(allow_nan=True, allow_infinity=True), st.integers(), st.just(10**400)
)
plain = st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=5))
anything = st.recursive(plain, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner))


@st.composite
def json_labels(draw: st.DrawFn) -> str:
    """A good label of which some places, from single numbers to the whole list, hold anything."""
    label = json.loads(GOOD_JSON)
    for _ in range(draw(st.integers(0, 4))):
        node, key = label, 'keypoints'
        for _ in range(draw(st.integers(0, 3))):
            if not isinstance(node[key], list) or not node[key]:
                break
            node, key = node[key], draw(st.integers(0, len(node[key]) - 1))
        node[key] = draw(st.one_of(numbers, anything))
    if draw(st.booleans()):
        label['boxes'] = draw(st.lists(st.lists(numbers, min_size=3, max_size=5), max_size=6))
    return json.dumps(label)


@st.composite
def tables(draw: st.DrawFn, rows: list[list], separator: str) -> str:
    """Good rows of which some have other values, or are gone, or are there twice."""
    rows = [list(row) for row in rows]
    for _ in range(draw(st.integers(0, 4))):
        row = draw(st.integers(0, len(rows) - 1))
        value = draw(st.integers(0, len(rows[row]) - 1)) if rows[row] else 0
        change = draw(st.sampled_from(['number', 'word', 'longer', 'shorter', 'twice', 'gone']))
        if change == 'number':
            rows[row][value : value + 1] = [draw(numbers)]
        elif change == 'word':
            rows[row][value : value + 1] = [draw(st.text(max_size=3))]
        elif change == 'longer':
            rows[row].append(0)
        elif change == 'shorter':
            del rows[row][-1:]
        elif change == 'twice':
            rows.append(rows[row])
        elif len(rows) > 1:
            del rows[row]
    return '\n'.join(separator.join(map(str, row)) for row in rows)


YOLO_ROWS = [yolo_line(points).split() for points in COLUMN]


@pytest.mark.parametrize(
    'suffix, text',
    [('.json', json_labels()), ('.txt', tables(YOLO_ROWS, ' ')), ('.csv', tables(buu_rows(), ','))],
    ids=['JSON', 'YOLO', 'BUU'],
)
def test_a_good_label_with_changes(suffix, text, tmp_path, record_property):
    examples = []

    @quickly
    @given(text)
    def read(content: str) -> None:
        examples.append(read_anything(tmp_path / f'label{suffix}', content.encode(errors='surrogatepass')))

    read()
    record_property('area', f'fuzzing: {suffix} labels')
    record_property('survived', sum(examples))
    record_property('refused', len(examples) - sum(examples))
    assert sum(examples) > len(examples) / 10  # else readers that refuse everything would do


@pytest.mark.parametrize('suffix', ['.json', '.txt', '.csv'])
def test_bytes_that_mean_nothing_are_no_label(suffix, tmp_path, record_property):
    examples = []

    @quickly
    @given(st.binary(max_size=300))
    def read(content: bytes) -> None:
        examples.append(read_anything(tmp_path / f'label{suffix}', content))

    read()
    record_property('area', f'fuzzing: {suffix} labels')
    record_property('survived', sum(examples))
    record_property('refused', len(examples) - sum(examples))
    assert examples and not any(examples)


@pytest.mark.parametrize('suffix', ['.json', '.txt'])
def test_a_coordinate_too_small_for_single_precision_is_read(suffix, tmp_path):
    """Found by fuzzing, 2000 examples of each format."""
    tiny, column = 6.5e-51, json.loads(json.dumps(COLUMN))
    column[0][0][0] = tiny
    rows = [list(row) for row in YOLO_ROWS]
    rows[0][5] = tiny
    text = json.dumps(dict(keypoints=column)) if suffix == '.json' else '\n'.join(' '.join(map(str, r)) for r in rows)
    assert read_anything(tmp_path / f'label{suffix}', text.encode())
    corners = read_label(tmp_path / f'label{suffix}', 'label', SIZE).corners
    assert 0 <= corners.min() < 1e-40


def test_vertebrae_that_are_there_are_all_found(tmp_path):
    """A column of any number of bodies, anywhere in the image, listed in any order."""

    @quickly
    @given(st.integers(1, 10), st.floats(0, 60), st.floats(14, 40), st.randoms(use_true_random=False))
    def read(count: int, left: float, width: float, order: object) -> None:
        body = np.array([[0, 0], [width, 0], [0, 12], [width, 12]]) + [left, 2]
        vertebrae = [(body + [0, 19 * level]).tolist() for level in range(count)]
        entries = [[[*point, 1] for point in order.sample(points, 4)] for points in order.sample(vertebrae, count)]
        path = tmp_path / 'label.json'
        path.write_text(json.dumps(dict(keypoints=entries)))
        label = read_label(path, 'label.json', SIZE)
        np.testing.assert_allclose(label.corners, np.array(vertebrae)[::-1])

    read()
