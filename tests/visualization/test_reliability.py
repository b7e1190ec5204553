"""The reliability plot, read back from the figure."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest

from spondylo_mm.visualization.reliability import draw_reliability


def row(sd, rmse, corners=100, low=0.8, high=1.25):
    return dict(
        corners=corners, sd=sd, sd_from=sd / 1.4, sd_to=sd * 1.4, MRE=0.9 * rmse,
        RMSE=rmse, RMSE_low=low and low * rmse, RMSE_high=high and high * rmse,
    )  # fmt: skip


def result(*rows, spearman=0.62, interval=(0.5, 0.7)):
    corners = sum(one['corners'] for one in rows)
    return dict(corners=corners, spearman=spearman, interval=list(interval), reliability=list(rows))


def rendered(figure) -> np.ndarray:
    """The picture (H, W, 3), as it is written; warnings of the renderer are errors."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format='png')
    return cv2.imdecode(np.frombuffer(buffer.getvalue(), np.uint8), cv2.IMREAD_COLOR)


def test_every_bin_is_a_point_and_the_diagonal_is_the_honest_one():
    axes = draw_reliability(result(row(2, 5), row(8, 10), row(32, 20))).axes[0]
    lines = {line.get_label(): line.get_xydata() for line in axes.lines}
    (diagonal,) = [xy for label, xy in lines.items() if label == 'error = sd']
    assert (diagonal[:, 0] == diagonal[:, 1]).all()
    assert lines['mean radial error'] == pytest.approx(np.array([[2, 4.5], [8, 9], [32, 18]]))
    assert lines['root mean square error'] == pytest.approx(np.array([[2, 5], [8, 10], [32, 20]]))
    (bars,) = axes.collections
    assert bars.get_segments()[1] == pytest.approx(np.array([[8, 8], [8, 12.5]]))


def test_both_axes_are_logarithmic_show_the_same_range_and_leave_nothing_out():
    axes, below = draw_reliability(result(row(2, 5), row(8, 70))).axes
    assert axes.get_xscale() == axes.get_yscale() == 'log'
    assert axes.get_xlim() == axes.get_ylim() == below.get_xlim()
    low, high = axes.get_xlim()
    assert low < 2 / 1.4 and high > 1.25 * 70


def test_the_areas_of_the_columns_are_the_corners():
    rows = row(1, 1, corners=80), dict(row(4, 4, corners=40), sd_from=1.4)
    below = draw_reliability(result(*rows)).axes[1]
    areas = [
        column.get_height() * np.log10((column.get_x() + column.get_width()) / column.get_x())
        for column in below.patches
    ]
    assert areas == pytest.approx([80, 40])


@pytest.mark.parametrize(
    ('spearman', 'interval', 'title'),
    [
        (0.62, (0.5, 0.7), 'Spearman ρ 0.62 [0.50, 0.70] over 100 corners'),
        (0.62, (None, None), 'Spearman ρ 0.62 over 100 corners'),
        (None, (None, None), 'Spearman ρ has no data over 100 corners'),
        (np.nan, (np.nan, np.nan), 'Spearman ρ has no data over 100 corners'),
    ],
)
def test_the_title_says_rho_and_how_many_corners(spearman, interval, title):
    axes = draw_reliability(result(row(1, 2), spearman=spearman, interval=interval)).axes[0]
    assert axes.get_title('left') == title


@pytest.mark.filterwarnings('error')
@pytest.mark.parametrize(
    'rows',
    [
        [row(2, 5), row(8, 10)],
        [row(2, 5, low=None, high=None)],  # one image has no interval
        [dict(row(0, 0), MRE=0.0), row(8, 10)],  # neither deviation nor error in a bin
        [dict(row(3, 5), sd_from=3.0, sd_to=3.0)],  # all deviations equal
    ],
    ids=['plain', 'no interval', 'zeros', 'one value'],
)
def test_whatever_the_bins_hold_can_be_drawn(rows):
    picture = rendered(draw_reliability(result(*rows)))
    assert picture.std() > 5
