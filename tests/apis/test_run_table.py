"""Runs side by side in a table."""

import csv
import io
import math

import pytest

from spondylo_mm.apis.run_table import csv_runs, format_duration, format_runs, markdown_runs, notes, ranked
from spondylo_mm.apis.runs import read_run

RECORD = dict(
    parameters=31_778_408,
    seconds=401.2,
    seed=3,
    epochs=3,
    max_epochs=3,
    data=dict(sha256='0123456789abcdef' * 4),
)


@pytest.fixture
def runs(make_run):
    """In no order: unvalidated, worse, best, without a record."""
    return [
        read_run(make_run('new', [{1: None}], RECORD | dict(epochs=1))),
        read_run(make_run('worse', [{1: 9.0, 2: 8.0, 3: 8.5}], RECORD)),
        read_run(make_run('best', [{1: 9.0, 2: 7.0, 3: 5.0}], RECORD | dict(seed=0))),
        read_run(make_run('old', [{1: math.nan, 2: 20.0}])),
    ]


def test_runs_are_sorted_by_strict_error_and_those_without_one_come_last(runs):
    assert [run.name for run in ranked(runs)] == ['best', 'worse', 'old', 'new']


def test_a_row_holds_what_the_best_epoch_reached(runs):
    header, _, worse, *_ = [line.split('  ') for line in format_runs(runs).splitlines()]
    cells = [cell.strip() for cell in worse if cell.strip()]
    # MRE, matched: half of it; SDR: 1/8 and 4/8
    assert cells == ['worse', '8.00', '4.00', '12.5', '50.0', '31.78 M', '6 min 41 s', '2/3', '3', '01234567']
    titles = [title.strip() for title in header if title.strip()]
    assert titles[:5] == ['run', 'MRE px@512', 'matched MRE', 'SDR@6px %', 'SDR@24px %'] and len(titles) == len(cells)


def test_columns_line_up(runs):
    lines = format_runs(runs).splitlines()[:5]
    ends = [[i for i in range(len(line)) if line[i] != ' ' and line[i + 1 : i + 3] in ('  ', '')] for line in lines]
    assert all(end[1:] == ends[0][1:] for end in ends)


def test_what_is_unknown_is_a_dash_and_an_unfinished_run_says_so(runs):
    lines = {line.split()[0]: line.split() for line in format_runs(runs).splitlines()}
    assert lines['old'] == ['old', '20.00', '10.00', '5.0', '20.0', '–', '–', '2/2', '–', '–']
    assert lines['new'][1:5] == ['–'] * 4 and ' '.join(lines['new'][-5:-2]) == '–/1 of 3'
    assert notes(runs) == ['stopped early or still under way: new']


def test_runs_on_other_data_are_not_comparable(make_run):
    a = read_run(make_run('a', [{1: 9.0}], dict(data=dict(sha256='a' * 64))))
    b = read_run(make_run('b', [{1: 9.0}], dict(data=dict(sha256='b' * 64))))
    old = read_run(make_run('c', [{1: 9.0}]))
    assert not notes([a, a, old])
    (note,) = notes([a, b, old])
    assert '2 different sets of annotations' in note and note in format_runs([a, b]) and note in markdown_runs([a, b])


def test_markdown_has_the_cells_of_the_text(runs):
    text, markdown = format_runs(runs), markdown_runs(runs)
    rows = [row.strip('| ').split(' | ') for row in markdown.split('\n\n')[0].splitlines()]
    assert rows[1] == ['---'] + ['---:'] * 9 and {len(row) for row in rows} == {10}
    for row, line in zip(rows[:1] + rows[2:], text.splitlines(), strict=False):
        assert ' '.join(row).split() == line.split()


def test_a_bar_in_a_name_makes_no_column_in_markdown(make_run):
    row = markdown_runs([read_run(make_run('a|b', [{1: 9.0}]))]).splitlines()[2]
    assert row.startswith(r'| a\|b | 9.00 |')


def test_csv_rounds_nothing_and_leaves_the_unknown_empty(runs):
    rows = {row['run']: row for row in csv.DictReader(io.StringIO(csv_runs(runs)))}
    assert list(rows) == ['best', 'worse', 'old', 'new']
    worse = rows['worse']
    assert float(worse['SDR@6px']) == 1 / 8 and worse['seconds'] == '401.2' and worse['parameters'] == '31778408'
    assert (worse['best_epoch'], worse['epochs'], worse['max_epochs'], worse['seed']) == ('2', '3', '3', '3')
    assert worse['data_sha256'] == RECORD['data']['sha256']
    assert rows['old']['parameters'] == rows['new']['MRE'] == ''


@pytest.mark.parametrize(
    'seconds, text',
    [(None, '–'), (0.4, '0 s'), (59.6, '1 min 00 s'), (401.2, '6 min 41 s'), (90061, '25 h 01 min')],
)
def test_durations_are_read_at_a_glance(seconds, text):
    assert format_duration(seconds) == text
