"""What is trained, and what is decoded from it: the rows of the table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CONFIGS = Path(__file__).parents[2] / 'configs'


@dataclass(frozen=True)
class Size:
    """A budget.

    Attributes:
        train, val: phantoms.
        test: images of each test set.
        slots, centers: configs of the two sorts of model, in ``configs``.
    """

    train: int
    val: int
    test: int
    slots: str
    centers: str
    epochs: int


SIZES = {
    'small': Size(3000, 300, 100, 'phantoms_only.py', 'phantoms_only_centers.py', 10),
    'full': Size(20000, 300, 500, 'hrnet_w32_spondylo.py', 'hrnet_w32_centers_spondylo.py', 20),
}


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        labels: ``'labels'``, what annotators wrote, or ``'truth'``, every visible vertebra.
        is_order_free: whether vertebrae are found as instances.
        anchor: where slots are counted from.
        above: what a slot model is taught above the topmost labelled vertebra.
    """

    labels: str
    is_order_free: bool = False
    anchor: str = 'caudal'
    above: str = 'ignore'


RUNS = {
    'cranial': Run('labels', anchor='cranial'),
    'caudal': Run('labels'),
    'caudal_zero': Run('labels', above='zero'),
    'centers': Run('labels', is_order_free=True),
    'truth': Run('truth'),
    'truth_centers': Run('truth', is_order_free=True),
}


@dataclass(frozen=True)
class Row:
    """One way to decode a run; each switch is what the row before it has not.

    Attributes:
        says: what it is called in the table.
        run: key of ``RUNS``.
        presence: use the learned presence, not the mean height of the peaks.
        together: decode the slots together.
        coarse_to_fine: look at the spine a second time, enlarged.
    """

    says: str
    run: str
    presence: bool = False
    together: bool = False
    coarse_to_fine: bool = False


ROWS = (
    Row('cranial, independent', 'cranial'),
    Row('caudal, independent', 'caudal'),
    Row('+ presence, above: ignore', 'caudal', presence=True),
    Row('+ presence, above: zero', 'caudal_zero', presence=True),
    Row('+ structured decoding (ignore)', 'caudal', presence=True, together=True),
    Row('order-free', 'centers'),
    Row('order-free, coarse to fine', 'centers', coarse_to_fine=True),
    Row('caudal, independent', 'truth'),
    Row('+ presence', 'truth', presence=True),
    Row('+ structured decoding', 'truth', presence=True, together=True),
    Row('order-free', 'truth_centers'),
    Row('order-free, coarse to fine', 'truth_centers', coarse_to_fine=True),
)


def config_text(run: Run, size: Size) -> str:
    """A config that inherits the run's and states what differs."""
    epochs = size.epochs
    codec = '' if run.is_order_free else f"codec = dict(above='{run.above}')\n"
    dataset = f"dict(anchor='{run.anchor}'" + (')' if run.is_order_free else ', codec=codec)')
    head = '' if run.is_order_free else 'model = dict(head=dict(decoder=codec))\n'
    warm_up = min(0.5, epochs / 10)
    base = CONFIGS / (size.centers if run.is_order_free else size.slots)
    return (
        f"_base_ = ['{base}']\n{codec}{head}"
        f"anchor = '{run.anchor}'\n"
        f'train_dataloader = dict(dataset={dataset})\n'
        f'val_dataloader = dict(dataset={dataset})\n'
        f'test_dataloader = dict(dataset={dataset})\n'
        f'train_cfg = dict(max_epochs={epochs}, val_interval={epochs})\n'
        f'default_hooks = dict(checkpoint=dict(interval={epochs}))\n'
        "param_scheduler = [dict(type='LinearLR', start_factor=0.01, begin=0, "
        f'end={warm_up}, by_epoch=True, convert_to_iter_based=True), '
        f"dict(type='CosineAnnealingLR', eta_min=1e-5, begin={warm_up}, end={epochs}, T_max={epochs - warm_up}, "
        'by_epoch=True, convert_to_iter_based=True)]\n'
    )
