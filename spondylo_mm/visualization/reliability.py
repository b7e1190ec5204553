"""Whether predicted standard deviations are of the size of the errors, in one figure."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from ..evaluation.functional.radial_errors import REFERENCE_SIZE

# Okabe & Ito 2008 (jfly.uni-koeln.de/color), told apart by colour-blind readers
_BLUE, _ORANGE = '#0072B2', '#E69F00'
_MARGIN = 1.3  # factor of room around the values
_SMALLEST = 1e-3  # px@512: what is 0 is drawn here


def draw_reliability(uncertainty: dict) -> Figure:
    """Root mean square error against standard deviation, bin by bin; below, where the corners are.

    Args:
        uncertainty: what ``evaluation.functional.uncertainty`` returns, with at least one bin; None stands for NaN, as
            in a ``metrics.json``.

    Returns:
        A figure with logarithmic axes. On the diagonal deviations are of the right size; above it they are too small.
    """
    bins = uncertainty['reliability']
    sd, rmse, mre, low, high = (_column(bins, name) for name in ('sd', 'RMSE', 'MRE', 'RMSE_low', 'RMSE_high'))
    figure = Figure(figsize=(6.0, 7.0), layout='constrained')
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[5, 1])
    drawn = np.concatenate([rmse, mre, low, high, _column(bins, 'sd_from'), _column(bins, 'sd_to')])
    ends = np.nanmin(drawn) / _MARGIN, np.nanmax(drawn) * _MARGIN
    axes.plot(ends, ends, color='grey', linewidth=1, linestyle='--', label='error = sd')
    axes.plot(sd, rmse, 'o-', color=_BLUE, label='root mean square error')
    axes.vlines(sd, low, high, color=_BLUE, linewidth=1.5, alpha=0.6, label='its 95 % interval over images')
    axes.plot(sd, mre, 's:', color=_ORANGE, markersize=4, label='mean radial error')
    _finish(axes, ends, f'radial error, px@{REFERENCE_SIZE:.0f}')
    axes.set_ylim(ends)
    axes.set_title(_title(uncertainty), loc='left', fontsize=11)
    axes.legend(frameon=False, loc='upper left')
    _draw_density(below, bins)
    below.set_xlabel(f'predicted standard deviation of a corner, px@{REFERENCE_SIZE:.0f}')
    return figure


def _column(bins: list[dict], name: str) -> np.ndarray:
    """One value of every bin (n,), as it can be drawn on a logarithmic axis; NaN where there is none."""
    return np.maximum(np.array([row[name] for row in bins], dtype=float), _SMALLEST)


def _title(uncertainty: dict) -> str:
    rho, (low, high) = uncertainty['spearman'], uncertainty['interval']
    said = 'has no data'
    if rho is not None and not math.isnan(rho):
        said = f'{rho:.2f}' + ('' if low is None or math.isnan(low) else f' [{low:.2f}, {high:.2f}]')
    return f'Spearman \N{GREEK SMALL LETTER RHO} {said} over {uncertainty["corners"]} corners'


def _draw_density(axes: Axes, bins: list[dict]) -> None:
    """A histogram whose columns are the bins: narrow ones are high, so that areas are corners."""
    edges = np.concatenate([_column(bins[:1], 'sd_from'), _column(bins, 'sd_to')])
    widths = np.diff(np.log10(edges))
    wide = widths > 0  # where all deviations of a bin are one value there is no column
    heights = np.array([row['corners'] for row in bins])[wide] / widths[wide]
    axes.bar(edges[:-1][wide], heights, np.diff(edges)[wide], align='edge', color=_BLUE, alpha=0.35, edgecolor='white')
    axes.set_yticks([])
    axes.set_ylabel('corners')
    axes.spines[['top', 'right']].set_visible(False)


def _finish(axes: Axes, ends: tuple[float, float], label: str) -> None:
    axes.set_xscale('log')
    axes.set_yscale('log')
    axes.set_xlim(ends)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(StrMethodFormatter('{x:g}'))
        axis.set_minor_formatter(NullFormatter())
    axes.set_ylabel(label)
    axes.grid(alpha=0.25)
    axes.spines[['top', 'right']].set_visible(False)
