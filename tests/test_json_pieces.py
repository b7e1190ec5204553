"""JSON piece by piece is the JSON that ``json`` writes in one."""

import json
from types import MappingProxyType

import pytest

from spondylo_mm.json_pieces import json_pieces

CONTENT = dict(
    schema=1,
    empty={},
    nothing=[],
    names={'a "b"\n\ud83d.png': [dict(x=1.5, y=None), []], 'é': dict(deep=dict(deeper=(1, 2))), 7: True},
)


@pytest.mark.parametrize('settings', [dict(), dict(indent=1), dict(indent=4), dict(separators=(',', ':'))])
def test_the_bytes_are_those_of_json(settings):
    assert ''.join(json_pieces(CONTENT, **settings)) == json.dumps(CONTENT, **settings)


@pytest.mark.parametrize('settings', [dict(), dict(indent=1)])
def test_other_mappings_are_objects_and_iterators_lists(settings):
    pieces = json_pieces(dict(a=MappingProxyType(CONTENT), b=iter([CONTENT, 2]), c=iter(())), **settings)
    assert ''.join(pieces) == json.dumps(dict(a=CONTENT, b=[CONTENT, 2], c=[]), **settings)


def test_what_an_iterator_gives_is_taken_when_its_place_has_come():
    taken = []
    pieces = json_pieces(dict(before=0, images=(taken.append(number) or number for number in range(1000))))
    written = ''
    while len(taken) < 3:
        written += next(pieces)
    assert written.startswith('{"before": 0, "images": [0, 1')


@pytest.mark.parametrize('wrap', [lambda value: value, lambda value: dict(a=value), lambda value: iter([value])])
def test_a_number_that_json_does_not_have_is_an_error(wrap):
    with pytest.raises(ValueError):
        list(json_pieces(wrap([float('nan')])))
