"""Train the model of a config: tools/train.py configs/hrnet_w32_spondylo.py --data-root data/spondylo"""

import argparse
import os

from spondylo_mm.command_line import run


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Train a model. Logs, checkpoints and TensorBoard files go to the work dir.'
    )
    parser.add_argument('config', help='config file, for example configs/hrnet_w32_spondylo.py')
    parser.add_argument(
        '--data-root',
        metavar='DIR',
        help="folder that tools/prepare_data.py wrote to (default: the config's data_root)",
    )
    parser.add_argument(
        '--work-dir', metavar='DIR', help='where everything of this run goes (default: work_dirs/<config name>)'
    )
    parser.add_argument(
        '--resume',
        nargs='?',
        const=True,
        default=False,
        metavar='CKPT',
        help='go on with a stopped run as if it had not been stopped: from its last checkpoint, or from CKPT',
    )
    parser.add_argument('--load-from', metavar='CKPT', help='start from the weights of a checkpoint of the same model')
    parser.add_argument(
        '--allow-partial',
        action='store_true',
        help='accept weights to start from that fit in part; which do not is logged',
    )
    parser.add_argument(
        '--amp',
        nargs='?',
        const='auto',
        choices=('auto', 'bf16', 'fp16'),
        help='mixed precision, on a GPU, or as bf16 on a processor that computes it (alone: bf16 where it can be had, '
        'else fp16)',
    )
    parser.add_argument('--from-scratch', action='store_true', help="start from random weights instead of ImageNet's")
    parser.add_argument('--seed', type=int, help="random seed (default: the config's, 0)")
    parser.add_argument(
        '--launcher',
        choices=('none', 'pytorch', 'slurm', 'mpi'),
        default='none',
        help='how processes were started (default: one process)',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='changes to the config, for example train_cfg.max_epochs=10',
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from spondylo_mm.apis.training import train  # takes seconds: only once the arguments are known to be right

    best = train(
        args.config,
        data_root=args.data_root,
        work_dir=args.work_dir,
        resume=args.resume,
        load_from=args.load_from,
        allow_partial=args.allow_partial,
        amp=args.amp,
        from_scratch=args.from_scratch,
        seed=args.seed,
        launcher=args.launcher,
        options=args.cfg_options,
    )
    if os.environ.get('RANK', '0') == '0':  # one of the processes of a launcher
        print(f'best checkpoint: {best}')


if __name__ == '__main__':
    run(main)
