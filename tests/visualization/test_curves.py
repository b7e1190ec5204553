"""The figure of several runs."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from spondylo_mm.visualization.curves import draw_curves

NAMES = ('training_loss', 'validation_loss', 'MRE', 'SDR', 'lr')


def run(mre=(9.0, 5.0, 7.0), epochs=(2, 4, 6)):
    epochs, mre = list(epochs), list(mre)
    values = dict(training_loss=[v / 100 for v in mre], validation_loss=[v / 50 for v in mre], MRE=mre)
    values |= dict(SDR=[1 / v for v in mre], lr=[v / 1000 for v in mre])
    return {name: (epochs, values[name]) for name in NAMES}


def panel(figure, word):
    (axes,) = [axes for axes in figure.axes if word in axes.get_ylabel()]
    return axes


def curves(axes):
    return [line for line in axes.lines if line.get_markersize() < 10]


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def drawn(figure, path):
    figure.savefig(path)
    return path.stat().st_size > 0


def test_every_quantity_is_in_its_panel_and_its_unit(tmp_path):
    figure = draw_curves(dict(a=run()))
    assert [axes.get_ylabel() for axes in figure.axes] == ['loss', 'MRE, px@512', 'learning rate', 'SDR@24px, %']
    (error,) = curves(panel(figure, 'MRE'))
    assert list(error.get_xdata()) == [2, 4, 6] and list(error.get_ydata()) == [9, 5, 7]
    (detected,) = curves(panel(figure, 'SDR'))
    assert list(detected.get_ydata()) == pytest.approx([100 / 9, 20, 100 / 7])
    training, validation = curves(panel(figure, 'loss'))
    assert validation.get_linewidth() > training.get_linewidth()
    assert list(validation.get_ydata()) == [0.18, 0.1, 0.14] and list(training.get_ydata()) == [0.09, 0.05, 0.07]
    assert panel(figure, 'MRE').get_yscale() == panel(figure, 'rate').get_yscale() == 'log'
    assert drawn(figure, tmp_path / 'a.png')


def test_the_lowest_error_is_ringed_and_told():
    figure = draw_curves(dict(a=run(), b=run((np.nan, 8.0, 8.0))))
    rings = [line for line in panel(figure, 'MRE').lines if line.get_markersize() >= 10]
    assert [ring.get_xydata().tolist() for ring in rings] == [[[4, 5]], [[4, 8]]]
    assert legend(figure) == ['a: MRE 5.00 at epoch 4', 'b: MRE 8.00 at epoch 4']


def test_a_run_keeps_its_look_in_all_panels_and_no_two_look_alike():
    figure = draw_curves({str(i): run() for i in range(20)})
    looks = [(to_hex(line.get_color()), str(line._dash_pattern)) for line in curves(panel(figure, 'MRE'))]
    assert len(set(looks)) == 20
    for word in ('SDR', 'rate'):
        assert [to_hex(line.get_color()) for line in curves(panel(figure, word))] == [color for color, _ in looks]
    assert [to_hex(line.get_color()) for line in curves(panel(figure, 'loss'))][1::2] == [color for color, _ in looks]


def test_the_panels_stay_as_large_however_many_runs_there_are(tmp_path):
    few, many = draw_curves(dict(a=run())), draw_curves({f'{i} of a long name' * 4: run() for i in range(20)})
    heights = []
    for figure in (few, many):
        drawn(figure, tmp_path / 'a.png')
        heights.append(panel(figure, 'MRE').get_window_extent().height)
    assert heights[1] > 0.85 * heights[0]


def test_a_run_that_has_not_validated_is_in_the_legend(tmp_path):
    new = {name: ([1], [0.5]) if name in ('training_loss', 'lr') else ([], []) for name in NAMES}
    figure = draw_curves(dict(new=new))
    assert legend(figure) == ['new: not validated']
    texts = {axes.get_ylabel(): [text.get_text() for text in axes.texts] for axes in figure.axes}
    assert texts['MRE, px@512'] == texts['SDR@24px, %'] == ['no data'] and not texts['loss'] + texts['learning rate']
    assert drawn(figure, tmp_path / 'a.svg')


def test_a_diverged_run_leaves_gaps(tmp_path):
    figure = draw_curves(dict(a=run((np.nan, np.nan, np.nan)), b=run()))
    assert legend(figure)[0] == 'a: not validated' and not panel(figure, 'MRE').texts
    assert drawn(figure, tmp_path / 'a.pdf')
