from __future__ import annotations

import numpy as np
import pytest

from spondylo_mm.anatomy import BL, BR, TL, TR
from spondylo_mm.phantom.geometry import LEVELS_TO_T5
from spondylo_mm.phantom.labelling import Mark, box_of, label_json, label_yolo, mark_corners, sample_counts
from spondylo_mm.phantom.step_statistics import CLOSE_UP, FULL, LOOSE, TIGHT

SQUARE = Mark('L3', np.array([[100.4, 200.0], [199.6, 210.0], [105.0, 260.2], [204.0, 270.0]]))  # TL TR BL BR
SPACING = (0.4, 0.6)  # mm per pixel: an image squashed by 1.5


def rng(seed=0):
    return np.random.default_rng(seed)


def test_tight_labels_have_the_order_and_form_of_ids_below_3700():
    label = label_json([SQUARE], TIGHT, 640, 640, SPACING, rng())
    # BL, BR, TL, TR, visible 1, whole pixels; the box is the corners' extent
    assert label == {
        'boxes': [[100, 200, 204, 270]],
        'keypoints': [[[105, 260, 1], [204, 270, 1], [100, 200, 1], [200, 210, 1]]],
        'labels': [0],
    }


def test_loose_labels_have_the_order_and_form_of_ids_from_3700_on():
    label = label_json([SQUARE], LOOSE, 640, 640, SPACING, rng())
    # TL, BL, BR, TR, visible 2
    assert label['keypoints'] == [[[100, 200, 2], [105, 260, 2], [204, 270, 2], [200, 210, 2]]]


def test_loose_boxes_are_15_to_30_px_wider_than_the_corners_in_most_images():
    wider, higher = [], []
    for seed in range(300):
        x1, y1, x2, y2 = label_json([SQUARE], LOOSE, 640, 640, SPACING, rng(seed))['boxes'][0]
        assert x1 < 100 and x2 > 204 and y1 < 200 and y2 > 270
        wider.append(x2 - x1 - 104)
        higher.append(y2 - y1 - 70)
    assert np.mean((np.array(wider) >= 15) & (np.array(wider) <= 36)) > 0.6
    assert 22 < np.median(wider) < 30 and 11 < np.median(higher) < 16


def test_an_annotator_is_as_generous_with_all_boxes_of_an_image():
    widths = np.array(
        [
            [x2 - x1 for x1, _, x2, _ in label_json([SQUARE] * 6, LOOSE, 640, 640, SPACING, rng(seed))['boxes']]
            for seed in range(200)
        ]
    )
    assert widths.mean(axis=1).std() > 0.9 * widths.std(axis=1).mean()


def test_boxes_stay_inside_the_image():
    at_edge = Mark('T12', np.array([[2.0, 1.0], [635.0, 3.0], [4.0, 630.0], [637.0, 641.0]]))
    for seed in range(20):
        x1, y1, x2, y2 = box_of(at_edge, 640, 640, np.array([30.0, 20.0]), rng(seed))
        assert 0 <= x1 < x2 <= 639 and 0 <= y1 < y2 <= 639
    assert label_json([at_edge], TIGHT, 640, 640, SPACING, rng())['keypoints'][0][1][:2] == [637, 639]


def test_yolo_text_is_the_same_label_normalised():
    label = label_json([SQUARE, SQUARE], LOOSE, 640, 480, SPACING, rng())
    lines = label_yolo(label, 640, 480).splitlines()
    assert len(lines) == 2
    for line, box, points in zip(lines, label['boxes'], label['keypoints'], strict=True):
        values = [float(field) for field in line.split()]
        assert len(values) == 5 + 4 * 3 and values[0] == 0
        cx, cy, w, h = np.array(values[1:5]) * [640, 480, 640, 480]
        assert [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2] == pytest.approx(box, abs=1e-3)
        assert np.allclose(np.array(values[5:]).reshape(4, 3) * [640, 480, 1], points, atol=1e-3)
        assert max(values[1:5]) <= 1


@pytest.fixture(scope='module')
def errors():
    """Marked minus true corners of eight upright bodies in mm, by kind ``(N, 8, 4, 2)``, and their size ``(2,)``."""
    size = np.array([34.0, 26.0])
    body = size * [(-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5), (0.5, 0.5)]
    true = (body + [120.0, 0] + np.arange(8)[::-1, None, None] * [0, 36.0] + [0, 40]) / SPACING
    found = {}
    for kind in (TIGHT, LOOSE):
        marks = [mark_corners(LEVELS_TO_T5, true, 8, kind, SPACING, rng(seed)) for seed in range(600)]
        assert [mark.level for mark in marks[0]] == list(reversed(LEVELS_TO_T5[:8]))
        found[kind] = (np.array([[mark.corners for mark in each] for each in marks])[:, ::-1] - true) * SPACING
    return found, size


def test_corners_are_marked_within_a_millimetre_the_edge_of_the_sacrum_worst(errors):
    tight = errors[0][TIGHT]
    assert np.abs(tight.mean(axis=0)).max() < 0.4
    sd = tight.std(axis=0).mean(axis=-1)  # (8, 4), over both axes: mm across and down alike
    assert 0.5 < sd[1:].min() and sd[1:].max() < 1.0
    assert sd[0, [BL, BR]].min() > 1.5 > sd[0, [TL, TR]].max() > sd[1:6].mean()


def test_annotators_of_loose_labels_see_a_longer_lower_edge_of_s1(errors):
    loose, size = errors[0][LOOSE].mean(axis=0), errors[1]
    assert loose[0, BL] == pytest.approx([-0.15 * size[0], 0.08 * size[1]], abs=0.6)
    assert loose[0, BR] == pytest.approx([0.15 * size[0], 0.08 * size[1]], abs=0.6)
    assert np.abs(loose[1:]).max() < 0.3


@pytest.mark.parametrize(
    'film, kind, real',
    [
        (FULL, TIGHT, {5: 3, 6: 49, 7: 110, 8: 88, 9: 23, 10: 11}),
        (FULL, LOOSE, {4: 1, 5: 32, 6: 99, 7: 66, 8: 14, 9: 2}),
        (CLOSE_UP, LOOSE, {3: 21, 4: 34, 5: 37, 6: 49, 7: 28, 8: 13, 9: 12, 10: 2}),
    ],
)
def test_labelled_counts_follow_the_real_dataset(film, kind, real):
    source = rng()
    counts = np.array([sample_counts(source, film, kind) for _ in range(3000)])
    for labelled, images in real.items():
        assert (counts[:, 0] == labelled).mean() == pytest.approx(images / sum(real.values()), abs=0.03)
    assert (counts[:, 1] >= counts[:, 0]).all() and counts[:, 1].max() <= 10


def test_the_loose_labels_leave_out_more_of_what_is_visible():
    source = rng()
    missing = {
        kind: np.mean([np.subtract(*sample_counts(source, FULL, kind)[::-1]) for _ in range(2000)])
        for kind in (TIGHT, LOOSE)
    }
    assert missing[TIGHT] < 0.6 and missing[LOOSE] > 1.0


def test_a_spine_can_be_asked_to_have_enough_labels():
    source = rng()
    assert min(sample_counts(source, FULL, LOOSE, least_labelled=6)[0] for _ in range(300)) == 6
