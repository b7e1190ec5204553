"""The benchmark's results as Markdown."""

from __future__ import annotations

import math

_COLUMNS = {  # title: metric, factor, decimals
    'measured %': ('slip_measured', 100, 1),
    'slip MAE': ('slip_MAE', 1, 2),
    'bias': ('slip_bias', 1, 2),
    'grade right %': ('grade_accuracy', 100, 1),
    'κ': ('grade_kappa', 1, 3),
    'found ≥ I %': ('sensitivity@I', 100, 1),
    'cleared < I %': ('specificity@I', 100, 1),
    'found ≥ II %': ('sensitivity@II', 100, 1),
    'angle MAE °': ('angle_MAE', 1, 2),
    'lordosis MAE °': ('lordosis_MAE', 1, 2),
    'facing right %': ('facing_accuracy', 100, 1),
}
_INTERVAL_COLUMNS = {
    'truth in 95 % interval, %': ('slip_coverage', 100, 1),
    'to review %': ('review_share', 100, 1),
    'grade right among the others, %': ('grade_accuracy_without_review', 100, 1),
}


def report(results: dict) -> str:
    readings = results['readings']
    text = (
        '# Slips and grades against the construction of phantoms\n\n'
        f'`python benchmarks/clinical/run.py{_model_option(results)}`: {results["phantoms"]} phantoms (seed '
        f'{results["seed"]}, squashed to {results["size"]} × {results["size"]} px), {results["pairs"]} pairs of '
        f'neighbouring levels; no slip is nearer than {results["nearest_to_a_border"]:.1f} points to a border of '
        'grades. Errors of slip in points of %. A pair that is not measured counts as a wrong grade.\n\n'
    )
    text += _table(['corners', *_COLUMNS], [[name, *_cells(reading, _COLUMNS)] for name, reading in readings.items()])
    limits = [
        [name, _number(metrics['slip_LoA_low'], 1, 1), _number(metrics['slip_LoA_high'], 1, 1)]
        for name, metrics in ((name, reading['metrics']) for name, reading in readings.items())
    ]
    text += '\n## Limits of agreement of the slip (Bland–Altman, 95 %), points\n\n'
    text += _table(['corners', 'from', 'to'], limits)
    text += '\n## Does the uncertainty say what it should?\n\nWhere the deviation of the corners is known.\n\n'
    with_interval = [
        [name, *_cells(reading, _INTERVAL_COLUMNS)]
        for name, reading in readings.items()
        if not math.isnan(reading['metrics']['slip_coverage'])
    ]
    text += _table(['corners', *_INTERVAL_COLUMNS], with_interval)
    for name in ('true corners', 'predicted corners'):
        if name in readings:
            confusion = readings[name]['clinical']['confusion']
            text += f'\n## Grades from {name}: true (rows) by measured\n\n'
            rows = zip(confusion['true'], confusion['counts'], strict=True)
            text += _table(['', *confusion['predicted']], [[grade, *map(str, counts)] for grade, counts in rows])
    return text + _model(results)


def _model_option(results: dict) -> str:
    return ' --model ' + ' '.join(results['model']) if results['model'] else ''


def _model(results: dict) -> str:
    if not results['model']:
        return '\nPredicted corners: not run; `--model CONFIG CHECKPOINT` adds them.\n'
    (mre, mre_bounds), (sdr, sdr_bounds) = results['corners']['MRE'], results['corners']['SDR@6px']
    passes = f', {results["mc_dropout"]} passes with dropout' if results['mc_dropout'] else ''
    scale = results['sd_scale']
    own = "the model's own" if scale is None else f"the model's own times {scale:.2f}, fitted to its validation split"
    return (
        f'\nPredicted corners{passes}: strict MRE {mre:.2f} '
        f'[{mre_bounds[0]:.2f}, {mre_bounds[1]:.2f}] px@512, SDR@6px {100 * sdr:.1f} '
        f'[{100 * sdr_bounds[0]:.1f}, {100 * sdr_bounds[1]:.1f}] %; only labelled vertebrae count. Their standard '
        f'deviations are {own}.\n'
    )


def _cells(reading: dict, columns: dict[str, tuple[str, float, int]]) -> list[str]:
    return [_number(reading['metrics'][metric], factor, decimals) for metric, factor, decimals in columns.values()]


def _number(value: float, factor: float, decimals: int) -> str:
    return '–' if math.isnan(value) else f'{round(factor * value, decimals) + 0.0:.{decimals}f}'  # + 0.0: no -0.0


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ['---'] * len(header), *rows]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines) + '\n'
