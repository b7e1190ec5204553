"""Structured decoding, as a whole: what it repairs and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest

from spondylo_mm.anatomy import FLIP_INDICES, NUM_CORNERS, NUM_SLOTS
from spondylo_mm.codecs.dark import decode_peaks
from spondylo_mm.codecs.presence import PRESENCE_THRESHOLD, vertebra_presence
from spondylo_mm.codecs.structured.decoding import decode_together

from .conftest import SIGMA, draw_faintly, miscount

TOLERANCE = 2.0  # heatmap pixels, a fifth of a vertebra's height
SECOND_BEST = (0.5, 0.9)  # height of the right peak in shares of the wrong one


def decode(maps, model):
    """Independent and joint: corners (S, 4, 2) and presence (S,) of each."""
    positions, heights = decode_peaks(maps, SIGMA)
    together, _, presence = decode_together(maps, model, SIGMA, positions, heights)
    shape = (NUM_SLOTS, NUM_CORNERS, 2)
    return positions.reshape(shape), vertebra_presence(heights), together.reshape(shape), presence


def is_right(corners, presence, true):
    """Every vertebra is in its slot, and judged present; no other is."""
    here = np.arange(NUM_SLOTS) < len(true)
    near = np.linalg.norm(corners[: len(true)] - true, axis=-1) < TOLERANCE
    return bool(near.all() and ((presence >= PRESENCE_THRESHOLD) == here).all())


def repaired(kind, second, spines, model, seed=3):
    """Shares of the images that are right, decoded independently and together."""
    rng = np.random.default_rng(seed)
    results = []
    for true in spines:
        if len(true) == NUM_SLOTS and kind in ('shifted up', 'doubled'):
            continue  # the topmost vertebra would be in no channel
        corners, presence, together, joint_presence = decode(
            miscount(kind, len(true), rng).draw(true, rng, second), model
        )
        results.append((is_right(corners, presence, true), is_right(together, joint_presence, true)))
    return np.mean(results, axis=0)


KINDS = ['shifted up', 'shifted down', 'doubled', 'doubled once', 'skipped']


@pytest.mark.parametrize('kind', KINDS)
def test_a_miscount_is_repaired(kind, spines, spine_model):
    independent, together = repaired(kind, SECOND_BEST, spines[:12], spine_model)
    assert independent == 0
    assert together == 1


def test_a_shift_is_repaired_when_no_channel_shows_its_own_vertebra(spines, spine_model):
    independent, together = repaired('shifted up', None, spines[:12], spine_model)
    assert independent == 0 and together == 1


@pytest.mark.slow
@pytest.mark.parametrize('kind', KINDS)
def test_of_300_miscounts_99_percent_are_repaired(kind, spines, spine_model):
    assert repaired(kind, SECOND_BEST, spines, spine_model)[1] >= 0.99


@pytest.mark.slow
def test_of_300_right_images_none_is_made_worse(spines, spine_model):
    independent, together = repaired('none', None, spines, spine_model)
    assert together >= independent


def places_right(images, model):
    """How many of images (maps, true corners {slot: (4, 2)}) have all these corners, independently and together."""
    number = np.zeros(2, int)
    for maps, true in images:
        independent, _, together, _ = decode(maps, model)
        slots = list(true)
        for which, corners in enumerate((independent, together)):
            errors = np.linalg.norm(corners[slots] - np.array(list(true.values())), axis=-1)
            number[which] += errors.max() < TOLERANCE + 0.5  # peaks are off by a pixel as they are
    return number


def faint_images(spines):
    rng = np.random.default_rng(11)
    return [(draw_faintly(true, rng), dict(enumerate(true))) for true in spines]


def images_without_sacrum(spines):
    """Film that ends above the sacrum: L5 in the channels of slot 1, and nothing in those of slot 0."""
    rng = np.random.default_rng(12)
    for true in spines:
        shown = miscount('none', len(true), rng)
        del shown.shown[0]
        yield shown.draw(true, rng, None), dict(enumerate(true[1:], start=1))


def test_low_and_blurred_peaks_with_ghosts_of_the_neighbours_stay_where_they_are(spines, spine_model):
    independent, together = places_right(faint_images(spines[:20]), spine_model)
    assert together >= independent >= 18


@pytest.mark.slow
def test_of_300_images_of_low_and_blurred_peaks_no_more_are_wrong_than_independently(spines, spine_model):
    independent, together = places_right(faint_images(spines), spine_model)
    assert together >= independent


def test_a_spine_without_sacrum_is_not_counted_from_l5(spines, spine_model):
    assert places_right(images_without_sacrum(spines[:12]), spine_model).tolist() == [12, 12]


@pytest.mark.slow
def test_of_300_spines_without_sacrum_97_percent_are_not_counted_from_l5(spines, spine_model):
    independent, together = places_right(images_without_sacrum(spines), spine_model)
    assert independent == 300 and together >= 0.97 * 300


def test_a_vertebra_cut_by_the_upper_edge_is_as_present_as_its_peaks_are_high(spines, spine_model):
    rng = np.random.default_rng(13)
    for true in spines[:8]:
        cut = true - [0, true[-1, :, 1].mean()]  # the middle of the topmost is on the edge
        maps = miscount('none', len(cut), rng).draw(cut, rng, None)
        maps[4 * len(cut) - 4 : 4 * len(cut)] *= 0.5
        corners, presence, together, joint_presence = decode(maps, spine_model)
        np.testing.assert_allclose(together[: len(cut) - 1], corners[: len(cut) - 1], atol=1e-9)
        np.testing.assert_array_equal(joint_presence >= 0.5, presence >= 0.5)


def test_a_faint_vertebra_below_a_plain_one_is_present_and_one_above_is_not(spines, spine_model):
    rng = np.random.default_rng(14)
    true = next(spine for spine in spines if len(spine) == 7)
    maps = miscount('none', 7, rng).draw(true, rng, None)
    for slot in (0, 3, 6):
        maps[4 * slot : 4 * slot + 4] *= 0.3 / maps[4 * slot : 4 * slot + 4].max()
    _, independent, _, presence = decode(maps, spine_model)
    assert np.flatnonzero(independent >= 0.5).tolist() == [1, 2, 4, 5]
    assert np.flatnonzero(presence >= 0.5).tolist() == [0, 1, 2, 3, 4, 5]


def test_what_is_right_stays_as_it_is(spines, spine_model):
    rng, right = np.random.default_rng(4), 0
    for true in spines[:12]:
        maps = miscount('none', len(true), rng).draw(true, rng, None)
        corners, presence, together, joint_presence = decode(maps, spine_model)
        np.testing.assert_allclose(together, corners, atol=1e-9)
        if is_right(corners, presence, true):  # else a peak of little over a half has fallen between pixels
            np.testing.assert_array_equal(joint_presence >= 0.5, presence >= 0.5)
            right += 1
    assert right >= 9


def test_a_high_grade_slip_is_not_decoded_away(spines, spine_model):
    """L5 and all above it half an endplate forwards: far from the labels, but plainly seen."""
    rng = np.random.default_rng(5)
    for true in [spine for spine in spines if len(spine) == 6][:5]:
        endplate = (true[0, 1] - true[0, 0]) * (1 if true[0, 1, 1] < true[0, 0, 1] else -1)
        slipped = true - np.where(np.arange(6) > 0, 0.5, 0)[:, None, None] * endplate
        slipped = slipped + np.maximum(0, 3 - slipped.min(axis=(0, 1)))  # on the film
        corners, _, together, presence = decode(miscount('none', 6, rng).draw(slipped, rng, None), spine_model)
        np.testing.assert_allclose(together[:6], corners[:6], atol=1e-9)
        assert (presence[:6] > 0.5).all() and (presence[6:] < 0.5).all()


@pytest.mark.parametrize('hidden', [[2], [2, 3, 4]])
def test_a_hidden_level_leaves_its_slot_empty_and_the_others_in_theirs(hidden, spines, spine_model):
    """Levels behind a gas shadow: nothing shows them, and the chain jumps over them."""
    rng = np.random.default_rng(6)
    true = next(spine for spine in spines if len(spine) == 8)
    shown = miscount('none', 8, rng)
    for slot in hidden:
        del shown.shown[slot]
    corners, _, together, presence = decode(shown.draw(true, rng, None), spine_model)
    seen = [slot for slot in range(8) if slot not in hidden]
    assert np.linalg.norm(together[seen] - true[seen], axis=-1).max() < TOLERANCE
    assert np.flatnonzero(presence >= 0.5).tolist() == seen
    np.testing.assert_array_equal(together[hidden], corners[hidden])


def test_one_corner_in_the_channel_of_the_next_level_is_taken_from_there(spines, spine_model):
    """TL of vertebra 2 and 3 are exchanged: each channel shows three corners of its own vertebra."""
    rng = np.random.default_rng(7)
    for true in [spine for spine in spines if len(spine) == 7][:5]:
        maps = miscount('none', 7, rng).draw(true, rng, None)
        maps[[8, 12]] = maps[[12, 8]]
        corners, _, together, _ = decode(maps, spine_model)
        assert np.linalg.norm(corners[2, 0] - true[2, 0]) > 5
        assert np.linalg.norm(together[:7] - true, axis=-1).max() < TOLERANCE


def test_the_mirrored_image_has_the_mirrored_vertebrae(spines, spine_model):
    rng = np.random.default_rng(8)
    true = spines[0]
    maps = miscount('doubled', len(true), rng).draw(true, rng, SECOND_BEST)
    _, _, together, presence = decode(maps, spine_model)
    mirrored = np.ascontiguousarray(maps[list(FLIP_INDICES), :, ::-1])
    _, _, flipped, flipped_presence = decode(mirrored, spine_model)
    back = flipped.reshape(-1, 2)[list(FLIP_INDICES)].reshape(together.shape) * [-1, 1] + [127, 0]
    n = len(true)
    np.testing.assert_allclose(back[:n], together[:n], atol=1e-6)
    np.testing.assert_array_equal(flipped_presence >= 0.5, presence >= 0.5)


def test_nothing_is_found_in_noise(spine_model):
    noise = np.random.default_rng(9).normal(0, 0.03, (40, 128, 128)).astype(np.float32)
    corners, _, together, presence = decode(noise, spine_model)
    np.testing.assert_array_equal(together, corners)
    assert (presence < 0.5).all()
    _, _, _, presence = decode(np.zeros((40, 128, 128), np.float32), spine_model)
    assert (presence < 0.5).all()


def test_nothing_given_is_changed(spines, spine_model):
    rng = np.random.default_rng(10)
    maps = miscount('shifted up', 6, rng).draw(spines[0][:6], rng, SECOND_BEST)
    positions, heights = decode_peaks(maps, SIGMA)
    kept = positions.copy(), heights.copy(), maps.copy()
    decode_together(maps, spine_model, SIGMA, positions, heights)
    for now, before in zip((positions, heights, maps), kept, strict=True):
        np.testing.assert_array_equal(now, before)
