"""The comparison of models is fair: one budget, and a fault's row differs from ours by that fault alone."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def rows():
    sys.path[:0] = [str(ROOT / 'benchmarks' / 'models'), str(ROOT / 'configs' / 'published')]
    import rows

    yield rows
    del sys.path[:2]


@pytest.fixture(scope='module')
def built(rows) -> dict[str, dict[str, object]]:
    """Every row's config, flat."""
    return {name: flat(rows.build(row, rows.SIZES['small'], Path('data')).to_dict()) for name, row in rows.ROWS.items()}


def flat(value: object, prefix: str = '') -> dict[str, object]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else None
    if items is None:
        return {prefix: value}
    return {key: leaf for name, item in items for key, leaf in flat(item, f'{prefix}.{name}'.strip('.')).items()}


def difference(one: dict, other: dict) -> set[str]:
    return {key for key in {*one, *other} if one.get(key) != other.get(key)}


def test_all_rows_have_the_same_budget_and_start_from_random_weights(built):
    schedule = ('train_cfg.', 'param_scheduler.', 'optim_wrapper.optimizer.lr', 'optim_wrapper.optimizer.type')
    sizes = ('train_dataloader.batch_size', 'codec.input_size.0', 'model.head.dropout')
    for name, config in built.items():
        assert not {key for key in difference(config, built['ours_hrnet']) if key.startswith((*schedule, *sizes))}, name
        assert not config.get('model.backbone.pretrained') and 'model.backbone.init_cfg.checkpoint' not in config
        assert 'model.backbone.frozen_stages' not in config


# Of what each fault is made; 6 is in the evaluator.
SWITCHES = {
    'fault_1': {f'{loader}_dataloader.dataset.numbered_from_the_top' for loader in ('train', 'val', 'test')},
    'fault_2': {f'{loader}_dataloader.dataset.corner_orders_taken_as_one' for loader in ('train', 'val', 'test')},
    'fault_3': {'train_dataloader.dataset.flipped_without_exchange'},
    'fault_4': {'model.data_preprocessor.unequal_normalisation'},
    'fault_5': {'train_dataloader.dataset.empty_slots_ignored', 'model.head.ten_in_every_image'},
    'fault_6': {'test_evaluator.forgiving'},
}


@pytest.mark.parametrize('name', SWITCHES)
def test_a_fault_s_row_turns_on_that_fault_and_nothing_else(name, built):
    without = built['flips' if name == 'fault_3' else 'ours_hrnet']
    # classes that know the switches, and what the published evaluator reads
    known = ('.type', 'custom_imports.imports.1')
    changed = {key for key in difference(built[name], without) if not key.endswith(known) and 'meta_keys' not in key}
    assert changed == SWITCHES[name]
    assert all(built[name][key] is True for key in changed)


def test_the_repaired_recipe_has_every_switch_off(built):
    switches = {key.rsplit('.', 1)[1] for keys in SWITCHES.values() for key in keys} - {'forgiving'}
    on = {key for key, value in built['published_repaired'].items() if value is True and key.endswith(tuple(switches))}
    assert not on
    faulty = {key.rsplit('.', 1)[-1] for key, value in built['published_hrnet'].items() if value is True}
    assert switches <= faulty
