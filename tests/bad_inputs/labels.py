"""Label files: JSON, YOLO-pose text, BUU-LSPINE's CSV."""

from __future__ import annotations

import json
import os

from spondylo_mm.datasets.formats.label import MAX_LABEL_BYTES

from .case import COLUMN, GOOD_TRAIN, GOOD_VAL, OTHERS_DONE, REPAIRED, SURVIVED, Bench, Case, noise

JSON, YOLO, BUU = 'label JSON', 'YOLO-pose text', 'BUU-LSPINE CSV'
GOOD_JSON = json.dumps(dict(keypoints=COLUMN))


def with_points(points: object) -> str:
    """A label whose last vertebra is this, after four good ones."""
    return json.dumps(dict(keypoints=[*COLUMN[:4], points]))


def in_json(name: str, text: str | bytes, says: str = '', expected: str = 'refused') -> Case:
    return Case(JSON, name, lambda bench: bench.dataset(text), says, expected, OTHERS_DONE)


def huge(bench: Bench) -> list:
    command = bench.dataset()
    os.truncate(bench.label(), 200_000_000)  # a sparse file: takes no room
    return command


def fifo(bench: Bench) -> list:
    command = bench.dataset()
    bench.label().unlink()
    os.mkfifo(bench.label())
    return command


def folder(bench: Bench) -> list:
    command = bench.dataset()
    bench.label().unlink()
    bench.label().mkdir()
    return command


_LAST = COLUMN[4]
JSON_CASES = [
    in_json('truncated', GOOD_JSON[:100], 'not valid JSON'),
    in_json('truncated before the last bracket', GOOD_JSON[:-1], 'not valid JSON'),
    in_json('empty', '', 'not valid JSON'),
    in_json('zero bytes only', b'\0' * 200, 'not valid JSON'),
    in_json('a list', '[[1, 2], [3, 4]]', 'a JSON list, not an object'),
    in_json('a number', '42', 'a JSON int, not an object'),
    in_json('"keypoints" is text', '{"keypoints": "none"}', 'no list "keypoints"'),
    in_json('"keypoints" is missing', '{"boxes": []}', 'no list "keypoints"'),
    in_json('no vertebra', '{"keypoints": []}', 'it lists none'),
    in_json('a box too many', json.dumps(dict(keypoints=COLUMN, boxes=[[0, 0, 1, 1]])), '1 boxes but 5 keypoint'),
    in_json('keys twice', GOOD_JSON[:-1] + ', "keypoints": []}', "has 'keypoints' twice"),
    in_json('nested 100,000 deep', '[' * 100_000, 'not valid JSON'),
    in_json('a number of 5,000 digits', '{"keypoints": [' + '9' * 5000 + ']}', 'not valid JSON'),
    in_json('all vertebrae of three corners', json.dumps(dict(keypoints=[p[:3] for p in COLUMN])), '3 corners, not 4'),
    in_json('2,000 vertebrae', json.dumps(dict(keypoints=COLUMN * 400)), '2000 vertebrae are more than a spine has'),
    in_json('UTF-16', GOOD_JSON.encode('utf-16'), 'not a text file'),
    in_json('Latin-1 with an umlaut', '{"keypoints": "ä"}'.encode('latin-1'), 'not a text file'),
    in_json('with a byte order mark', b'\xef\xbb\xbf' + GOOD_JSON.encode(), expected=SURVIVED),
    in_json('three corners', with_points(_LAST[:3]), '3 corners, not 4: dropped (bad_vertebra)', REPAIRED),
    in_json('five corners', with_points([*_LAST, _LAST[0]]), '5 corners, not 4: dropped (bad_vertebra)', REPAIRED),
    in_json('NaN', with_points([[float('nan'), 1, 1], *_LAST[1:]]), 'is not finite: dropped (bad_vertebra)', REPAIRED),
    in_json('Infinity', with_points([[float('inf'), 1, 1], *_LAST[1:]]), 'is not finite: dropped', REPAIRED),
    in_json('huge numbers', with_points([[1e308, 1e308, 1], *_LAST[1:]]), 'is outside the 160x200 image', REPAIRED),
    in_json('an integer beyond floats', with_points([[10**400, 1, 1], *_LAST[1:]]), 'is not finite: dropped', REPAIRED),
    in_json('negative coordinates', with_points([[-50, 1, 1], *_LAST[1:]]), 'is outside the 160x200 image', REPAIRED),
    in_json('text for numbers', with_points([['50', '116', '1'], *_LAST[1:]]), 'is not [x, y, visible]', REPAIRED),
    in_json('true for a number', with_points([[True, 116, 1], *_LAST[1:]]), 'is not [x, y, visible]', REPAIRED),
    in_json('null for a vertebra', with_points(None), 'None for corners, not 4: dropped', REPAIRED),
    in_json('a corner not labelled', with_points([[0, 0, 0], *_LAST[1:]]), 'marked as not labelled: dropped', REPAIRED),
    in_json('four times one corner', with_points([_LAST[0]] * 4), 'the corners enclose 0 square pixels', REPAIRED),
    in_json(
        'a level missing, and elsewhere three corners',
        json.dumps(dict(keypoints=[_LAST[:3], *COLUMN[:2], *COLUMN[3:]])),
        '1 level without a label between it and the next one below',
        REPAIRED,
    ),
    in_json('of another image', GOOD_JSON.replace('50,', '5000,').replace('90,', '5400,'), 'is outside the 160x200'),
    Case(JSON, '200 MB', huge, f'more than a label has ({MAX_LABEL_BYTES:,})', rest=OTHERS_DONE),
    Case(JSON, 'a named pipe', fifo, 'is no file', rest=OTHERS_DONE),
    Case(JSON, 'a folder', folder, 'no label of this name', rest=OTHERS_DONE),
]


def yolo_line(points: list, size: tuple[int, int] = (160, 200)) -> str:
    values = [f'{x / size[0]} {y / size[1]} 2' for x, y, _ in points]
    return ' '.join(['0 0.5 0.5 0.2 0.1', *values])


def in_yolo(name: str, text: str | bytes, says: str, expected: str = 'refused') -> Case:
    return Case(YOLO, name, lambda bench: bench.dataset(text, '.txt'), says, expected, OTHERS_DONE)


_LINES = [yolo_line(points) for points in COLUMN]
_FOUR = '\n'.join(_LINES[:4]) + '\n'
YOLO_CASES = [
    in_yolo('empty', '', 'it lists none'),
    in_yolo('blank lines', '\n \n', 'it lists none'),
    in_yolo('binary', bytes(range(256)) * 9, 'not a text file'),
    in_yolo('pixels instead of shares', yolo_line(COLUMN[0], (1, 1)), 'is outside the 160x200 image'),
    in_yolo('detection boxes without corners', '0 0.5 0.5 0.2 0.1\n', '5 numbers in the line, not 17'),
    in_yolo('a truncated line', _FOUR + _LINES[4][:60], 'numbers in the line, not 17', REPAIRED),
    in_yolo('words', _FOUR + _LINES[4].replace('0.5', 'half', 1), "'half' is not a number: dropped", REPAIRED),
    in_yolo('a word of 10,000 letters', _FOUR + _LINES[4].replace('0.5', 'a' * 10_000, 1), 'is not a number', REPAIRED),
    in_yolo('an underscore in a number', _FOUR + _LINES[4].replace('0.5', '0_1', 1), "'0_1' is not a number", REPAIRED),
    in_yolo('nan in the box', _FOUR + _LINES[4].replace('0.5', 'nan', 1), 'a number is not finite', REPAIRED),
    in_yolo('1e400', _FOUR + _LINES[4].replace('0.5', '1e400', 1), 'a number is not finite', REPAIRED),
    in_yolo('negative corners', _FOUR + _LINES[4].replace(' 0.3125', ' -0.3125', 1), 'is outside', REPAIRED),
]


def buu_rows() -> list[list]:
    """L1 to S1 of a good lateral radiograph."""
    tops = range(10, 160, 28)
    rows = [[50, y + inferior, 90, y + inferior, 0] for y in tops for inferior in (0, 18)]
    return rows[:11]


def buu_text(rows: list[list], separator: str = ',') -> str:
    return '\n'.join(separator.join(map(str, row)) for row in rows)


def in_buu(name: str, text: str, says: str, expected: str = 'refused') -> Case:
    def make(bench: Bench) -> list:
        for stem in (GOOD_TRAIN, GOOD_VAL, '0003-F-050Y1'):
            path = bench.raw / 'LA' / f'{stem}.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            noise(int(stem[:4])).save(path)
            path.with_suffix('.csv').write_text(buu_text(buu_rows()) if stem != '0003-F-050Y1' else text)
        return ['prepare_data.py', bench.raw, '--out', bench.out]

    return Case(BUU, name, make, says, expected, OTHERS_DONE)


def changed(row: int, *values: object) -> str:
    rows = buu_rows()
    rows[row] = list(values)
    return buu_text(rows)


BUU_CASES = [
    in_buu('empty', '', '0 rows, not 11'),
    in_buu('of an AP view', buu_text(buu_rows()[:10]), '10 rows, as an AP view has, not 11'),
    in_buu('with a header', 'x1,y1,x2,y2,label\n' + buu_text(buu_rows()), '12 rows, not 11'),
    in_buu('separated by semicolons', buu_text(buu_rows(), ';'), '1 values in row 0, not 5'),
    in_buu('from the sacrum up', buu_text(buu_rows()[::-1]), 'its superior endplate lies below its inferior one'),
    in_buu('L4 and L5 exchanged', buu_text([*buu_rows()[:6], *buu_rows()[8:10], *buu_rows()[6:8], buu_rows()[10]]),
           'lies above'),
    in_buu('words', changed(2, 'left', 38, 90, 38, 0), "row 2: 'left' is not a number", REPAIRED),
    in_buu('NaN', changed(2, 'nan', 38, 90, 38, 0), 'row 2 is not finite: dropped', REPAIRED),
    in_buu('outside the image', changed(2, 50, 38, 9e9, 38, 0), 'is outside the 160x200 image', REPAIRED),
    in_buu('an endplate of one point', changed(2, 50, 38, 50, 38, 0), 'an endplate is 0 px long', REPAIRED),
    in_buu('an unknown diagnosis', changed(2, 50, 38, 90, 38, 7), 'is not one of 0 to 4: left out', REPAIRED),
]  # fmt: skip

CASES = [*JSON_CASES, *YOLO_CASES, *BUU_CASES]
