"""Which corner is which depends neither on how a label is written nor on where a spine lies in its image."""

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from spondylo_mm.datasets.formats.canonical import around, polygon_area
from spondylo_mm.datasets.formats.raw import MIN_AREA
from spondylo_mm.datasets.formats.spine import assemble
from spondylo_mm.phantom.geometry import sample_spine
from spondylo_mm.phantom.view import sample_framing

from .settings import EXAMPLES, quickly

# As many as the augmentation of the recipes turns a spine; phantoms are themselves as varied as patients are.
_TURN = np.radians(12)
_ZOOM = 0.5, 2.0


def _spines() -> list[np.ndarray]:
    """Corners (n, 4, 2), most caudal first, of phantoms in the proportions of their radiographs."""
    rng = np.random.default_rng(7)
    spines = []
    while len(spines) < 40:
        spine, visible = sample_spine(rng), int(rng.integers(5, 11))
        framing = sample_framing(rng, spine, visible)
        if framing is not None:
            spines.append(framing.original(640).corners(spine)[: int(rng.integers(3, visible + 1))])
    return spines


SPINES = _spines()


def test_any_order_place_size_and_turn_gives_the_same_corners(record_property):
    @quickly
    @given(
        st.sampled_from(range(len(SPINES))),
        st.floats(-_TURN, _TURN),
        st.floats(*_ZOOM),
        st.floats(-300, 300),
        st.integers(0, 2**32 - 1),
    )
    def assembled(which: int, turn: float, zoom: float, shift: float, seed: int) -> None:
        turned = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        spine = zoom * (SPINES[which] - SPINES[which].mean(axis=(0, 1))) @ turned + [shift, 320]
        rng = np.random.default_rng(seed)
        shuffled = np.stack([rng.permutation(points) for points in rng.permutation(spine)])
        found = assemble(shuffled)
        np.testing.assert_array_equal(found.corners, spine)
        assert found.faults == []

    assembled()
    record_property('area', 'fuzzing: canonicalisation')
    record_property('survived', EXAMPLES)


def test_any_points_make_a_spine_without_an_error(record_property):
    """Nonsense too: what is labelled may be anything that encloses an area; the readers drop the rest before."""

    @quickly
    @given(st.integers(1, 14), st.integers(0, 2**32 - 1), st.sampled_from([1.0, 8.0, 300.0]), st.booleans())
    def assembled(count: int, seed: int, spread: float, whole_pixels: bool) -> None:
        rng = np.random.default_rng(seed)
        points = rng.uniform(0, 640, (count, 1, 2)) + rng.uniform(-spread, spread, (count, 4, 2))
        points = np.round(points) if whole_pixels else points
        points = points[[polygon_area(around(body)) >= MIN_AREA for body in points]]
        assume(len(points))
        with np.errstate(all='raise'):
            found = assemble(points)
        assert 1 <= len(found.chain) <= len(points)
        assert sorted({*found.chain}) == sorted(found.chain)
        assert all(sorted(roles) == [0, 1, 2, 3] for roles in found.roles.tolist())
        assert (found.missing >= 0).all()

    assembled()
    record_property('area', 'fuzzing: canonicalisation')
    record_property('survived', EXAMPLES)
