"""How well slips and grades are read: from true corners, from corners with errors of a known size, from predicted ones.

    python benchmarks/clinical/run.py
    python benchmarks/clinical/run.py --model CONFIG CHECKPOINT [--mc-dropout 20]

draws phantoms of all grades, squashed to a square as the dataset's images are, and writes results.json and results.md
beside this file. The truth is that of the phantoms' construction: the slip is a number from which the corners are laid
out. The first form takes two minutes, most of it to draw the phantoms; --data keeps them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from report import report

from spondylo_mm import atomic
from spondylo_mm.anatomy import CORNERS, NUM_CORNERS, NUM_SLOTS
from spondylo_mm.clinical.facing import facing
from spondylo_mm.clinical.measure import absent
from spondylo_mm.clinical.measurements import SLIP, measure_spine, pair_name
from spondylo_mm.clinical.meyerding import GRADE_BORDERS_PERCENT
from spondylo_mm.clinical.patient_spine import patient_spine
from spondylo_mm.codecs.presence import PRESENCE_THRESHOLD
from spondylo_mm.evaluation.functional.clinical_score import ClinicalScore
from spondylo_mm.evaluation.functional.clinical_summary import summarise_clinical
from spondylo_mm.evaluation.functional.radial_errors import reference_scale
from spondylo_mm.evaluation.functional.summary import as_json
from spondylo_mm.phantom.writer import write_dataset

NOISE_PX = (1.0, 2.0, 4.0, 8.0)  # radial standard deviation of the corners, px@512
NUM_BOOTSTRAP = 1000
SEED = 0  # of noise and bootstrap; the phantoms have their own
NOTHING = absent('nothing was found here')


class Phantom:
    """What ``truth.json`` says of one image.

    Slots are counted from the lowest labelled vertebra, as labels and model count them: where the film ends above the
    sacrum or the patient has six lumbar vertebrae, the names of levels are off, on both sides alike.
    """

    def __init__(self, name: str, entry: dict) -> None:
        self.name, self.facing, self.spacing = name, entry['facing'], entry['spacing']
        self.px_per_px512 = 1 / reference_scale((entry['width'], entry['height']))
        self.corners = np.full((NUM_SLOTS, NUM_CORNERS, 2), np.nan)
        self.labelled = np.zeros(NUM_SLOTS, dtype=bool)
        lowest = [vertebra['labelled'] for vertebra in entry['vertebrae']].index(True)
        for slot, vertebra in enumerate(entry['vertebrae'][lowest:][:NUM_SLOTS]):
            self.corners[slot] = [vertebra['corners'][corner] for corner in CORNERS]
            self.labelled[slot] = vertebra['labelled']
        rows = entry['slips'][lowest:][: NUM_SLOTS - 1]
        self.slips = {(SLIP, pair_name(slot)): row['percent'] for slot, row in enumerate(rows)}
        self.truth = self._measured(self.corners) | self.slips
        labelled = self._measured(np.where(self.labelled[:, None, None], self.corners, np.nan))
        self.labelled_truth = {key: self.truth[key] for key in labelled}

    def _measured(self, corners: np.ndarray) -> dict:
        """What the true corners (S, 4, 2) of some vertebrae give."""
        measured = measure_spine(patient_spine(corners, self.facing, self.spacing))
        return {key: measure.value for key, measure in measured.items() if measure.value is not None}

    def score(
        self, corners: np.ndarray, side: str, spacing=None, sd: np.ndarray | None = None, truth: dict | None = None
    ) -> ClinicalScore:
        """Measurements of corners (S, 4, 2) against the construction, all of it or ``truth``."""
        truth = self.truth if truth is None else truth
        found = measure_spine(patient_spine(corners, side, self.spacing if spacing is None else spacing, sd))
        return ClinicalScore(truth, {key: found.get(key, NOTHING) for key in truth}, self.facing, side)


def readings_of_true_corners(phantoms: list[Phantom]) -> dict[str, list[ClinicalScore]]:
    """The true corners as they are, then with one thing worse at a time."""
    slots, rng = np.arange(NUM_SLOTS), np.random.default_rng(SEED)
    readings = {
        'true corners': [p.score(p.corners, p.facing) for p in phantoms],
        'true corners, facing read from them': [p.score(p.corners, facing(p.corners, slots)) for p in phantoms],
        'rounded to whole pixels, as labels are': [p.score(np.round(p.corners), p.facing) for p in phantoms],
        'aspect ratio unknown (squashed image)': [p.score(p.corners, p.facing, (1.0, 1.0)) for p in phantoms],
    }
    for noise in NOISE_PX:
        scores = []
        for phantom in phantoms:
            sd = noise * phantom.px_per_px512
            noisy = phantom.corners + rng.normal(0, sd / np.sqrt(2), phantom.corners.shape)
            scores.append(phantom.score(noisy, phantom.facing, sd=np.full((NUM_SLOTS, NUM_CORNERS), sd)))
        readings[f'corners off by {noise:g} px@512 (root mean square)'] = scores
    return readings


def readings_of_a_model(phantoms: list[Phantom], root: Path, args: argparse.Namespace) -> tuple[dict, dict, dict]:
    """Clinical scores of predicted corners, how good the corners are, and the inferencer's description."""
    from spondylo_mm.apis.inferencer import SpineInferencer, raise_error
    from spondylo_mm.evaluation.functional.image_score import score_image
    from spondylo_mm.evaluation.functional.summary import summarise

    inferencer = SpineInferencer(*args.model, device=args.device, mc_dropout=args.mc_dropout)
    dataset = inferencer.dataset_of_images({phantom.name: root / phantom.name for phantom in phantoms})
    scores, clinical = [], {'predicted corners': [], 'predicted corners, aspect ratio unknown': []}
    for phantom, sample in zip(phantoms, inferencer.predict(dataset, on_error=raise_error), strict=True):
        predicted = sample.pred_instances
        doubt = predicted.keypoint_sd if 'keypoint_sd' in predicted else predicted.keypoint_spread
        labelled = np.repeat(phantom.labelled, NUM_CORNERS)
        keypoints, presence = predicted.keypoints[0], predicted.presence[0]
        scores.append(
            score_image(keypoints, presence, phantom.corners.reshape(-1, 2), labelled, size=sample.ori_shape[::-1])
        )
        corners = keypoints.reshape(NUM_SLOTS, NUM_CORNERS, 2).astype(float)
        corners[presence < PRESENCE_THRESHOLD] = np.nan
        side, sd = facing(corners, np.arange(NUM_SLOTS)), doubt[0].reshape(NUM_SLOTS, NUM_CORNERS)
        for name, spacing in zip(clinical, (phantom.spacing, (1.0, 1.0)), strict=True):
            clinical[name].append(phantom.score(corners, side, spacing, sd, phantom.labelled_truth))
    corners = summarise(scores, NUM_BOOTSTRAP, SEED)
    corners = {name: (corners['metrics'][name], corners['intervals'][name]) for name in ('MRE', 'SDR@6px')}
    return clinical, corners, inferencer.description


def distance_to_border(percent: float) -> float:
    """Of a slip to the nearest border of grades, points."""
    return min(abs(percent - border) for border in GRADE_BORDERS_PERCENT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--phantoms', type=int, default=200)
    parser.add_argument('--seed', type=int, default=2026, help='of the phantoms: other ones than those of the training')
    parser.add_argument('--size', type=int, default=640, help='side of the images, px')
    parser.add_argument('--data', type=Path, help='keep the phantoms here, or use those that are here')
    parser.add_argument('--model', nargs=2, metavar=('CONFIG', 'CHECKPOINT'), help='also read its predictions')
    parser.add_argument('--mc-dropout', type=int, default=0, metavar='N', help='passes with dropout for the intervals')
    parser.add_argument('--device', default='auto')
    parser.add_argument('--out', type=Path, default=Path(__file__).parent, help='folder for results.{json,md}')
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as temporary:
        root = args.data or Path(temporary) / 'phantoms'
        if not (root / 'truth.json').exists():
            write_dataset(root, dict(train=0, val=args.phantoms, test=0), args.seed, args.size, processes=2)
        entries = json.loads((root / 'truth.json').read_text())['images']
        phantoms = [Phantom(name, entry) for name, entry in entries.items() if entry['split'] == 'val']
        readings, corners, description = readings_of_true_corners(phantoms), None, {}
        if args.model:
            predicted, corners, description = readings_of_a_model(phantoms, root, args)
            readings |= predicted

    summaries = {name: summarise_clinical(scores, NUM_BOOTSTRAP, SEED) for name, scores in readings.items()}
    slips = [slip for phantom in phantoms for slip in phantom.slips.values()]
    results = dict(
        phantoms=len(phantoms),
        seed=args.seed,
        size=args.size,
        pairs=len(slips),
        nearest_to_a_border=min(map(distance_to_border, slips)),
        model=args.model and [Path(path).name for path in args.model],
        mc_dropout=args.mc_dropout,
        sd_scale=description.get('sd_scale'),
        corners=corners,
        readings={
            name: {key: summary[key] for key in ('metrics', 'intervals', 'clinical')}
            for name, summary in summaries.items()
        },
    )
    text = report(results)
    print(text)
    atomic.write_json(args.out / 'results.json', as_json(results), indent=1)
    atomic.write_text(args.out / 'results.md', text)


if __name__ == '__main__':
    main()
