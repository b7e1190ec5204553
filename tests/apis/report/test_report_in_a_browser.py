"""The report in a headless Chromium: what a reader sees and does."""

import numpy as np
import pytest

ROWS = "[...document.querySelectorAll('#images tbody tr')].filter(row => !row.hidden)"
NAMES = f'{ROWS}.map(row => row.cells[0].textContent)'
FRAME = 'new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))'
CHOSEN = "document.getElementById('name').textContent"


def click(name: str) -> str:
    return f"[...document.querySelectorAll('#images thead button')].find(each => each.textContent === '{name}').click()"


@pytest.fixture
def records(make_record):
    return {
        'sure.png': make_record(slip=60, sd=0.2, spacing=(0.2, 0.2), spacing_source='PixelSpacing'),
        'border.png': make_record(slip=25.2, sd=1.5),
        'back.png': make_record(slip=-12, sd=1.0),
        'unknown side.png': make_record(slip=-12, side='unknown'),
        'nothing.png': make_record(count=0),
    }


def test_every_image_has_a_row_worst_first_and_nothing_goes_wrong(browser, report_of, records):
    browser.open(report_of(records))
    names = browser.evaluate(NAMES)
    assert sorted(names) == sorted(records) and names[-1] == 'sure.png'
    assert set(names[:2]) == {'nothing.png', 'unknown side.png'} and names[2] == 'border.png'
    assert browser.evaluate(CHOSEN) == names[0]
    for key in ['j'] * len(names):
        browser.press(key)
    assert browser.errors == []


def test_columns_sort_and_what_is_missing_goes_last(browser, report_of, records):
    browser.open(report_of(records))
    browser.evaluate(click('Largest slip'))
    assert browser.evaluate(NAMES)[:3] == ['back.png', 'border.png', 'sure.png']
    browser.evaluate(click('Largest slip'))
    assert browser.evaluate(NAMES)[:3] == ['sure.png', 'border.png', 'back.png']
    assert browser.evaluate("document.querySelector('[aria-sort]').getAttribute('aria-sort')") == 'descending'
    browser.evaluate(click('Image'))
    assert browser.evaluate(NAMES) == ['back.png', 'border.png', 'nothing.png', 'sure.png', 'unknown side.png']


def test_filters_narrow_the_table_and_choose_what_is_left(browser, report_of, records):
    browser.open(report_of(records))

    def set_filter(which, value):
        browser.evaluate(
            f"(() => {{ const field = document.getElementById('{which}-filter'); field.value = '{value}';"
            " field.dispatchEvent(new Event('input')); })()"
        )

    set_filter('name', 'BOR')
    assert browser.evaluate(NAMES) == [browser.evaluate(CHOSEN)] == ['border.png']
    set_filter('name', '')
    set_filter('grade', '3')
    assert browser.evaluate(NAMES) == ['sure.png']
    set_filter('grade', 'none')
    assert set(browser.evaluate(NAMES)) == {'nothing.png', 'unknown side.png'}
    set_filter('name', 'no such name')
    assert browser.evaluate("document.getElementById('nothing').hidden") is False


def test_without_a_match_no_film_is_shown(browser, report_of, records):
    browser.open(report_of(dict(only=records['border.png'])))
    shown = "document.getElementById('detail').checkVisibility()"
    letters = "document.querySelector('#film text').getAttribute('font-size')"
    before = browser.evaluate(letters)
    filter_by = "(() => {{ byId('name-filter').value = '{}'; refresh(); }})()"
    resize = 'Emulation.setDeviceMetricsOverride'

    browser.evaluate(filter_by.format('no such name'))
    assert browser.evaluate(shown) is False
    for key in ('j', '+', '-', '0', '1'):
        browser.press(key)
    for width in (1500, 1440):  # while the film has no size
        browser.call(resize, width=width, height=900, deviceScaleFactor=1, mobile=False)
        browser.evaluate(FRAME)
    browser.evaluate(filter_by.format(''))
    browser.evaluate(FRAME)
    assert browser.evaluate(shown) is True and browser.evaluate(CHOSEN) == 'only'
    assert browser.evaluate(letters) == before and browser.evaluate('view') == [0, 0, 400, 500]
    assert browser.evaluate("document.querySelector('#film g.bodies').getAttribute('visibility')") == 'visible'
    assert browser.errors == []


def test_keys_go_through_the_table_in_its_order(browser, report_of, records):
    browser.open(report_of(records))
    names = browser.evaluate(NAMES)
    keys = ('j', 'ArrowDown', 'ArrowRight', 'k', 'ArrowUp', 'ArrowLeft', 'k')
    for key, place in zip(keys, (1, 2, 3, 2, 1, 0, 0), strict=True):
        browser.press(key)
        assert browser.evaluate(CHOSEN) == names[place]
    browser.evaluate("document.getElementById('name-filter').focus()")
    browser.press('j')
    assert browser.evaluate(CHOSEN) == names[0]  # typed, not meant


def test_the_slip_is_drawn_where_it_is_measured(browser, report_of, records):
    """60 % of an endplate of 100 px that ends at x = 250; the film is shown as large as it is, 400 x 500."""
    browser.open(report_of(dict(only=records['sure.png'])))
    lines = browser.evaluate(
        "[...document.querySelectorAll('#film .slips .slip')].map(line =>"
        " ['x1', 'y1', 'x2', 'y2'].map(name => Number(line.getAttribute(name))))"
    )
    lower_superior_y = 420 - 45  # of L5
    assert [250.5, lower_superior_y + 0.5, 190.5, lower_superior_y + 0.5] in [pytest.approx(line) for line in lines]
    assert browser.evaluate("[...document.querySelectorAll('#film .slips text')].map(text => text.textContent)") == [
        '60.0 % grade III'
    ]
    facts = browser.evaluate("document.getElementById('facts').innerText")
    assert '12.0' in facts and 'PixelSpacing' in facts  # 60 px of 0.2 mm


def test_layers_can_be_hidden_and_stay_hidden(browser, report_of, records):
    browser.open(report_of(records))
    hidden = "document.querySelector('#film g.{}').getAttribute('visibility') === 'hidden'"
    for number, layer in enumerate(('bodies', 'endplates', 'corners', 'levels', 'slips'), start=1):
        assert browser.evaluate(hidden.format(layer)) is False
        browser.press(str(number))
        browser.press('j')
        assert browser.evaluate(hidden.format(layer)) is True
    assert browser.errors == []


def test_zooming_keeps_the_point_under_the_pointer_and_ends_at_the_whole(browser, report_of, records):
    browser.open(report_of(dict(only=records['sure.png'])))
    film = browser.evaluate('(({x, y, width, height}) => [x, y, width, height])(film.getBoundingClientRect())')
    place = [film[0] + 0.4 * film[2], film[1] + 0.6 * film[3]]
    under = f'inPicture({{clientX: {place[0]}, clientY: {place[1]}}})'
    before = browser.evaluate(under)
    browser.call('Input.dispatchMouseEvent', type='mouseWheel', x=place[0], y=place[1], deltaX=0, deltaY=-400)
    browser.evaluate('new Promise(done => setTimeout(done, 200))')
    assert browser.evaluate('view')[2] < 300
    np.testing.assert_allclose(browser.evaluate(under), before, atol=1)
    browser.press('0')
    assert browser.evaluate('view') == [0, 0, 400, 500]


def test_pairs_are_enlarged_from_the_keyboard(browser, report_of, records):
    browser.open(report_of(dict(only=records['border.png'])))
    rows = "[...document.querySelectorAll('#facts tr')].filter(row => row.cells[0].textContent === '{}')"
    assert browser.evaluate(f'{rows.format("L4/L5")}.length') == 2  # slip, disc
    for table in (0, 1):
        browser.evaluate(f'(() => {{ const row = {rows.format("L4/L5")}[{table}]; row.focus(); }})()')
        assert browser.evaluate('[document.activeElement.tagName, document.activeElement.tabIndex]') == ['TR', 0]
        browser.press('Enter')
        left, top, width, height = browser.evaluate('view')
        assert height < 360 and top < 330 and 410 < top + height  # the two bodies, 330 to 410 px down the film
        browser.press('0')
        assert browser.evaluate('view') == [0, 0, 400, 500]


def test_the_label_of_a_slip_lies_behind_its_lines(browser, report_of, make_record):
    """In a patient who faces left, behind is to the right: a retrolisthesis is drawn into where the label would be."""
    endplate_y = 420 - 45 + 0.5  # of L5; lines along it, not those dropped on it
    label = "document.querySelector('#film .slips text')"
    for slip in (60, -10, -20, -30, -60):
        browser.open(report_of(dict(only=make_record(slip=slip, sd=0.2))))
        lines = browser.evaluate(
            "[...document.querySelectorAll('#film .slips line')].map(line =>"
            " ['x1', 'x2', 'y1', 'y2'].map(name => Number(line.getAttribute(name))))"
        )
        ends = [x for *xs, y1, y2 in lines for x in xs if y1 == y2 == pytest.approx(endplate_y)]
        assert len(ends) == 4 and max(ends) >= 250.5 - min(slip, 0)
        assert browser.evaluate(f"Number({label}.getAttribute('x'))") >= max(ends) + 5 - 1e-6, slip
        for enlarge in ('null', "zoomToPair(images[0], 'L4/L5')"):
            right, edge = browser.evaluate(
                f'({enlarge}, [{label}, film].map(each => each.getBoundingClientRect().right))'
            )
            assert right <= edge, (slip, enlarge)


def test_what_was_not_found_is_said_in_words(browser, report_of, records, make_record):
    browser.open(report_of(dict(only=records['nothing.png'])))
    facts = browser.evaluate("document.getElementById('facts').innerText")
    assert 'No vertebra was found.' in facts and 'fewer than two vertebrae were found' in facts
    browser.open(report_of(dict(only=records['unknown side.png'])))
    facts = browser.evaluate("document.getElementById('facts').innerText")
    assert facts.count('it is unknown which way the patient faces') > 1
    browser.open(report_of(dict(only=make_record(anchor='cranial'))))
    assert 'levels unknown' in browser.evaluate("document.getElementById('facts').innerText")
    assert 'slot 0' in browser.evaluate("document.getElementById('film').textContent")


def test_a_name_that_is_markup_is_only_a_name(browser, report_of, records):
    name = '<img src=x onerror=alert(1)>.png'
    record = records['border.png'] | dict(review=[name], ids=dict(PatientID=name))
    browser.open(report_of({name: record, '</script><script>throw 1</script>': record}))
    assert name in browser.evaluate(NAMES)
    browser.evaluate(f"choose(images.find(image => image.name === '{name}'))")
    assert browser.evaluate(CHOSEN) == name
    assert browser.evaluate("document.querySelectorAll('img[src=x], [onerror]').length") == 0
    assert browser.evaluate("document.getElementById('facts').innerText").count(name) == 2
    assert browser.errors == []


def test_five_hundred_images_open_in_two_seconds(browser, report_of, make_record):
    """Of processor time, which is the time it takes on a machine that does nothing else."""
    rng = np.random.default_rng(0)
    path = report_of({f'{number}.png': make_record(slip=rng.normal(10, 20), sd=2.0) for number in range(500)})
    assert path.stat().st_size > 20e6  # films of noise, larger than those of patients
    browser.open(path)
    assert browser.work() <= 2
    assert browser.evaluate(f'{ROWS}.length') == 500 and browser.errors == []
    decoded = browser.evaluate("[...document.querySelectorAll('#images img')].filter(image => image.src).length")
    assert 0 < decoded < 60
