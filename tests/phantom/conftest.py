import json

import numpy as np
import pytest

from spondylo_mm.phantom.geometry import sample_spine
from spondylo_mm.phantom.view import sample_framing
from spondylo_mm.phantom.writer import write_dataset

IMAGES = {'train': 22, 'val': 10, 'test': 3}
SIZE = 256


@pytest.fixture(scope='session')
def dataset(tmp_path_factory):
    """A small phantom dataset with quirks: its root and its truth as read from the file."""
    root = tmp_path_factory.mktemp('phantom') / 'dataset'
    write_dataset(root, IMAGES, seed=3, size=SIZE, quirks=True)
    return root, json.loads((root / 'truth.json').read_text())


@pytest.fixture(scope='session')
def patients():
    """Spines with a radiograph of each, sampled and not drawn: ``(spine, framing, visible)``."""
    rng = np.random.default_rng(11)
    found = []
    while len(found) < 600:
        spine, visible = sample_spine(rng), int(rng.integers(6, 10))
        framing = sample_framing(rng, spine, visible)
        if framing is not None:
            found.append((spine, framing, visible))
    return found
