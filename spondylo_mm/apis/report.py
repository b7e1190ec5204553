"""``report.html``: the records of many images as one page to look at, the most doubtful first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from ..anatomy import SLOT_COLORS
from ..atomic import write_pieces
from ..clinical.measurements import SLIP
from ..clinical.meyerding import GRADE_BORDERS_PERCENT, GRADES
from ..datasets.radiograph import read_radiograph
from ..errors import InputError
from ..visualization.report.page import page
from ..visualization.report.picture import encode_picture, picture_size

REPORT = 'report.html'
MAX_REPORTED = 2000  # images: some 100 MB, more than a browser opens gladly; written all the same when asked for

# Of a record, what the page shows as it is.
_SHOWN = ('width', 'height', 'spacing', 'spacing_source', 'pixel_aspect', 'facing', 'facing_confidence')


def write_report(
    path: Path,
    records: Mapping[str, dict],
    films: Mapping[str, str | Path],
    model: dict,
    on_error: Callable[[InputError], None] | None = None,
) -> None:
    """Write the page.

    Args:
        records: ``{file_name: record}`` as in ``predictions.json``, looked at one after the other, several times.
        films: the file of each image.
        model: config, checkpoint and version that made them.
        on_error: called for a film that can no longer be read, of which the page shows the corners on black; None: it
            ends the report.
    """
    names = worst_first(records)
    data = dict(
        about=_about(len(names), model),
        grades=GRADES,
        borders=GRADE_BORDERS_PERCENT,
        colors=SLOT_COLORS,
        images=(_shown(name, records[name]) for name in names),
    )
    write_pieces(path, page(data, _pictures(names, records, films, on_error)))


def worst_first(records: Mapping[str, dict]) -> list[str]:
    """Names in the order in which a person should look: first those whose record asks for a review, and among these, as
    among the others, the most doubtful grade first."""

    def doubt(name: str) -> tuple[bool, float, str]:
        certainty, _ = least_certain_grade(records[name])
        return not records[name]['review'], 1.0 if certainty is None else certainty, name

    return sorted(records, key=doubt)


def least_certain_grade(record: dict) -> tuple[float | None, str | None]:
    """The smallest probability of a grade reported for an image, and the pair it is of.

    Nothing is certain (0) of a pair whose slip could not be measured, nor of an image without a grade, which is then of
    no pair; None where grades have no probability.
    """
    if not record['slips']:
        return 0.0, None
    for row in record['measurements']:
        if row['name'] == SLIP and row['value'] is None:
            return 0.0, row['at']
    graded = [
        (slip['grade_probabilities'][slip['grade']], f'{slip["upper"]}/{slip["lower"]}')
        for slip in record['slips']
        if 'grade_probabilities' in slip
    ]
    return min(graded, default=(None, None))


def _about(count: int, model: dict) -> str:
    made = ', '.join(str(model[key]) for key in ('config', 'checkpoint') if key in model)
    return f'{count} image{"s" if count != 1 else ""}, predicted with {made} (spondylo_mm {model.get("version", "?")})'


def _shown(name: str, record: dict) -> dict:
    """What the page needs of a record."""
    certainty, least_certain = least_certain_grade(record)
    return dict(
        name=name,
        picture=_picture_size(record),
        **{key: record[key] for key in _SHOWN},
        ids=record.get('ids', {}),
        review=record['review'],
        certainty=certainty,
        least_certain=least_certain,
        largest=max(record['slips'], key=lambda slip: abs(slip['percent']), default=None),
        slips=record['slips'],
        measurements=record['measurements'],
        vertebrae=[_vertebra(vertebra) for vertebra in record['vertebrae']],
    )


def _vertebra(vertebra: dict) -> dict:
    corners = vertebra['corners'].values()
    sds = [corner['sd'] for corner in corners if 'sd' in corner]
    return dict(
        slot=vertebra['slot'],
        level=vertebra['level'],
        presence=vertebra['presence'],
        score=float(np.mean([corner['score'] for corner in corners])),
        sd=float(np.mean(sds)) if sds else None,
        corners={name: [corner['x'], corner['y']] for name, corner in vertebra['corners'].items()},
    )


def _picture_size(record: dict) -> tuple[int, int]:
    return picture_size(record['width'], record['height'], record['pixel_aspect'])


def _pictures(
    names: list[str],
    records: Mapping[str, dict],
    films: Mapping[str, str | Path],
    on_error: Callable[[InputError], None] | None,
) -> Iterator[bytes]:
    for name in names:
        try:
            film = read_radiograph(films[name])
        except InputError as error:
            if on_error is None:
                raise
            on_error(error)
            film = np.zeros((1, 1), dtype=np.uint8)
        yield encode_picture(film, _picture_size(records[name]))
