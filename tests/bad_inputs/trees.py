"""Trees of files: where they lead, what they are called."""

from __future__ import annotations

import os
from collections.abc import Callable

from .case import BAD, OTHERS_DONE, SURVIVED, Bench, Case, noise

AREA = 'trees and names'


def link(kind: str, target: Callable[[Bench], object], says: str, name: str) -> Case:
    """The image, the label or the folder of labels is a link."""

    def make(bench: Bench) -> list:
        command = bench.dataset()
        secret = bench.folder / 'secret'
        secret.mkdir()
        (secret / f'{BAD}.json').write_bytes(bench.label().read_bytes())
        noise(9).save(secret / f'{BAD}.png')
        path = bench.image() if kind == 'image' else bench.label()
        path.unlink()
        path.symlink_to(target(bench))
        return command

    return Case(AREA, name, make, says, rest=OTHERS_DONE)


def folder_out_of_the_root(bench: Bench) -> list:
    command = bench.dataset()
    bench.image().unlink()
    bench.label().unlink()
    outside = bench.folder / 'secret'
    outside.mkdir()
    for name in ('a.png', 'b.png'):  # one line for the folder, not one a file
        noise(8).save(outside / name)
    (bench.raw / 'Test').symlink_to(outside)
    return command


def loop(bench: Bench) -> list:
    command = bench.dataset()
    (bench.raw / 'images' / 'again').symlink_to(bench.raw)
    return command


def named(name: str, stem: str | bytes, says: str = '', expected: str = SURVIVED, files: int = 1) -> Case:
    """A good radiograph and its label under another name, prepared."""

    def make(bench: Bench) -> list:
        command = bench.dataset()
        for path in (bench.image(), bench.label()):
            old = os.fsencode(path)
            stem_bytes = stem if isinstance(stem, bytes) else stem.encode()
            os.rename(old, os.path.join(os.path.dirname(old), stem_bytes + os.fsencode(path.suffix)))
        return command

    return Case(AREA, name, make, says, expected, OTHERS_DONE, files=files)


def unreadable_and_named(stem: str) -> Callable[[Bench], list]:
    def make(bench: Bench) -> list:
        command = named('', stem).make(bench)
        (bench.label().parent / f'{stem}.json').write_text('')
        return command

    return make


def film(name: str, file_name: str | bytes, expected: str = SURVIVED) -> Case:
    """A good film under another name, predicted."""

    def make(bench: Bench) -> list:
        noise(2).save(bench.films_beside(file_name))
        return bench.predict()

    return Case(AREA, f'{name}, predicted', make, '', expected, OTHERS_DONE)


def same_long_name(bench: Bench) -> list:
    """In two folders, so that the names of the overlays have to tell them apart."""
    bench.films_beside()
    for number, folder in enumerate(('first', 'second')):
        (bench.films / folder).mkdir()
        noise(number + 2).save(bench.films / folder / ('a' * 250 + '.png'))
    return bench.predict()


def twice(bench: Bench) -> list:
    bench.films_beside()
    return bench.predict('--images', bench.films / 'good.png', f'{bench.films}/../films/good.png', bench.films)


FORMULA = "=cmd|' /C calc'!A0"
CASES = [
    link('image', lambda bench: bench.folder / 'secret' / f'{BAD}.png', 'a link out of raw',
         'image: a link out of the root'),
    link('label', lambda bench: bench.folder / 'secret' / f'{BAD}.json', 'a link out of raw',
         'label: a link out of the root'),
    link('label', lambda bench: bench.label(), 'a link that leads nowhere', 'label: a link to itself'),
    link('image', lambda bench: 'gone.png', 'no such image file', 'image: a link to nothing'),
    Case(AREA, 'folder: a link out of the root', folder_out_of_the_root, 'a link out of raw', rest=OTHERS_DONE),
    Case(AREA, 'folder: a link to the root', loop, expected=SURVIVED, rest=OTHERS_DONE),
    named('spaces', ' a  radiograph '),
    named('quotes', 'a "quoted" \'name\''),
    named('a line break', 'a\nerror: b'),
    named('an escape sequence', 'a\x1b[2Jb'),
    Case(AREA, 'an escape sequence, and unreadable', unreadable_and_named('a\x1b[2Jb'), r'labels/val/a\x1b[2Jb.json',
         rest=OTHERS_DONE),
    named('a formula', '=1+1'),
    named('no text at all', b'a\xff\xfe', 'its name is not UTF-8', 'refused', files=2),
    named('255 bytes', 'a' * 250),
    film('spaces and quotes', ' a "b" \'c\'.png'),
    film('a line break and an escape sequence', 'a\nb\x1b[31m.png'),
    film('a formula', FORMULA.replace('/', '') + '.png'),
    film('no text at all', b'a\xff\xfe.png'),
    film('255 bytes', 'a' * 251 + '.png'),
    film('255 bytes in two-byte letters', 'ä' * 125 + '.png'),
    Case(AREA, 'one film by three paths, predicted', twice, 'predictions of 1 images', SURVIVED, OTHERS_DONE, files=0),
    Case(AREA, '255 bytes twice, predicted', same_long_name, '', SURVIVED, OTHERS_DONE, files=2),
]  # fmt: skip
