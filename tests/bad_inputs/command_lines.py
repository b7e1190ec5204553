"""What users type."""

from __future__ import annotations

from .case import Bench, Case

AREA = 'command lines'


def tested(words: str, says: str, **options: object) -> Case:
    return Case(AREA, f'test.py {words}', lambda bench: bench.predict(*words.split()), says, **options)


def trained(words: str, says: str, **options: object) -> Case:
    return Case(AREA, f'train.py {words}', lambda bench: bench.train(*words.split()), says, **options)


def below_a_file(bench: Bench, command: list) -> list:
    (bench.folder / 'file').touch()
    return [bench.folder / 'file' / 'below' if word == bench.out else word for word in command]


def images_and_split(bench: Bench) -> list:
    bench.films_beside()
    return bench.predict('--images', bench.films, '--split', 'val')


def no_films(bench: Bench) -> list:
    bench.films.mkdir()
    (bench.films / 'notes.txt').touch()
    return bench.predict()


CASES = [
    tested('--split val --device meta', '--device meta: nothing can be computed there'),
    tested('--split val --device cuda', 'torch sees no GPU', process=True),
    tested('--split val --device toaster', '--device toaster: not usable'),
    tested('--split val --mc-dropout -1', 'give 2 or more'),
    tested('--split val --mc-dropout 2 --seed -1', '--seed -1: give a whole number'),
    tested('--split nowhere', "invalid choice: 'nowhere'"),
    tested('--images nothing/*.png', 'matches no image'),
    tested('--split test --data-root nowhere', 'no such annotation file'),
    tested('--no-such-option', 'arguments'),
    Case(AREA, 'test.py --images FOLDER --split val', images_and_split, '--images and --split val: give one of them'),
    Case(AREA, 'test.py --images, a folder without images', no_films, 'matches no image'),
    Case(AREA, 'test.py --out below a file', lambda bench: below_a_file(bench, bench.predict('--split', 'val')),
         'choose an output folder'),
    Case(AREA, 'visualize.py --images FOLDER --split val',
         lambda bench: ['visualize.py', *images_and_split(bench)[1:]], '--images and --split val'),
    Case(AREA, 'visualize.py --worst 0',
         lambda bench: ['visualize.py', bench.config, bench.checkpoint, '--worst', 0], '--worst 0: give 1 or more'),
    trained('--seed -1', '--seed -1: give a whole number'),
    trained('--seed 4294967296', '--seed 4294967296: give a whole number'),
    trained('--launcher pytorch', 'is not started by torchrun'),
    trained('--launcher slurm', 'sees no GPU'),
    trained('--amp fp16', 'torch sees no GPU'),
    trained('--data-root nowhere', 'no such annotation file', process=True),
    trained('--resume', 'holds no checkpoint'),
    trained('--resume a.pth --load-from b.pth', 'either --resume or --load-from'),
    Case(AREA, 'train.py --work-dir below a file', lambda bench: below_a_file(bench, bench.train()),
         'choose an output folder'),
    Case(AREA, 'prepare_data.py without a folder', lambda bench: ['prepare_data.py'], 'required: SRC', process=True),
    Case(AREA, 'prepare_data.py FILE', lambda bench: ['prepare_data.py', bench.config], 'no such folder'),
    Case(AREA, 'prepare_data.py a folder with an escape sequence', lambda bench: ['prepare_data.py', 'a\x1b[2Jb'],
         r'a\x1b[2Jb: no such folder'),
    Case(AREA, 'prepare_data.py EMPTY_FOLDER', lambda bench: ['prepare_data.py', bench.folder], 'no radiograph'),
    Case(AREA, 'prepare_data.py --strict, something to repair', lambda bench: [
         *bench.dataset('{"keypoints": []}'), '--strict'], 'it lists none'),
    Case(AREA, 'prepare_data.py --seed 1 of a dataset with splits', lambda bench: [*bench.dataset(), '--seed', 1],
         'comes in splits of its own'),
    Case(AREA, 'prepare_data.py --out below a file', lambda bench: below_a_file(bench, bench.dataset()),
         'Not a directory'),
    Case(AREA, 'make_phantom.py --train -1', lambda bench: ['make_phantom.py', bench.out, '--train', -1], 'below 0'),
    Case(AREA, 'make_phantom.py --seed -1', lambda bench: ['make_phantom.py', bench.out, '--seed', -1], 'at least 0'),
    Case(AREA, 'make_phantom.py FOLDER_WITH_FILES', lambda bench: ['make_phantom.py', bench.phantoms], 'is not empty'),
    Case(AREA, 'compare_runs.py nowhere', lambda bench: ['compare_runs.py', 'nowhere'], 'no such folder'),
    Case(AREA, 'compare_runs.py EMPTY_FOLDER', lambda bench: ['compare_runs.py', bench.folder], 'holds no run'),
    Case(AREA, 'plot_curves.py --out curves.doc',
         lambda bench: ['plot_curves.py', bench.folder, '--out', 'curves.doc'], 'is no picture that can be drawn'),
]  # fmt: skip
