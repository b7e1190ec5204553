"""How fast phantoms are drawn on one core, where the time goes, and whether memory grows.

    python benchmarks/phantom/speed.py

Writes speed.json and speed.md beside this file. Times are of the processor, not of the clock, so that other programs on
the machine hardly matter. Memory is watched over many small images: what leaks, leaks at any size.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import time
from pathlib import Path

import cv2
import numpy as np

from spondylo_mm.atomic import write_json, write_text
from spondylo_mm.phantom.plan import ImageSpec, plan
from spondylo_mm.phantom.radiograph import make_radiograph

HERE = Path(__file__).parent
SEED = 303
STAGES = {  # function of the package: what it does
    ('radiograph.py', '_sample_patient'): 'spine and field of view',
    ('pelvis.py', None): 'pelvis',
    ('thorax.py', None): 'thorax',
    ('soft_tissue.py', None): 'soft tissue',
    ('bowel.py', None): 'bowel',
    ('vertebrae.py', None): 'vertebrae',
    ('additions.py', None): 'metal, vessels and other additions',
    ('detector.py', None): 'detector',
    ('film.py', None): 'film',
    ('annotations.py', None): 'what is written on it',
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--images', type=int, default=100, help='drawn at full size')
    parser.add_argument('--size', type=int, default=640)
    parser.add_argument('--memory-images', type=int, default=10000)
    parser.add_argument('--memory-size', type=int, default=128)
    args = parser.parse_args()
    cv2.setNumThreads(1)

    specs = plan(dict(train=max(args.images, args.memory_images), val=0, test=0), SEED, 'mixed')
    draw(specs[:3], args.size)  # what is done once is not counted
    start = time.process_time()
    draw(specs[: args.images], args.size)
    seconds = time.process_time() - start
    profile = cProfile.Profile()
    profile.runcall(draw, specs[: args.images], args.size)
    result = dict(
        images=args.images,
        size=args.size,
        images_per_second_and_core=args.images / seconds,
        share_of_time=shares(profile),
        memory_images=args.memory_images,
        memory_size=args.memory_size,
        resident_mb=memory(specs[: args.memory_images], args.memory_size),
    )
    write_json(HERE / 'speed.json', result, indent=1)
    write_text(HERE / 'speed.md', table(result))


def draw(specs: list[ImageSpec], size: int) -> None:
    for spec in specs:
        make_radiograph(spec, SEED, size)


def shares(profile: cProfile.Profile) -> dict[str, float]:
    """Share of the time spent in each stage, with all that it calls; a stage is entered from outside its module."""
    stats = pstats.Stats(profile).stats
    total = sum(own for _, _, own, _, _ in stats.values())
    found = {}
    for (file, function), says in STAGES.items():
        seconds = 0.0
        for (path, _, name), (*_, callers) in stats.items():
            is_entry = any(Path(caller[0]).name != file for caller in callers)
            if path.endswith(f'phantom/{file}') and is_entry and function in (None, name):
                seconds += sum(entry[3] for caller, entry in callers.items() if Path(caller[0]).name != file)
        found[says] = seconds / total
    return found


def memory(specs: list[ImageSpec], size: int) -> list[float]:
    """Resident memory in MB after each tenth of the images."""
    sizes = []
    for part in np.array_split(np.arange(len(specs)), 10):
        draw([specs[index] for index in part], size)
        pages = int(Path('/proc/self/statm').read_text().split()[1])
        sizes.append(round(pages * 4096 / 1e6, 1))
    return sizes


def table(result: dict) -> str:
    lines = [
        '# Speed of drawing',
        '',
        f'{result["images_per_second_and_core"]:.1f} images of {result["size"]} × {result["size"]} px per second of '
        f'one core, over {result["images"]}. Made by `python benchmarks/phantom/speed.py`.',
        '',
        '| stage | share of the time, % |',
        '|---|---|',
        *(
            f'| {says} | {100 * share:.0f} |'
            for says, share in sorted(result['share_of_time'].items(), key=lambda s: -s[1])
        ),
        '',
        f'Resident memory after each tenth of {result["memory_images"]} images of {result["memory_size"]} px: '
        f'{", ".join(f"{size:.0f}" for size in result["resident_mb"])} MB.',
    ]
    return '\n'.join(lines) + '\n'


if __name__ == '__main__':
    main()
