"""Names that strangers chose, in tables and on terminals."""

import csv
import io

import pytest

from spondylo_mm.escaping import csv_of_dicts, csv_text, printable


@pytest.mark.parametrize(
    'name, shown',
    [
        ('a\nerror: b', r'a\nerror: b'),
        ('\x1b[2Ja', r'\x1b[2Ja'),
        ('a\u202egnp.exe', r'a\u202egnp.exe'),  # displayed from right to left
        ('a\udcff', r'a\udcff'),  # a byte that is no UTF-8
        ('Röntgen 1 – seitlich.png', 'Röntgen 1 – seitlich.png'),
    ],
)
def test_what_a_terminal_would_obey_is_spelled_out(name, shown):
    assert printable(name) == shown


@pytest.mark.parametrize('start', ['=', '+', '-', '@', '＝', '  =', '\t='])
def test_no_cell_begins_as_a_formula(start):
    ((cell,),) = csv.reader(io.StringIO(csv_text([[f'{start}cmd|calc!A0']])))
    assert cell.startswith(("'", '\\'))


def test_a_cell_stays_whole_where_others_than_commas_separate():
    """With ``;`` for a separator the second half would be a cell of its own, and a formula."""
    assert csv_text([['a;=1+1', 'b|c', 'd"e', 'f,g']]) == '"a;=1+1","b|c","d""e","f,g"\n'


def test_numbers_are_numbers():
    assert csv_text([[-3.25, 0, None, True, 'x']]) == '-3.25,0,,True,x\n'


def test_rows_by_name_have_a_cell_for_every_column_and_none_besides():
    assert ''.join(csv_of_dicts(['a', 'b'], [dict(b=1), dict(a='=2')])) == "a,b\n,1\n'=2,\n"
    with pytest.raises(ValueError, match='c'):
        list(csv_of_dicts(['a'], [dict(c=1)]))
