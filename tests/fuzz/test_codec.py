"""Keypoints through heatmaps and back."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from spondylo_mm.anatomy import NUM_KEYPOINTS
from spondylo_mm.codecs.vertebra_heatmap import VertebraHeatmap

from .settings import EXAMPLES, quickly

AREA = 'fuzzing: codec'


def test_keypoints_survive_encoding_wherever_they_are(record_property):
    @quickly
    @given(st.integers(64, 512), st.integers(64, 512), st.sampled_from([1, 2, 4]), st.floats(1.0, 3.0), st.data())
    def there_and_back(width: int, height: int, stride: int, sigma: float, data: st.DataObject) -> None:
        codec = VertebraHeatmap((width, height), (width // stride, height // stride), sigma)
        seed = data.draw(st.integers(0, 2**32 - 1))
        keypoints = np.random.default_rng(seed).uniform(0, [width - 1, height - 1], (1, NUM_KEYPOINTS, 2))
        decoded, scores = codec.decode(codec.encode(keypoints)['heatmaps'])
        assert np.linalg.norm(decoded - keypoints, axis=-1).max() <= 0.01
        assert (scores > 0.5).all() and (scores <= 1).all()

    there_and_back()
    record_property('area', AREA)
    record_property('survived', EXAMPLES)


def test_any_finite_heatmap_decodes_to_points_in_the_frame(record_property):
    values = st.floats(-(2.0**60), 2.0**60, width=32)
    maps = arrays.arrays(np.float32, (NUM_KEYPOINTS, 6, 5), elements=values, fill=st.floats(0, 1, width=32))

    @quickly
    @given(maps)
    def decoded(heatmaps: np.ndarray) -> None:
        keypoints, scores = VertebraHeatmap((20, 24), (5, 6), 1.0).decode(heatmaps)
        assert np.isfinite(keypoints).all() and np.isfinite(scores).all()
        assert (keypoints >= 0).all() and (keypoints <= [19, 23]).all()
        assert (scores >= 0).all() and (scores <= 1).all()

    decoded()
    record_property('area', AREA)
    record_property('survived', EXAMPLES)
