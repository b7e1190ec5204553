"""The published recipes, with every fault and without any."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest
from mmengine.registry import init_default_scope

from spondylo_mm.apis.configs import load_config

PUBLISHED = Path(__file__).parents[2] / 'configs' / 'published'
REPAIRED = PUBLISHED / 'demo_without_faults.py'
TRAINING_SWITCHES = (
    'numbered_from_the_top',
    'corner_orders_taken_as_one',
    'flipped_without_exchange',
    'empty_slots_ignored',
)


@pytest.fixture(scope='module')
def faults() -> ModuleType:
    """The module of the switches, imported as a config does it."""
    init_default_scope(load_config(REPAIRED).default_scope)
    return importlib.import_module('published_faults')
