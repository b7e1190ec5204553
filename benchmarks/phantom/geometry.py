"""Compare the geometry of phantoms with that of the real labels: every row of the step table, and a two-sample test.

    python benchmarks/phantom/geometry.py STATISTICS

where STATISTICS is the dataset's ``per_vertebra_stats.csv`` (boxes of the real labels); writes geometry.json,
geometry.md and geometry.png beside this file (about two minutes). Nothing is drawn: phantoms are sampled, framed,
squashed and labelled, and their label files are measured like the real ones: full films, as many with loose boxes.

Slips are over-represented in phantoms on purpose. The table is of phantoms with as many as in a clinic; the last
section says what the usual phantoms change.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from label_statistics import (
    LEAST_IMAGES,
    Label,
    bottom_up,
    correlations,
    energy_distance,
    is_sound,
    measure,
    read_statistics,
    vectors,
)

from spondylo_mm import atomic
from spondylo_mm.phantom.geometry import SlipRates
from spondylo_mm.phantom.plan import plan
from spondylo_mm.phantom.radiograph import make_case
from spondylo_mm.phantom.step_statistics import FULL, LOOSE

SEED = 2026
SIZE = 640
# An assumption, as no real label says how many slips there are: the mix that a series of films for back pain may have.
CLINIC = SlipRates(antero=0.2, retro=0.06, grade_weights=(0.8, 0.17, 0.03, 0.0, 0.0))
MEAN_WITHIN, SD_WITHIN, CORRELATION_WITHIN = 0.2, 0.2, 0.1  # real sd, relative, absolute
SPLITS = 200
SHARES = ('most anterior', 'top touches the edge')


def phantom_labels(count: int, rates: SlipRates, seed: int) -> list[Label]:
    """The labels of the full films among ``count`` phantoms."""
    labels = []
    for spec in plan(dict(train=count, val=0, test=0), seed, 'mixed'):
        case = make_case(spec, seed, SIZE, rates)
        if case.film == FULL:
            labels.append(bottom_up(np.array(case.label['boxes'], float), spec.kind == LOOSE))
    return [label for label in labels if is_sound(label)]


def compare(real: list[Label], phantom: list[Label]) -> dict:
    """Rows of mean and sd, correlations and shares, each with whether it holds."""
    one, other = measure(real), measure(phantom)
    rows = []
    for name in one:
        a, b = one[name][np.isfinite(one[name])], other[name][np.isfinite(other[name])]
        if name in SHARES or len(a) < LEAST_IMAGES:
            continue
        shift, spread = (b.mean() - a.mean()) / a.std(), b.std() / a.std() - 1
        rows.append(
            dict(
                statistic=name,
                images=[len(a), len(b)],
                real=[a.mean(), a.std()],
                phantom=[b.mean(), b.std()],
                mean_off_in_sd=shift,
                sd_off=spread,
                holds=bool(abs(shift) <= MEAN_WITHIN and abs(spread) <= SD_WITHIN),
            )
        )
    found = correlations(other)
    pairs = [
        dict(
            statistic=name, real=value, phantom=found[name], holds=bool(abs(found[name] - value) <= CORRELATION_WITHIN)
        )
        for name, value in correlations(one).items()
    ]
    shares = [
        dict(statistic=f'most anterior: {index}', real=float(np.mean(one[SHARES[0]] == index)),
             phantom=float(np.mean(other[SHARES[0]] == index)))
        for index in range(5)
    ]  # fmt: skip
    shares.append(dict(statistic=SHARES[1], real=float(one[SHARES[1]].mean()), phantom=float(other[SHARES[1]].mean())))
    return dict(rows=rows, correlations=pairs, shares=shares)


def two_sample(real: list[Label], phantom: list[Label], seed: int) -> dict:
    """Energy distance of half the real images from as many phantoms, and from the other half."""
    a, b = vectors(real), vectors(phantom)
    scale = a.std(axis=0)
    a, b, rng = a / scale, b / scale, np.random.default_rng(seed)
    half = len(a) // 2
    within, between = [], []
    for _ in range(SPLITS):
        order = rng.permutation(len(a))
        within.append(energy_distance(a[order[:half]], a[order[half : 2 * half]]))
        between.append(energy_distance(a[order[:half]], b[rng.permutation(len(b))[:half]]))
    return dict(
        images=half,
        real_real=[float(np.mean(within)), float(np.percentile(within, 95))],
        phantom_real=[float(np.mean(between)), float(np.percentile(between, 95))],
        share_of_splits_further=float(np.mean(np.array(within) >= np.mean(between))),
    )


def table(result: dict) -> str:
    """The results as Markdown."""
    rows, pairs = result['clinic']['rows'], result['clinic']['correlations']
    held = sum(row['holds'] for row in rows + pairs)
    lines = [
        '# Geometry of phantoms against the real labels',
        '',
        f'{result["real_images"]} real full films and {result["phantom_images"]} phantoms, 640 px, boxes as annotated; '
        f'vertebra 0 is the lowest labelled. **{held} of {len(rows) + len(pairs)} rows hold** (mean within '
        f'{MEAN_WITHIN} real sd, sd within {SD_WITHIN:.0%}, correlations within {CORRELATION_WITHIN}).',
        '',
        '| statistic | real n | real | phantom | mean off, real sd | sd off | holds |',
        '|---|---|---|---|---|---|---|',
    ]
    for row in rows:
        digits = 2 if row['statistic'].startswith('dx') else 1
        spread = [f'{row[key][0]:.{digits}f} ± {row[key][1]:.{digits}f}' for key in ('real', 'phantom')]
        lines.append(
            f'| {row["statistic"]} | {row["images"][0]} | {spread[0]} | {spread[1]} | {row["mean_off_in_sd"]:+.2f} | '
            f'{row["sd_off"]:+.0%} | {"yes" if row["holds"] else "**no**"} |'
        )
    lines += ['', '| angles correlate | real | phantom | holds |', '|---|---|---|---|']
    lines += [
        f'| {row["statistic"]} | {row["real"]:+.2f} | {row["phantom"]:+.2f} | {"yes" if row["holds"] else "**no**"} |'
        for row in pairs
    ]
    lines += ['', '| share of images | real | phantom |', '|---|---|---|']
    lines += [
        f'| {row["statistic"]} | {row["real"]:.1%} | {row["phantom"]:.1%} |' for row in result['clinic']['shares']
    ]
    energy, usual = result['energy'], result['usual']
    failed = [row['statistic'] for row in usual['rows'] + usual['correlations'] if not row['holds']]
    lines += [
        '',
        f'Energy distance (angles, spacings, box sizes, place of S1 and count, in real sd; {energy["images"]} images a '
        f'side, {SPLITS} random halves): real against real {energy["real_real"][0]:+.4f} (95th percentile '
        f'{energy["real_real"][1]:.4f}), phantom against real {energy["phantom_real"][0]:+.4f}; '
        f'{energy["share_of_splits_further"]:.0%} of the real halves are at least as far apart.',
        '',
        f'With the usual share of slips in phantoms (high grades on purpose) {len(failed)} rows do not hold: '
        f'{", ".join(failed) or "none"}; energy distance {result["usual_energy"]["phantom_real"][0]:+.4f}.',
    ]
    return '\n'.join(lines) + '\n'


def draw(real: list[Label], phantom: list[Label], path: Path) -> None:
    """Quantiles of phantom against real, in real sd, of every kind of statistic, and the steps one by one."""
    import matplotlib

    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    one, other = measure(real), measure(phantom)
    figure, axes = plt.subplots(2, 3, figsize=(14, 8.5), constrained_layout=True)
    for axis, kind in zip(axes.flat, ('width', 'height', 'spacing', 'dx/width', 'angle', 'centre y'), strict=True):
        names = [name for name in one if name.startswith(kind) and np.isfinite(one[name]).sum() >= LEAST_IMAGES]
        for place, name in enumerate(names):
            for values, offset, color in ((one[name], -0.18, '#444444'), (other[name], 0.18, '#d9541e')):
                low, q1, middle, q3, high = np.nanpercentile(values, [5, 25, 50, 75, 95])
                axis.plot([low, high], [place + offset] * 2, color=color, lw=1)
                axis.plot([q1, q3], [place + offset] * 2, color=color, lw=5, solid_capstyle='butt')
                axis.plot(middle, place + offset, 'o', color='white', mec=color, ms=5)
        axis.set_yticks(range(len(names)), [name.removeprefix(kind).strip() for name in names])
        axis.set_xlabel(
            {'dx/width': 'dx, median box widths', 'angle': 'angle of the step, degrees'}.get(kind, f'{kind}, px of 640')
        )
        axis.grid(axis='x', alpha=0.3)
    axes[0, 0].plot([], [], color='#444444', lw=5, label=f'real, {len(real)} images')
    axes[0, 0].plot([], [], color='#d9541e', lw=5, label=f'phantom, {len(phantom)}')
    axes[0, 0].legend(loc='upper right')
    figure.suptitle('Labels of full films, from the lowest vertebra up: 5, 25, 50, 75 and 95 %')
    figure.savefig(path, dpi=90)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('statistics', type=Path, metavar='STATISTICS', help='per_vertebra_stats.csv of the dataset')
    parser.add_argument('--count', type=int, default=6000, metavar='N', help='phantoms to sample')
    parser.add_argument('--out', type=Path, default=Path(__file__).parent, metavar='DIR', help='where results go')
    args = parser.parse_args()

    real = [label for label in read_statistics(args.statistics)[0] if is_sound(label)]
    clinic, usual = phantom_labels(args.count, CLINIC, SEED), phantom_labels(args.count, SlipRates(), SEED)
    result = dict(
        seed=SEED,
        real_images=len(real),
        phantom_images=len(clinic),
        clinic=compare(real, clinic),
        energy=two_sample(real, clinic, SEED),
        usual=compare(real, usual),
        usual_energy=two_sample(real, usual, SEED),
    )
    atomic.write_json(args.out / 'geometry.json', result)
    atomic.write_text(args.out / 'geometry.md', table(result))
    draw(real, clinic, args.out / 'geometry.png')
    print(table(result))


if __name__ == '__main__':
    main()
