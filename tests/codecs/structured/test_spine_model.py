from __future__ import annotations

import numpy as np
import pytest

from spondylo_mm.anatomy import MIRRORED_CORNER, NUM_CORNERS, NUM_SLOTS
from spondylo_mm.codecs.structured.fitting import fit_spine_model, labelled_spines
from spondylo_mm.codecs.structured.geometry import link_features, shape_features, spacing
from spondylo_mm.codecs.structured.spine_model import VECTOR_SIZE, SpineModel
from spondylo_mm.errors import InputError


def assert_equal(one: SpineModel, other: SpineModel, tolerance: float = 0) -> None:
    for name, values in vars(one).items():
        if isinstance(values, np.ndarray):
            np.testing.assert_allclose(values, getattr(other, name), atol=tolerance, err_msg=name)


def test_the_means_are_those_of_the_labels(training_spines, spine_model):
    lefts = [corners for _, corners in training_spines]  # most face left; the median is theirs
    sacra = np.array([shape_features(corners[0]) for corners in lefts])
    assert spine_model.shape_mean[0] == pytest.approx(np.median(sacra, axis=0), abs=0.1)
    room = [spacing(link_features(corners[1], corners[2])) for corners in lefts]
    assert spine_model.links[0].spacing[1] == pytest.approx(np.mean(room), abs=0.02)


def test_patients_who_face_right_teach_the_same(training_spines, spine_model):
    mirrored = [(slots, (corners * [-1, 1])[:, list(MIRRORED_CORNER)] + [128, 0]) for slots, corners in training_spines]
    model = fit_spine_model(mirrored)
    np.testing.assert_allclose(model.log_facing, spine_model.log_facing[::-1])
    np.testing.assert_allclose(model.shape_mean, spine_model.shape_mean, atol=0.03)
    np.testing.assert_allclose(model.link_mean, spine_model.link_mean, atol=0.03)


def test_two_steps_are_the_composition_of_their_steps(training_spines, spine_model):
    links = [link_features(c[1], c[3]) for _, c in training_spines if len(c) > 3]
    model = spine_model.links[1]
    assert model.spacing[1] == pytest.approx(np.mean(spacing(np.array(links))), rel=0.02)
    assert model.size[1] == pytest.approx(np.median(links, axis=0)[2:], abs=0.1)
    assert len(model.spacing) == NUM_SLOTS - 2


def test_the_numbers_survive_a_checkpoint(spine_model):
    vector = spine_model.to_vector()
    assert vector.shape == (VECTOR_SIZE,)
    assert_equal(SpineModel.from_vector(vector), spine_model)
    assert_equal(SpineModel.from_vector(vector.astype(np.float32)), spine_model, tolerance=1e-6)


def test_a_vector_of_zeros_is_no_model():
    assert SpineModel.from_vector(np.zeros(VECTOR_SIZE)) is None


def test_the_same_labels_give_the_same_model(training_spines):
    assert_equal(fit_spine_model(training_spines[:20]), fit_spine_model(training_spines[:20]))


def test_starts_and_gaps_are_counted(training_spines):
    spines = [(slots, corners) for slots, corners in training_spines if len(slots) == 7][:20]
    spines[0] = (np.delete(spines[0][0], 3), np.delete(spines[0][1], 3, axis=0))
    spines[1] = (spines[1][0] + 1, spines[1][1])
    model = fit_spine_model(spines)
    known = round(1 / np.diff(np.exp(model.log_facing + np.log(1))).size)  # all facings are known here
    assert known == 1
    assert np.exp(model.log_start[:2]) == pytest.approx([19.5 / 25, 1.5 / 25])
    assert np.exp(model.log_gap) == pytest.approx([1.5 / (20 * 6 + 1)])


def test_too_few_labels_are_refused(training_spines):
    with pytest.raises(InputError, match='at least 5'):
        fit_spine_model(training_spines[:4])


def test_labels_are_read_from_the_annotations_of_a_coco_file():
    keypoints = np.zeros((NUM_SLOTS, NUM_CORNERS, 3))
    keypoints[1:4] = np.arange(36).reshape(3, 4, 3)
    keypoints[1:4, :, 2] = 2
    keypoints[3, 1, 2] = 0  # a partly labelled vertebra
    empty = dict(keypoints=[0] * 120)
    ((slots, corners),) = labelled_spines([dict(keypoints=keypoints.ravel().tolist()), empty])
    assert slots.tolist() == [1, 2]
    np.testing.assert_array_equal(corners, keypoints[1:3, :, :2])
