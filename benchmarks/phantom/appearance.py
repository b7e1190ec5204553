#!/usr/bin/env python
"""Do phantoms look like radiographs? Grey levels, gradients and spectra against real ones: figure, JSON and table."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
from measures import GRADIENT_BINS, GREY_BINS, REGIONS, SIZE, SPECTRUM_BINS, measure
from midlines import MIDLINES

from spondylo_mm.atomic import atomic_path, write_json, write_text
from spondylo_mm.command_line import run
from spondylo_mm.errors import InputError

HERE = Path(__file__).parent
LOW, HIGH = 2.5, 97.5  # percentiles of the phantoms between which a real radiograph is inside their range
CURVES = {
    'grey': (GREY_BINS, 'grey level'),
    'gradient': (GRADIENT_BINS, 'gradient, grey levels per pixel'),
    'spectrum': (SPECTRUM_BINS, 'cycles per 64 pixels'),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('real', metavar='REAL_DIR', help='folder with real radiographs in the layout of the dataset')
    parser.add_argument('--phantoms', type=int, default=400, metavar='N', help='phantoms to draw (default: 400)')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    real = [measure(*each) for each in real_radiographs(Path(args.real))]
    phantoms = [measure(*each) for each in drawn_phantoms(args.phantoms, args.seed)]
    rows = compare(real, phantoms)
    result = {'real': len(real), 'phantoms': len(phantoms), 'seed': args.seed, 'figures': rows} | two_sample(
        real, phantoms
    )
    write_json(HERE / 'appearance.json', result)
    write_text(HERE / 'appearance.md', table(result))
    draw(real, phantoms, HERE / 'appearance.png')
    print(table(result))


def real_radiographs(root: Path):
    """Image squashed to a square, midline px, breadth px of every real radiograph whose spine is known."""
    count = 0
    for path in sorted(root.rglob('*.jpg')):
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        label = Path(str(path).replace('/images/', '/labels/')).with_suffix('.json')
        if label.is_file():
            corners = np.array(json.loads(label.read_text())['keypoints'], float)[..., :2]
            scale = SIZE / np.array(image.shape[::-1])
            corners = corners[np.argsort(corners[..., 1].mean(axis=1))] * scale
            midline, breadth = corners.mean(axis=1), float(np.median(np.ptp(corners[..., 0], axis=1)))
        elif path.name.split('-')[0] in MIDLINES:
            breadth, midline = MIDLINES[path.name.split('-')[0]]
            midline, breadth = SIZE * np.array(midline), SIZE * breadth
        else:
            continue
        count += 1
        yield cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA), midline, breadth
    if not count:
        raise InputError(f'{root}: no radiograph with labels or a known midline: name the folder of the real dataset')


def drawn_phantoms(count: int, seed: int):
    """The same of training phantoms."""
    from spondylo_mm.phantom.plan import plan
    from spondylo_mm.phantom.radiograph import make_radiograph

    for spec in plan({'train': count, 'val': 0, 'test': 0}, seed, 'mixed'):
        phantom = make_radiograph(spec, seed, SIZE)
        corners = np.array([list(vertebra['corners'].values()) for vertebra in phantom.truth['vertebrae']])[::-1]
        # through JPEG, as on disk
        code = cv2.imencode('.jpg', phantom.pixels, [cv2.IMWRITE_JPEG_QUALITY, 92])[1]
        breadth = float(np.median(np.ptp(corners[..., 0], axis=1)))
        yield cv2.imdecode(code, cv2.IMREAD_GRAYSCALE), corners.mean(axis=1), breadth


def compare(real: list[dict], phantoms: list[dict]) -> list[dict]:
    """For each figure and region: both distributions, and the share of real radiographs inside the phantoms' range."""
    rows = []
    for region in REGIONS:
        for name in real[0][region]['figures']:
            of_real, of_phantoms = (
                np.array([each[region]['figures'][name] for each in group]) for group in (real, phantoms)
            )
            low, high = np.percentile(of_phantoms, [LOW, HIGH])
            rows.append(
                {
                    'region': region,
                    'figure': name,
                    'real_mean': round(float(of_real.mean()), 3),
                    'real_sd': round(float(of_real.std(ddof=1)), 3),
                    'phantom_mean': round(float(of_phantoms.mean()), 3),
                    'phantom_sd': round(float(of_phantoms.std(ddof=1)), 3),
                    'phantom_range': [round(float(low), 3), round(float(high), 3)],
                    'real_inside': round(float(((of_real >= low) & (of_real <= high)).mean()), 3),
                }
            )
    return rows


def two_sample(real: list[dict], phantoms: list[dict]) -> dict:
    """How far one gets telling phantoms from real radiographs by these figures together.

    ``nearest_is_real``: of the real radiographs, the share whose nearest neighbour, among the others and as many
    phantoms drawn at random (mean over 200 draws), is real; 0.5 were they of one kind.
    ``covered``: share of real radiographs nearer to some phantom than real ones typically are to the nearest real one.
    """

    def vectors(group: list[dict]) -> np.ndarray:
        return np.array([[value for region in REGIONS for value in each[region]['figures'].values()] for each in group])

    of_real, of_phantoms = vectors(real), vectors(phantoms)
    scale = np.concatenate([of_real, of_phantoms]).std(axis=0)
    of_real, of_phantoms = of_real / scale, of_phantoms / scale
    among = np.linalg.norm(of_real[:, None] - of_real[None], axis=-1) + np.diag(np.full(len(of_real), np.inf))
    across = np.linalg.norm(of_real[:, None] - of_phantoms[None], axis=-1)
    rng = np.random.default_rng(0)
    wins = []
    for _ in range(200):
        chosen = rng.permutation(len(of_phantoms))[: len(of_real) - 1]
        wins.append((among.min(axis=1) < across[:, chosen].min(axis=1)).mean())
    covered = across.min(axis=1) <= np.median(among.min(axis=1))
    return {'nearest_is_real': round(float(np.mean(wins)), 3), 'covered': round(float(covered.mean()), 3)}


def table(result: dict) -> str:
    """The result for readers."""
    lines = [
        '# Appearance of phantoms against real radiographs',
        '',
        f'{result["phantoms"]} phantoms (seed {result["seed"]}), {result["real"]} real radiographs, '
        f'{SIZE}x{SIZE} px, on the vertebral bodies ("spine") and beside them up to 1.6 body breadths ("around").',
        f'Inside: share of the real radiographs between the {LOW} and {HIGH} percentiles of the phantoms.',
        '',
        f'All figures together: the nearest neighbour of a real radiograph is real in {result["nearest_is_real"]:.0%} '
        f'(50 % were they of one kind); {result["covered"]:.0%} of the real ones have a phantom nearer than real ones '
        'typically have a real one.',
        '',
        '| region | figure | real mean ± sd | phantom mean ± sd | phantom range | inside |',
        '|---|---|---|---|---|---|',
    ]
    for row in result['figures']:
        low, high = row['phantom_range']
        lines.append(
            f'| {row["region"]} | {row["figure"]} | {row["real_mean"]:.2f} ± {row["real_sd"]:.2f} '
            f'| {row["phantom_mean"]:.2f} ± {row["phantom_sd"]:.2f} '
            f'| {low:.2f} … {high:.2f} | {row["real_inside"]:.0%} |'
        )
    return '\n'.join([*lines, ''])


def draw(real: list[dict], phantoms: list[dict], path: Path) -> None:
    """Every real radiograph as a line over the phantoms' 2.5, 25, 50, 75 and 97.5 percentiles."""
    import matplotlib

    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(REGIONS), len(CURVES), figsize=(13, 7))
    for row, region in zip(axes, REGIONS, strict=True):
        for axis, (curve, (bins, label)) in zip(row, CURVES.items(), strict=True):
            of_phantoms = np.array([each[region][curve] for each in phantoms])
            x = 0.5 * (bins[1:] + bins[:-1])
            low, lower, middle, upper, high = np.percentile(of_phantoms, [LOW, 25, 50, 75, HIGH], axis=0)
            axis.fill_between(x, low, high, color='tab:blue', alpha=0.15, label='phantoms, 95 %')
            axis.fill_between(x, lower, upper, color='tab:blue', alpha=0.3, label='phantoms, 50 %')
            axis.plot(x, middle, color='tab:blue')
            for number, each in enumerate(real):
                axis.plot(x, each[region][curve], color='k', lw=0.6, alpha=0.6, label=None if number else 'real')
            if curve != 'grey':
                axis.set_xscale('log')
            if curve == 'spectrum':
                axis.set_xticks([2, 5, 10, 20, 30], ['2', '5', '10', '20', '30'], minor=False)
                axis.minorticks_off()
            axis.set(xlabel=label, title=f'{curve}, {region}')
            axis.set_ylabel('log10 power' if curve == 'spectrum' else 'share')
    axes[0, 0].legend()
    figure.tight_layout()
    with atomic_path(path) as part:
        figure.savefig(part, dpi=80, format='png')


if __name__ == '__main__':
    run(main)
