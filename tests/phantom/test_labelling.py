from __future__ import annotations

import numpy as np
import pytest

from spondylo_mm.phantom.labelling import LOOSE, TIGHT, Mark, box_of, label_json, label_yolo, sample_counts

SQUARE = Mark('L3', np.array([[100.4, 200.0], [199.6, 210.0], [105.0, 260.2], [204.0, 270.0]]))  # TL TR BL BR


def rng():
    return np.random.default_rng(0)


def test_tight_labels_have_the_order_and_form_of_ids_below_3700():
    label = label_json([SQUARE], TIGHT, 640, 640, rng())
    # BL, BR, TL, TR, visible 1, whole pixels; the box is the corners' extent
    assert label == {
        'boxes': [[100, 200, 204, 270]],
        'keypoints': [[[105, 260, 1], [204, 270, 1], [100, 200, 1], [200, 210, 1]]],
        'labels': [0],
    }


def test_loose_labels_have_the_order_and_form_of_ids_from_3700_on():
    label = label_json([SQUARE], LOOSE, 640, 640, rng())
    # TL, BL, BR, TR, visible 2
    assert label['keypoints'] == [[[100, 200, 2], [105, 260, 2], [204, 270, 2], [200, 210, 2]]]
    widths, heights = [], []
    for seed in range(100):
        x1, y1, x2, y2 = box_of(SQUARE, LOOSE, 640, 640, np.random.default_rng(seed))
        assert x1 < 100 and x2 > 204 and y1 < 200 and y2 > 270
        widths.append(x2 - x1 - 104)
        heights.append(y2 - y1 - 70)
    assert 14 <= min(widths) and max(widths) <= 31
    assert 9 <= min(heights) and max(heights) <= 21


def test_boxes_stay_inside_the_image():
    at_edge = Mark('T12', np.array([[2.0, 1.0], [635.0, 3.0], [4.0, 630.0], [637.0, 638.0]]))
    for seed in range(20):
        x1, y1, x2, y2 = box_of(at_edge, LOOSE, 640, 640, np.random.default_rng(seed))
        assert 0 <= x1 < x2 <= 639 and 0 <= y1 < y2 <= 639


def test_yolo_text_is_the_same_label_normalised():
    label = label_json([SQUARE, SQUARE], LOOSE, 640, 480, rng())
    lines = label_yolo(label, 640, 480).splitlines()
    assert len(lines) == 2
    for line, box, points in zip(lines, label['boxes'], label['keypoints'], strict=True):
        values = [float(field) for field in line.split()]
        assert len(values) == 5 + 4 * 3 and values[0] == 0
        cx, cy, w, h = np.array(values[1:5]) * [640, 480, 640, 480]
        assert [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2] == pytest.approx(box, abs=1e-3)
        assert np.allclose(np.array(values[5:]).reshape(4, 3) * [640, 480, 1], points, atol=1e-3)
        assert max(values[1:5]) <= 1


def test_labelled_counts_follow_the_real_dataset():
    real = {3: 21, 4: 35, 5: 72, 6: 197, 7: 204, 8: 115, 9: 37, 10: 13}  # without the four of eleven
    source = rng()
    counts = np.array([sample_counts(source) for _ in range(6000)])
    for labelled, images in real.items():
        assert (counts[:, 0] == labelled).mean() == pytest.approx(images / sum(real.values()), abs=0.02)
    assert counts[:, 1].min() == 5 and counts[:, 1].max() == 10
    assert (counts[:, 1] >= counts[:, 0]).all()
    assert (counts[:, 1] > counts[:, 0]).mean() > 0.5  # in most images visible ones are unlabelled


def test_a_spine_can_be_asked_to_have_enough_labels():
    source = rng()
    assert min(sample_counts(source, least_labelled=6)[0] for _ in range(300)) == 6
