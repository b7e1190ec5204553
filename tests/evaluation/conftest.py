from __future__ import annotations

import numpy as np
import pytest

from spondylo_mm.anatomy import NUM_SLOTS

PITCH = 60.0  # px from one vertebra to the next
HEIGHT = 48.0  # of a vertebra


@pytest.fixture
def column() -> np.ndarray:
    """A straight column of ten vertebrae (10, 4, 2), slot 0 lowest, 80 wide and ``HEIGHT`` high, ``PITCH`` apart."""
    body = np.array([[0.0, 0], [80, 0], [0, HEIGHT], [80, HEIGHT]])
    return np.array([body + [200, 570 - PITCH * slot] for slot in range(NUM_SLOTS)])


@pytest.fixture
def labelled():
    """``labelled(n)``: (40,) mask of the n lowest vertebrae."""
    return lambda n: np.repeat(np.arange(NUM_SLOTS) < n, 4)


@pytest.fixture
def present():
    """``present(slots)``: (10,) probabilities, 0.9 in these slots and 0.1 elsewhere."""
    return lambda slots: np.where(np.isin(np.arange(NUM_SLOTS), list(slots)), 0.9, 0.1)
