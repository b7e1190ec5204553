"""How runs went, in one figure: losses, errors, detections and learning rates over the epochs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from ..evaluation.functional.radial_errors import REFERENCE_SIZE
from ..evaluation.functional.summary import SDR_PX

# Okabe & Ito 2008 (jfly.uni-koeln.de/color), told apart by colour-blind readers; without yellow, faint on white, and
# with dashes once all are used.
_COLORS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#56B4E9', '#E69F00', '#000000')
_DASHES = ('-', (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))
_FEW = 40  # epochs whose points are worth a dot each
_WIDTH, _HEIGHT, _LEGEND_ROW = 11.0, 7.0, 0.25  # inches
_LONGEST_LABEL = 60  # characters of which two columns fit side by side

Series = tuple[Sequence[int], Sequence[float]]  # epochs, values; NaN is a gap


def draw_curves(runs: Mapping[str, Mapping[str, Series]]) -> Figure:
    """Draw runs over each other, each in one colour in all panels.

    Args:
        runs: {name: series} with ``training_loss``, ``validation_loss``, ``MRE`` (strict, px@512), ``SDR`` (share
            within the largest radius) and ``lr``. The legend keeps their order.

    Returns:
        A figure of four panels; a panel without any value says so.
    """
    figure = Figure(figsize=(_WIDTH, _HEIGHT), layout='constrained')
    panels = figure.subplots(2, 2, sharex=True)
    (loss, error), (rate, detected) = panels
    handles, labels = [], []
    for index, (name, series) in enumerate(runs.items()):
        style = dict(
            color=_COLORS[index % len(_COLORS)],
            linestyle=_DASHES[index // len(_COLORS) % len(_DASHES)],
            linewidth=1.8,
            alpha=0.85,
        )
        _plot(loss, series['training_loss'], style | dict(linewidth=0.8, marker=None))
        _plot(loss, series['validation_loss'], style)
        handles.append(_plot(error, series['MRE'], style))
        best = _mark_lowest(error, series['MRE'], style['color'])
        _plot(detected, (series['SDR'][0], 100 * np.asarray(series['SDR'][1], dtype=float)), style)
        _plot(rate, series['lr'], style | dict(marker=None))
        labels.append(f'{name}: {best}')
    size = f'px@{REFERENCE_SIZE:.0f}'
    _finish(loss, 'Loss: validation thick, training thin', 'loss', log=True)
    _finish(error, 'Strict mean radial error, lowest ringed', f'MRE, {size}', log=True)
    _finish(detected, f'Corners within {SDR_PX[-1]} {size} of the truth', f'SDR@{SDR_PX[-1]}px, %')
    _finish(rate, 'Learning rate', 'learning rate', log=True)
    detected.set_ylim(0, 102)
    for axes in panels[1]:
        axes.set_xlabel('epoch')
    columns = 1 if max(map(len, labels)) > _LONGEST_LABEL else 2
    figure.set_figheight(_HEIGHT + _LEGEND_ROW * math.ceil(len(labels) / columns))
    figure.legend(handles, labels, loc='outside lower center', ncols=columns, frameon=False, fontsize=10)
    return figure


def _plot(axes: Axes, series: Series, style: dict) -> object:
    epochs, values = series
    marker = dict(marker='o', markersize=3) if len(epochs) <= _FEW else {}
    (line,) = axes.plot(epochs, values, **marker | style)
    return line


def _mark_lowest(axes: Axes, series: Series, color: str) -> str:
    """Ring the lowest value, and say it."""
    epochs, values = np.asarray(series[0]), np.asarray(series[1], dtype=float)
    if not np.isfinite(values).any():
        return 'not validated'
    values = np.where(np.isfinite(values), values, np.inf)
    lowest = int(values.argmin())
    axes.plot(epochs[lowest], values[lowest], 'o', markersize=10, markerfacecolor='none', markeredgecolor=color)
    return f'MRE {values[lowest]:.2f} at epoch {epochs[lowest]}'


def _finish(axes: Axes, title: str, ylabel: str, log: bool = False) -> None:
    axes.set_title(title, loc='left', fontsize=11)
    axes.set_ylabel(ylabel)
    axes.spines[['top', 'right']].set_visible(False)
    axes.grid(alpha=0.25)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    values = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in axes.lines] or [np.array([])])
    if not np.isfinite(values).any():
        axes.set_yticks([])
        axes.text(0.5, 0.5, 'no data', transform=axes.transAxes, ha='center', va='center', color='grey')
    elif log and (values[np.isfinite(values)] > 0).any():
        axes.set_yscale('log')
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f'{value:g}'))
        axes.yaxis.set_minor_formatter(NullFormatter())
