from __future__ import annotations

import numpy as np
import pytest

from spondylo_mm.anatomy import BL, BR, TL, TR
from spondylo_mm.phantom.step_statistics import CLOSE_UP, FILM, FULL
from spondylo_mm.phantom.view import Framing, View, sample_framing

FACINGS = ('left', 'right')


def test_pixel_centres_are_at_integers():
    view = View(Framing(origin=(10.0, 20.0), extent=(64.0, 128.0), lean=0.0, facing='left'), width=32, height=128)
    assert view.spacing == (2.0, 1.0)
    # the corner of the film is half a pixel outside the centre of the first pixel
    assert np.allclose(view.to_pixels(np.array([10.0, 20.0])), [-0.5, -0.5])
    assert np.allclose(view.to_pixels(np.array([74.0, 148.0])), [31.5, 127.5])


def test_a_patient_who_faces_right_has_the_front_on_the_right():
    left = View(Framing((-50.0, -50.0), (100.0, 100.0), 0.0, 'left'), 100, 100)
    right = View(Framing((-50.0, -50.0), (100.0, 100.0), 0.0, 'right'), 100, 100)
    front = np.array([-30.0, 0.0])
    assert left.to_pixels(front)[0] == pytest.approx(19.5)
    assert right.to_pixels(front)[0] == pytest.approx(79.5)


def test_pixels_map_back_to_the_same_millimetres(patients):
    for spine, framing, _ in patients[:20]:
        view = framing.squashed(300)
        assert np.abs(view.to_mm(view.to_pixels(spine.corners)) - spine.corners).max() < 1e-9


def test_the_two_images_of_a_radiograph_differ_by_a_stretch_only(patients):
    for spine, framing, _ in patients[:20]:
        squashed, original = framing.squashed(640), framing.original(640)
        ratio = np.array([original.width, original.height]) / 640
        assert original.height == 1024
        assert np.allclose((squashed.corners(spine) + 0.5) * ratio - 0.5, original.corners(spine))
        assert original.spacing[0] == pytest.approx(original.spacing[1], rel=2e-3)  # a whole number of columns
        assert 1.2 - 1e-3 < squashed.spacing[1] / squashed.spacing[0] < 2.5 + 1e-3


def test_a_mirrored_radiograph_swaps_left_and_right_corners(patients):
    for spine, framing, _ in patients[:20]:
        corners, mirrored = framing.squashed(640).corners(spine), framing.mirrored().squashed(640).corners(spine)
        for corner, partner in ((TL, TR), (TR, TL), (BL, BR), (BR, BL)):
            assert np.allclose(mirrored[:, corner, 0], 639 - corners[:, partner, 0])
            assert np.allclose(mirrored[:, corner, 1], corners[:, partner, 1])
        assert {framing.facing, framing.mirrored().facing} == {'left', 'right'}


def test_left_corners_are_left_of_right_ones_and_top_above_bottom(patients):
    for spine, framing, visible in patients:
        corners = framing.squashed(640).corners(spine)[:visible]
        assert (corners[:, TL, 0] < corners[:, TR, 0]).all() and (corners[:, BL, 0] < corners[:, BR, 0]).all()
        middle = 0.5 * (corners[:, [TL, BL]] + corners[:, [TR, BR]])
        assert (middle[:, 0, 1] < middle[:, 1, 1]).all()


def test_exactly_the_vertebrae_asked_for_are_visible_at_any_size(patients):
    for spine, framing, visible in patients:
        for view in (framing.squashed(640), framing.squashed(128), framing.original(640)):
            seen = view.is_visible(view.corners(spine))
            assert seen[:visible].all() and not seen[visible:].any()


def test_a_vertebra_with_one_corner_outside_is_not_visible():
    view = View(Framing((0.0, 0.0), (10.0, 10.0), 0.0, 'left'), 100, 100)
    inside = np.array([[[10.0, 10.0], [50.0, 10.0], [10.0, 40.0], [50.0, 40.0]]])
    outside = inside.copy()
    outside[0, TL, 1] = -0.1
    assert view.is_visible(inside).tolist() == [True]
    assert view.is_visible(outside).tolist() == [False]


def test_the_slip_measured_on_the_image_is_the_one_constructed(patients, slip_of_pair):
    for spine, framing, visible in patients[:100]:
        for view in (framing.squashed(640), framing.mirrored().original(640)):
            corners = view.corners(spine)
            for lower in range(visible - 1):
                measured = slip_of_pair(corners[lower + 1], corners[lower], view.framing.facing, view.spacing)
                assert measured == pytest.approx(spine.slip_percent[lower], abs=1e-6)


def test_no_intact_spine_has_a_gap_that_looks_like_a_missing_level(patients):
    for spine, framing, visible in patients:
        centers = framing.squashed(640).corners(spine)[:visible].mean(axis=1)
        spacing = np.linalg.norm(np.diff(centers, axis=0), axis=1)
        assert spacing.max() < 1.7 * np.median(spacing)


def test_most_patients_face_left_on_full_films_and_little_more_than_half_on_close_ups(patients):
    assert np.mean([framing.facing == 'left' for _, framing, _ in patients]) > 0.96  # real: 98.6 %
    rng = np.random.default_rng(4)
    framings = [sample_framing(rng, spine, 5, FILM[CLOSE_UP]) for spine, _, _ in patients[:400]]
    lean = {side: [framing.lean for framing in framings if framing and framing.facing == side] for side in FACINGS}
    count = {side: len(each) for side, each in lean.items()}
    assert sum(count.values()) > 300 and count['left'] / sum(count.values()) == pytest.approx(0.59, abs=0.08)
    assert np.mean(lean['left']) < -2 and np.mean(lean['right']) > 2  # whichever way they face, they lean as patients


def test_close_ups_show_larger_vertebrae(patients):
    rng, pitch = np.random.default_rng(4), {FULL: [], CLOSE_UP: []}
    for spine, _, _ in patients[:100]:
        for film in pitch:
            framing = sample_framing(rng, spine, 5 if film == CLOSE_UP else 7, FILM[film])
            if framing:
                y = framing.squashed(640).corners(spine)[:5].mean(axis=1)[:, 1]
                pitch[film].append(np.median(-np.diff(y)))
    # Real labels: 58 px of 640 between centres on full films, 90 to 110 where four or five are labelled elsewhere.
    assert np.mean(pitch[FULL]) == pytest.approx(58, abs=5)
    assert 80 < np.mean(pitch[CLOSE_UP]) < 120


def test_long_films_are_less_narrow(patients):
    stretch = [(visible >= 9, framing.extent[1] / framing.extent[0]) for _, framing, visible in patients]
    assert max(value for is_long, value in stretch if is_long) < 2.06
    assert max(value for is_long, value in stretch if not is_long) > 2.2


def test_no_more_vertebrae_fit_than_a_film_can_show(patients):
    assert sample_framing(np.random.default_rng(0), patients[0][0], 1) is None
