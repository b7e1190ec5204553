"""What mixed precision is worth on this machine: the time of a training step in float32 and in bf16.

    python benchmarks/precision/run.py            # one core; rewrites results.json and results.md

Both precisions take turns in one process on one thread, with the forward and backward pass of one batch; the ratio is
of medians of processor time, which other work on the machine lengthens less than it does the clock's.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import torch
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

from spondylo_mm.apis.configs import from_random_weights, load_config
from spondylo_mm.atomic import write_json, write_text
from spondylo_mm.engine.optim.bf16_optim_wrapper import cpu_computes_bf16

HERE = Path(__file__).parent
CONFIGS = ('demo_centers', 'hrnet_w32_centers_spondylo', 'unet_spondylo')
BATCH, SIDE = 4, 256


def main() -> None:
    parser = argparse.ArgumentParser(description='Time a training step in float32 and in bf16.')
    parser.add_argument('--repeats', type=int, default=5, help='steps timed of each precision (default: 5)')
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rows = [dict(config=name, **time_steps(name, repeats)) for name in CONFIGS]
    write_json(HERE / 'results.json', dict(batch=BATCH, side=SIDE, has_bf16=cpu_computes_bf16(), rows=rows), indent=1)
    write_text(HERE / 'results.md', table(rows))


def time_steps(name: str, repeats: int) -> dict[str, float]:
    """Median seconds of processor time of one step of a config's model in each precision."""
    config = load_config(HERE.parents[1] / 'configs' / f'{name}.py')
    from_random_weights(config)
    init_default_scope(config.default_scope)
    model = MODELS.build(config.model).train()
    images = torch.randn(BATCH, 3, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
    seconds: dict[str, list[float]] = dict(float32=[], bf16=[])
    for repeat in range(repeats + 1):
        for precision, times in seconds.items():
            start = time.process_time()
            with torch.autocast('cpu', dtype=torch.bfloat16, enabled=precision == 'bf16'):
                output = model.head.forward(model.extract_feat(images))
            output.float().square().mean().backward()
            model.zero_grad()
            if repeat:  # the first is slower
                times.append(time.process_time() - start)
    medians = {precision: statistics.median(times) for precision, times in seconds.items()}
    return medians | dict(ratio=medians['float32'] / medians['bf16'])


def table(rows: list[dict]) -> str:
    lines = [
        '# Mixed precision on a CPU',
        '',
        f'Processor seconds of a step of {BATCH} images of {SIDE} × {SIDE} on one thread, medians; made by `python '
        'benchmarks/precision/run.py` on a processor with AVX-512 BF16.',
        '',
        '| config | float32 | bf16 | ratio |',
        '|---|---:|---:|---:|',
    ]
    lines += [f'| {row["config"]} | {row["float32"]:.2f} | {row["bf16"]:.2f} | {row["ratio"]:.1f} |' for row in rows]
    return '\n'.join(lines) + '\n'


if __name__ == '__main__':
    main()
