"""Compare VertebraHeatmap with MMPose's MSRAHeatmap(unbiased=True): speed, accuracy, robustness.

    python benchmarks/codec/run.py

writes results.json and results.md beside this file (about half a minute). The two codecs take turns within each
repetition, so that whatever else the machine does meets both; a ratio is the median over the repetitions.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import torch
from mmpose.codecs import MSRAHeatmap
from perturbed import blur_kernel_size, mean_errors

from spondylo_mm import atomic
from spondylo_mm.anatomy import NUM_KEYPOINTS
from spondylo_mm.codecs.vertebra_heatmap import VertebraHeatmap

INPUT_SIDE = 512
HEATMAP_SIDES = (128, 512)
BATCH = 8
SIGMA = 2.0  # heatmap pixels, MMPose's default for stride 4
PERTURBED_SIGMAS = (1.0, 1.5, 2.0, 3.0)
SEED = 0


def compare(heatmap_side: int, repetitions: int) -> dict:
    """Time both codecs in turns and measure their encode -> decode errors."""
    sizes = dict(input_size=(INPUT_SIDE, INPUT_SIDE), heatmap_size=(heatmap_side, heatmap_side), sigma=SIGMA)
    theirs = MSRAHeatmap(**sizes, unbiased=True, blur_kernel_size=blur_kernel_size(SIGMA))
    ours = VertebraHeatmap(**sizes)
    rng = np.random.default_rng(SEED)
    keypoints = rng.uniform(0, INPUT_SIDE - 1, (BATCH, NUM_KEYPOINTS, 2)).astype(np.float32)
    keypoints_tensor, amplitudes = torch.from_numpy(keypoints), torch.ones(BATCH, NUM_KEYPOINTS)
    their_maps = [theirs.encode(one[None])['heatmaps'] for one in keypoints]
    our_maps = ours.encode_batch(keypoints_tensor, amplitudes)

    tasks = {
        'encode': (
            lambda: [theirs.encode(one[None]) for one in keypoints],
            lambda: ours.encode_batch(keypoints_tensor, amplitudes),
        ),
        'decode': (lambda: [theirs.decode(maps) for maps in their_maps], lambda: ours.batch_decode(our_maps)),
    }
    result = {}
    for task, pair in tasks.items():
        for function in pair:
            function()  # warm up
        times = np.array([[_milliseconds(function) / BATCH for function in pair] for _ in range(repetitions)])
        result[task] = dict(
            mmpose_ms=median(times[:, 0]), ours_ms=median(times[:, 1]), ratio=median(times[:, 0] / times[:, 1])
        )
    for name, decoded in (
        ('mmpose', [theirs.decode(maps)[0] for maps in their_maps]),
        ('ours', ours.batch_decode(our_maps)[0]),
    ):
        errors = np.linalg.norm(np.concatenate(decoded) - keypoints, axis=-1)
        result[f'{name}_error_px'] = dict(mean=float(errors.mean()), max=float(errors.max()))
    return result


def _milliseconds(function) -> float:
    start = time.perf_counter()
    function()
    return 1e3 * (time.perf_counter() - start)


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ['---'] * len(header), *rows]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines) + '\n'


def report(results: dict) -> str:
    """The results as Markdown."""
    machine = results['machine']
    text = (
        "# VertebraHeatmap against MMPose's MSRAHeatmap(unbiased=True)\n\n"
        f'`python benchmarks/codec/run.py`, {machine["cores"]} cores ({machine["architecture"]}) with a load '
        f'of {machine["load_average"]:.1f} before the start, Python {machine["python"]}, '
        + ', '.join(f'{name} {number}' for name, number in machine['versions'].items())
        + f'. {NUM_KEYPOINTS} keypoints, input {INPUT_SIDE}, sigma {SIGMA:g} heatmap px, batches of {BATCH} on the '
        f'CPU, float32; medians of {results["repetitions"]} interleaved repetitions, seed {SEED}.\n\n'
        '## Speed, ms per image\n\n'
    )
    text += _table(
        ['heatmap', 'task', 'MMPose', 'ours', 'MMPose / ours'],
        [
            [side, task, f'{times["mmpose_ms"]:.2f}', f'{times["ours_ms"]:.2f}', f'{times["ratio"]:.1f}']
            for side, result in results['comparison'].items()
            for task, times in ((task, result[task]) for task in ('encode', 'decode'))
        ],
    )
    text += '\n## Encode, then decode: error in input px\n\nKeypoints anywhere in the frame, its border included.\n\n'
    text += _table(
        ['heatmap', 'codec', 'mean', 'max'],
        [
            [side, label, f'{result[key]["mean"]:.5f}', f'{result[key]["max"]:.5f}']
            for side, result in results['comparison'].items()
            for label, key in (('MMPose', 'mmpose_error_px'), ('ours', 'ours_error_px'))
        ],
    )
    text += (
        '\n## Perturbed heatmaps: mean error in heatmap px\n\n'
        'Peak 1 unless said otherwise. "Unweighted fit": the same paraboloid by one fixed filter, radius 1 sigma, '
        'where it did best. The radius of ours is at least 2.\n'
    )
    for sigma, scenarios in results['perturbed'].items():
        ways = list(next(iter(scenarios.values())))
        means = {way: float(np.mean([errors[way] for errors in scenarios.values()])) for way in ways}
        text += f'\n### sigma {sigma}\n\n' + _table(
            ['heatmaps', *ways],
            [
                [name, *(f'{errors[way]:.3f}' for way in ways)]
                for name, errors in [*scenarios.items(), ('**mean**', means)]
            ],
        )
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--out', type=Path, default=Path(__file__).parent, help='folder for results.{json,md}')
    parser.add_argument('--repetitions', type=int, default=7)
    parser.add_argument('--threads', type=int, default=2, help='threads of torch and OpenCV')
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(args.threads)

    packages = ('torch', 'numpy', 'opencv-python', 'mmpose')
    results = dict(
        machine=dict(
            cores=os.cpu_count(),
            load_average=os.getloadavg()[0],  # of the last minute, before the start
            architecture=platform.machine(),
            python=platform.python_version(),
            versions={name: version(name) for name in packages},
        ),
        threads=args.threads,
        repetitions=args.repetitions,
        comparison={str(side): compare(side, args.repetitions) for side in HEATMAP_SIDES},
        perturbed={f'{sigma:g}': mean_errors(sigma, SEED) for sigma in PERTURBED_SIGMAS},
    )
    text = report(results)
    print(text)
    atomic.write_json(args.out / 'results.json', results, indent=2)
    atomic.write_text(args.out / 'results.md', text)


if __name__ == '__main__':
    main()
