"""Coverage-guided fuzzing of the label readers: ``python -m tests.fuzz.coverage_guided --seconds 600``.

Needs atheris (``pip install atheris==3.0.0``: wheels for Linux), which the tests do not. The first byte of an input
chooses the format. It starts from good labels and from what stands in the corpus of bad inputs, and ends with
libFuzzer's counts, or with the input on which a reader failed; such an input becomes a case of ``tests/bad_inputs``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

SUFFIXES = ('.json', '.txt', '.csv')


def seeds() -> list[bytes]:
    from ..bad_inputs.case import COLUMN
    from ..bad_inputs.labels import GOOD_JSON, buu_rows, buu_text, with_points, yolo_line

    lines = '\n'.join(map(yolo_line, COLUMN))
    texts = [(0, GOOD_JSON), (0, with_points([])), (0, with_points([[float('nan')] * 3] * 4)), (1, lines)]
    texts += [(1, lines[:70]), (2, buu_text(buu_rows())), (2, buu_text(buu_rows()[:10]))]
    return [bytes([kind]) + text.encode() for kind, text in texts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seconds', type=int, default=60)
    parser.add_argument('--seed', type=int, default=1)
    args = parser.parse_args()

    import atheris

    with atheris.instrument_imports(include=['spondylo_mm', 'json']):
        from .readers import read_anything

    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, 'corpus')
        corpus.mkdir()
        for number, seed in enumerate(seeds()):
            (corpus / str(number)).write_bytes(seed)

        def one_input(content: bytes) -> None:
            if content:
                suffix = SUFFIXES[content[0] % len(SUFFIXES)]
                read_anything(Path(folder, f'label{suffix}'), content[1:])

        limits = [f'-max_total_time={args.seconds}', f'-seed={args.seed}', '-max_len=4096', '-rss_limit_mb=2048']
        atheris.Setup([sys.argv[0], *limits, '-print_final_stats=1', str(corpus)], one_input)
        atheris.Fuzz()


if __name__ == '__main__':
    main()
