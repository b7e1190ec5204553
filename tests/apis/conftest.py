"""Work dirs of runs that never ran, as mmengine and the package's hook would have left them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def make_run(tmp_path) -> Callable[..., Path]:
    """Write a work dir: ``make_run('a', [{epoch: MRE}, …], record)``, one dict per session, in order of time.

    A session trains from its first epoch on; an MRE of None stands for an epoch without validation. Further metrics
    follow from the MRE: matched is half of it, SDR@6px its inverse, SDR@24px four times that, the loss a tenth.
    """

    def make(name: str, sessions: list[dict[int, float | None]], record: dict | None = None) -> Path:
        folder = tmp_path / 'work_dirs' / name
        for number, session in enumerate(sessions):
            logs = folder / f'20261121_12{number:02}00' / 'vis_data'
            logs.mkdir(parents=True)
            lines = []
            for epoch, mre in session.items():
                for loss in (3.0, 1.0):
                    lines.append(
                        dict(loss=loss / epoch, lr=1e-3 / epoch, epoch=epoch, iter=10 * epoch, step=10 * epoch)
                    )
                if mre is not None:
                    metrics = {'MRE': mre, 'matched_MRE': mre / 2, 'SDR@6px': 1 / mre, 'SDR@24px': 4 / mre}
                    metrics['loss'] = mre / 10
                    lines.append({f'spondylo/{key}': value for key, value in metrics.items()} | dict(step=epoch))
            (logs / 'scalars.json').write_text(''.join(json.dumps(line) + '\n' for line in lines))
        if record is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / 'run.json').write_text(json.dumps(dict(schema=1) | record))
        return folder

    return make
