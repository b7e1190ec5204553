"""How numbers, names and doubts read in the report, in a headless Chromium."""

import numpy as np
import pytest

from spondylo_mm.anatomy import LEVELS, NUM_CORNERS, NUM_KEYPOINTS, SLOT_COLORS

FACTS = "document.getElementById('facts').innerText"
CELLS = (  # {name: cells} of the table of images
    "Object.fromEntries([...document.querySelectorAll('#images tbody tr')].map(row =>"
    ' [row.cells[0].textContent, [...row.cells].map(cell => cell.textContent)]))'
)
CERTAINTY, LARGEST_SLIP, GRADE, VERTEBRAE = 2, 3, 4, 6


@pytest.mark.parametrize(
    'slip, shown, grade',
    [
        (25, '25.0', 'I'),  # borders belong to the grade below
        (25.04, '25.04', 'II'),
        (25.06, '25.1', 'II'),
        (24.96, '24.96', 'I'),
        (4.96, '4.96', '0'),
        (-7.96, '−7.96', '0'),
        (-12.34, '−12.3', 'I'),
        (99.97, '99.97', 'IV'),
        (100.03, '100.03', 'V'),
    ],
)
def test_a_slip_is_shown_as_finely_as_its_grade_needs(browser, report_of, make_record, slip, shown, grade):
    browser.open(report_of(dict(only=make_record(slip=slip, sd=1e-3))))
    cells = browser.evaluate(CELLS)['only']
    assert (cells[LARGEST_SLIP], cells[GRADE]) == (f'{shown}\u00a0% L4/L5', grade)
    row = "[...document.querySelectorAll('#facts tr')].find(row => row.cells[0].textContent === 'L4/L5')"
    assert browser.evaluate(f'{row}.cells[1].textContent').split()[0] == shown
    labels = browser.evaluate("[...document.querySelectorAll('#film .slips text')].map(text => text.textContent)")
    assert labels == ([] if grade == '0' else [f'{shown} % grade {grade}'])


def test_ends_of_an_interval_lie_on_their_side_of_a_border(browser, report_of, make_record):
    record = make_record(slip=27)
    record['slips'][1]['interval'] = [24.97, 29.22]
    browser.open(report_of(dict(only=record)))
    assert '27.0 [24.97, 29.2]' in browser.evaluate(FACTS)


def test_percentages_are_rounded_down(browser, report_of, make_record):
    browser.open(report_of(dict(only=make_record())))
    shares = browser.evaluate('Array.from({length: 101}, (_, n) => percent(n / 100))')
    assert shares == [f'{n}\u00a0%' for n in range(101)]
    assert browser.evaluate('[0.9999, 0.2899].map(percent)') == ['99\u00a0%', '28\u00a0%']


def test_a_slip_that_could_not_be_measured_leaves_no_certainty(browser, report_of, make_record):
    taught = np.arange(NUM_KEYPOINTS) // NUM_CORNERS != LEVELS.index('L4')
    browser.open(report_of({'no L4': make_record(sd=0.1, taught=taught), 'nothing': make_record(count=0)}))
    cells = browser.evaluate(CELLS)
    assert cells['no L4'][CERTAINTY] == '0\u00a0% L4/L5' and cells['nothing'][CERTAINTY] == '–'
    assert 'L4/L5: no slip: L4 is absent' in browser.evaluate(
        f"(choose(images.find(image => image.name === 'no L4')), {FACTS})"
    )


def test_an_eleventh_vertebra_is_drawn_and_has_no_level(browser, report_of, make_record):
    above = np.array([[150, 5], [250, 5], [150, 12], [250, 12.0]])[None], np.full((1, 4), 0.75), np.ones(1)
    browser.open(report_of(dict(eleven=make_record(count=10, extra=above), ten=make_record(count=10))))
    for name, count in (('eleven', 11), ('ten', 10)):
        facts = browser.evaluate(f"(choose(images.find(image => image.name === '{name}')), {FACTS})")
        assert f'{count}, S1–T9' in facts and 'levels unknown' not in facts
        assert browser.evaluate(CELLS)[name][VERTEBRAE] == f'{count} S1–T9'
    strokes = browser.evaluate(
        "(choose(images.find(image => image.name === 'eleven')),"
        " [...document.querySelectorAll('#film .bodies polyline')].map(edge => getComputedStyle(edge).stroke))"
    )
    first, last = strokes[0], strokes[-1]  # colours begin again
    assert len(strokes) == 44 and first == last == 'rgb({}, {}, {})'.format(*SLOT_COLORS[0])
    assert 'slot 10' in browser.evaluate("document.getElementById('film').textContent")
    browser.open(report_of(dict(only=make_record(count=10, extra=above, levels_known=False))))
    assert '11, slot 0–slot 10 levels unknown' in browser.evaluate(FACTS)


def test_unknown_uncertainty_is_no_all_clear(browser, report_of, make_record):
    calm, unknown = 'Nothing here asks for a second look.', 'How uncertain these slips are is not known'
    for record, said, unsaid in (
        (make_record(slip=15, sd=0.1), calm, unknown),
        (make_record(slip=15, spread=None), unknown, calm),
    ):
        assert not record['review']
        browser.open(report_of(dict(only=record)))
        facts = browser.evaluate(FACTS)
        assert said in facts and unsaid not in facts


def test_a_name_that_turns_the_reading_around_shows_that_it_does(browser, report_of, make_record):
    name, ids = 'films/\u202egnp.1\u2066.png', {'PatientID': '\u202e21'}
    browser.open(report_of({name: make_record() | dict(ids=ids, review=[name]), 'other.png': make_record()}))
    turned = (
        "[document.body.innerText, film.getAttribute('aria-label'), document.querySelector('#images td').title]"
        ".join(' ').match(/[\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]/)"
    )
    assert browser.evaluate(turned) is None
    plain = r'films/\u202egnp.1\u2066.png'
    assert browser.evaluate("document.getElementById('name').textContent") == plain
    assert list(browser.evaluate(CELLS)) == [plain, 'other.png']
    assert r'\u202e21' in browser.evaluate(FACTS)
    for typed in ('gnp', name, plain):
        typed = typed.replace('\\', '\\\\')
        browser.evaluate(f"(() => {{ byId('name-filter').value = '{typed}'; refresh(); }})()")
        assert list(browser.evaluate(CELLS)) == [plain]
