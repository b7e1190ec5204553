"""COCO annotation files, as another program or a text editor left them."""

from __future__ import annotations

import json
from collections.abc import Callable

from .case import Bench, Case

AREA = 'annotation files'


def changed(name: str, change: Callable[[dict], None], says: str) -> Case:
    """The phantoms' val.json with a change, evaluated."""

    def make(bench: Bench) -> list:
        content = json.loads((bench.phantoms / 'annotations' / 'val.json').read_text())
        change(content)
        return written(bench, json.dumps(content))

    return Case(AREA, name, make, says)


def written(bench: Bench, text: str) -> list:
    folder = bench.folder / 'data' / 'annotations'
    folder.mkdir(parents=True)
    (folder / 'val.json').write_text(text)
    return bench.predict('--data-root', bench.folder / 'data', '--split', 'val')


def first(content: dict) -> dict:
    return content['annotations'][0]


CASES = [
    Case(AREA, 'truncated', lambda bench: written(bench, '{"images": ['), 'val.json: not a COCO keypoint file'),
    Case(AREA, 'a list', lambda bench: written(bench, '[]'), 'val.json: not a COCO keypoint file'),
    changed('keypoints cut short', lambda c: first(c)['keypoints'].pop(), 'has 119 numbers in keypoints, not 120'),
    changed('text among keypoints', lambda c: first(c)['keypoints'].__setitem__(0, '1'), 'not finite numbers'),
    changed('NaN among keypoints', lambda c: first(c)['keypoints'].__setitem__(0, float('nan')), 'not finite numbers'),
    changed('presence of 9 slots', lambda c: first(c)['presence'].pop(), 'has 9 numbers in presence, not 10'),
    changed('two spines of one image', lambda c: c['annotations'].append(first(c)), 'more than one annotation'),
    changed('17 keypoints of a person', lambda c: c['categories'][0].update(keypoints=['nose'] * 17),
            'has 17 keypoints'),
    changed('no image', lambda c: c.update(images=[]), 'holds no images'),
    changed('a path out of the root', lambda c: c['images'][0].update(file_name='../../secret.png'),
            'not a path below the data root'),
    changed('an absolute path', lambda c: c['images'][0].update(file_name='/etc/hostname'), 'not a path below'),
]  # fmt: skip
