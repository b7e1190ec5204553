"""The metrics as text for a console."""

from __future__ import annotations

import math

from ...anatomy import CORNERS
from .radial_errors import REFERENCE_SIZE
from .summary import SDR_MM, SDR_PX

_WIDTH = 26
_NO_VALUE = '-'
_SCREENING = ('sensitivity', 'specificity')


def format_table(summary: dict) -> str:
    """Headline metrics with 95 % intervals, then a row per level.

    Args:
        summary: what ``summarise`` returns, or the content of a ``metrics.json``.
    """
    size = f'px@{REFERENCE_SIZE:.0f}'
    lines = [
        f'{summary["num_images"]} images, {summary["num_vertebrae"]} vertebrae, {summary["num_corners"]} corners; '
        '95 % intervals over images',
        '',
        f'{"":<18}{"strict":<{_WIDTH}}{"matched by position"}',
    ]
    for name, unit in [('MRE', size)] + [(f'SDR@{radius}px', '%') for radius in SDR_PX]:
        lines.append(
            f'{f"{name}, {unit}":<18}{_with_interval(summary, name):<{_WIDTH}}'
            f'{_with_interval(summary, f"matched_{name}")}'
        )
    lines.append('')
    shares = ['vertebra_precision', 'vertebra_recall', 'vertebra_F1', 'identification', 'count_accuracy']
    labels = {name: f'{name.replace("_", " ")}, %' for name in shares}
    labels |= {'MRE_mm': 'MRE, mm'} | {f'SDR@{radius}mm': f'SDR@{radius}mm, %' for radius in SDR_MM}
    lines += [
        f'{label:<23}{_with_interval(summary, name)}' for name, label in labels.items() if name in summary['metrics']
    ]
    lines += [''] + _level_rows(summary)
    if 'clinical' in summary:
        lines += [''] + _clinical_rows(summary)
    if 'uncertainty' in summary:
        lines += ['', format_uncertainty(summary['uncertainty'])]
    if summary['invalid_predictions']:
        number = sum(summary['invalid_predictions'].values())
        lines += ['', f'{number} corners were predicted as NaN or infinite and count as misses (see the metrics file)']
    return '\n'.join(lines)


def format_uncertainty(uncertainty: dict) -> str:
    """The rank correlation of standard deviation and error, in one line."""
    rho, (low, high) = uncertainty['spearman'], uncertainty['interval']
    of = f'of sd and radial error over {uncertainty["corners"]} corners'
    if rho is None or math.isnan(rho):
        return f'Spearman rho {of}: no data'
    between = uncertainty['spearman_between_passes']
    alone = '' if between is None or math.isnan(between) else f' (between passes alone {between:.2f})'
    interval = '' if low is None or math.isnan(low) else f' [{low:.2f}, {high:.2f}]'
    return f'Spearman rho {of}: {rho:.2f}{interval}{alone}'


def _level_rows(summary: dict) -> list[str]:
    near, far = (f'SDR@{radius}px' for radius in (SDR_PX[0], SDR_PX[-1]))
    titles = ['MRE', 'matched', f'SDR{SDR_PX[0]} %', f'SDR{SDR_PX[-1]} %', 'found %', 'in slot %', *CORNERS]
    rows = ['level       n' + ''.join(f'{title:>10}' for title in titles)]
    for row in summary['per_level']:
        if row['corners']:
            values = [_number(row['MRE']), _number(row['matched_MRE'])]
            values += [_number(row[key], 100) for key in (near, far, 'vertebra_recall', 'identification')]
            values += [_number(row['corner_MRE'][corner]) for corner in CORNERS]
            rows.append(f'{row["level"]:<6}{row["vertebrae"]:>7}' + ''.join(f'{value:>10}' for value in values))
    return rows


def _clinical_rows(summary: dict) -> list[str]:
    units = {'slip_MAE': '%', 'slip_bias': '%', 'grade_kappa': '', 'angle_MAE': 'degrees', 'lordosis_MAE': 'degrees'}
    shares = ('slip_measured', 'grade_accuracy', *(f'{what}@{grade}' for grade in ('I', 'II') for what in _SCREENING))
    shares += ('slip_coverage', 'review_share', 'grade_accuracy_without_review')
    rows = []
    for name in [*units, *shares]:
        label = ', '.join(filter(None, (name.replace('_', ' '), units.get(name, '%'))))
        rows.append(f'{label:<34}{_with_interval(summary, name, 1 if name in units else 100)}')
    return rows


def _with_interval(summary: dict, name: str, scale: float | None = None) -> str:
    """Value and interval, in % unless the metric is an error or ``scale`` says otherwise."""
    scale = scale or (1 if 'MRE' in name else 100)
    value = _number(summary['metrics'][name], scale)
    low, high = (_number(bound, scale) for bound in summary['intervals'][name])
    if value == _NO_VALUE:
        return 'no data'
    return value if low == _NO_VALUE else f'{value} [{low}, {high}]'


def _number(value: float | None, scale: float = 1) -> str:
    if value is None or math.isnan(value):
        return _NO_VALUE
    value *= scale
    return f'{value:.2f}' if abs(value) < 10 else f'{value:.1f}'
