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
    changed('presence of 7', lambda c: first(c)['presence'].__setitem__(9, 7), 'presence other than 1, 0 and -1'),
    changed('a labelled slot without presence', lambda c: first(c)['presence'].__setitem__(0, 0),
            'has keypoints in slot 0, whose presence is not 1'),
    changed('two spines of one image', lambda c: c['annotations'].append(first(c)), 'more than one annotation'),
    changed('17 keypoints of a person', lambda c: c['categories'][0].update(keypoints=['nose'] * 17),
            'has 17 keypoints'),
    changed('no image', lambda c: c.update(images=[]), 'holds no images'),
    changed('a path out of the root', lambda c: c['images'][0].update(file_name='../../secret.png'),
            'not a path below the data root'),
    changed('an absolute path', lambda c: c['images'][0].update(file_name='/etc/hostname'), 'not a path below'),
    changed('no id of an image', lambda c: c['images'][0].pop('id'), 'val.json: not a COCO keypoint file'),
    changed('a list for an id', lambda c: c['images'][0].update(id=[1]), '[1] for the id of an image, not a number'),
    *(
        changed(f'a spacing of {name}', lambda c, value=value: c['images'][0].update(spacing=value),
                f'has the spacing {value}, not x and y in mm per pixel')
        for name, value in [('0', [0, 0]), ('less than 0', [-1, 1]), ('words', ['a', 'b']), ('one number', [1]),
                            ('1e-300 mm', [1e-300, 1e-300])]
    ),
    changed('a list for "info"', lambda c: c.update(info=['by hand']), 'val.json: not a COCO keypoint file'),
    changed('null for "annotations"', lambda c: c.update(annotations=None), 'val.json: not a COCO keypoint file'),
]  # fmt: skip
