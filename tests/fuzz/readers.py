"""The label readers, as they are fuzzed: any bytes in, a sound label or one line out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spondylo_mm.anatomy import NUM_SLOTS
from spondylo_mm.datasets.formats import buu, label
from spondylo_mm.errors import InputError

SIZE = 160, 200
READERS = {'.json': label.read_label, '.txt': label.read_label, '.csv': buu.read_label}


def read_anything(path: Path, content: bytes) -> bool:
    """Read bytes as a label of the kind of the path's suffix.

    Returns:
        Whether they were one.

    Raises:
        AssertionError: a label that cannot be, or a refusal that is not one line about the file.
    """
    path.write_bytes(content)
    try:
        with np.errstate(all='raise', under='ignore'):  # 1e-190 is 0
            read = READERS[path.suffix](path, path.name, SIZE)
    except InputError as error:
        assert str(error).startswith(f'{path.name}: ') and '\n' not in str(error), error
        assert len(str(error)) < 500, len(str(error))
        return False
    count = len(read.slots)
    assert 1 <= count <= NUM_SLOTS
    assert (np.diff(read.slots) > 0).all() and 0 <= read.slots[0] and read.slots[-1] < NUM_SLOTS
    labelled = read.corners[np.isfinite(read.corners).all(axis=-1)]
    assert len(labelled) >= 2 and (labelled >= -0.02 * np.array(SIZE)).all()
    assert (labelled <= 1.02 * np.array(SIZE)).all()
    assert (read.presence[read.slots] == 1).all()
    assert all('\n' not in str(repair) for repair in read.repairs)
    return True
