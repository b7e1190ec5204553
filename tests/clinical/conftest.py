from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope='session')
def real_spines(real_data: Path) -> dict[str, np.ndarray]:
    """Corners (V, 4, 2), S1 first, of the five labelled radiographs, by patient id."""
    spines = {}
    for path in sorted((real_data / 'spondylo_mini').rglob('labels/*/*.json')):
        corners = np.array(json.loads(path.read_text())['keypoints'], dtype=float)[..., :2]
        patient = path.name[:4]
        # The two corner orders on disk: BL BR TL TR below id 3700, TL BL BR TR from there on.
        corners = corners[:, [2, 3, 0, 1]] if int(patient) < 3700 else corners[:, [0, 3, 1, 2]]
        spines[patient] = corners[np.argsort(-corners[..., 1].mean(axis=1))]
    return spines
