"""``truth.json`` of phantoms, changed by hand or by who gives them away."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable

from .case import Bench, Case

AREA = 'truth of phantoms'


def copied(bench: Bench) -> list:
    shutil.copytree(bench.phantoms, bench.raw)
    return ['prepare_data.py', bench.raw, '--out', bench.out, '--format', 'phantom-truth']


def changed(name: str, change: Callable[[dict, str], None], says: str) -> Case:
    """The phantoms with a change of the entries, of which one is named."""

    def make(bench: Bench) -> list:
        command = copied(bench)
        path = bench.raw / 'truth.json'
        content = json.loads(path.read_text())
        change(content['images'], next(iter(content['images'])))
        path.write_text(json.dumps(content))
        return command

    return Case(AREA, name, make, says)


def renamed(name: str) -> Callable[[dict, str], None]:
    return lambda images, first: images.update({name: images.pop(first)})


def corner(value: list) -> Callable[[dict, str], None]:
    return lambda images, first: images[first]['vertebrae'][0]['corners'].update(TL=value)


def truncated(bench: Bench) -> list:
    command = copied(bench)
    path = bench.raw / 'truth.json'
    path.write_text(path.read_text()[:-9])
    return command


def link(bench: Bench) -> list:
    command = copied(bench)
    (bench.raw / 'truth.json').rename(bench.folder / 'truth.json')
    (bench.raw / 'truth.json').symlink_to(bench.folder / 'truth.json')
    return command


CASES = [
    Case(AREA, 'truncated', truncated, 'truth.json: not the truth of phantoms: draw the phantoms again'),
    Case(AREA, 'a link out of the root', link, 'truth.json: a link out of raw'),
    changed('a path out of the root', renamed('../secret/patient.jpg'),
            "truth.json: '../secret/patient.jpg': not a path below the folder"),
    changed('an absolute path', renamed('/etc/hostname'), "truth.json: '/etc/hostname': not a path below the folder"),
    changed('null for an entry', lambda images, first: images.update(x=None), "truth.json: 'x': of no split"),
    changed('an unknown split', lambda images, first: images[first].update(split='all'), 'of no split (train, val'),
    changed('no vertebra', lambda images, first: images[first].update(vertebrae=[]), 'without vertebrae'),
    changed('three corners', lambda images, first: images[first]['vertebrae'][0]['corners'].pop('BR'),
            'vertebra 0 without its level or TL, TR, BL, BR'),
    changed('NaN', corner([float('nan'), 1]), 'corner TL [nan, 1] is not finite'),
    changed('huge numbers', corner([1e308, 1]), 'corner (1e+308, 1) is outside the 256x256 image'),
]  # fmt: skip
