"""Which map shows what, and the one point that stands for a whole vertebra.

A vertebra is found by its *anchor*: the mean of its four corners, as in Yi et al. 2020 (arXiv:2001.03187), or, of the
sacrum, the middle of its superior endplate. That is all of the sacrum that some datasets label (BUU-LSPINE) and that
some films show, its lower corners are the least certain of all, and no slip or angle needs them.
"""

from __future__ import annotations

import numpy as np

from ...anatomy import NUM_CORNERS, TL, TR

VERTEBRA, SACRUM = 0, 1  # the channels of the anchors
NUM_KINDS = 2
NUM_HEATMAPS = NUM_KINDS + NUM_CORNERS  # the anchors, then the corners by type, of all vertebrae together
NUM_OFFSETS = 2 * NUM_CORNERS  # x and y of TL, then of TR, …, from the anchor
NUM_MAPS = NUM_HEATMAPS + NUM_OFFSETS

# Corners (kind, corner) whose mean is the anchor.
ANCHOR_CORNERS = np.ones((NUM_KINDS, NUM_CORNERS), dtype=bool)
ANCHOR_CORNERS[SACRUM] = False
ANCHOR_CORNERS[SACRUM, [TL, TR]] = True


def kinds_of_slots(num_slots: int) -> np.ndarray:
    """``(S,)`` what is in each slot: in slot 0, counted from the caudal end, the sacrum."""
    return np.where(np.arange(num_slots) == 0, SACRUM, VERTEBRA)
