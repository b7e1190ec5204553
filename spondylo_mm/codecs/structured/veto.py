"""How much the geometry of a spine may speak against what heatmaps show.

A term's cost is half its squared deviation from the usual one, as for a normal distribution, with two changes:

- the nearer half of the labels costs nothing more than their median: how usual a usual vertebra is says nothing;
- the cost is limited: pathology is unusual, and must not be decoded away.

The mean cost of a label is subtracted, so that geometry neither makes nor removes vertebrae on average.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import chi2

# Degrees of freedom, and the most a term may cost in nats. For comparison: a vertebra whose peaks are 0.9 high weighs
# 8.1, one of 0.3 weighs 4.8 (``candidates``).
_TERMS = dict(
    shape=(4, 4.0),  # a collapsed or wedged body, a sacrum drawn otherwise
    slip=(1, 3.0),  # what this software is for: a slip of any grade may not outweigh a vertebra plainly seen
    size=(4, 4.0),
    spacing=(1, 12.0),  # a doubled or a skipped level: no disease halves or doubles the distance between vertebrae
)


def _mean_cost(freedom: int, free: float) -> float:
    """Of half of what a chi-squared variable is above ``free``."""
    return 0.5 * (freedom * chi2.sf(free, freedom + 2) - free * chi2.sf(free, freedom))


_FREE = {term: chi2.median(freedom) for term, (freedom, _) in _TERMS.items()}
_MEAN = {term: _mean_cost(freedom, _FREE[term]) for term, (freedom, _) in _TERMS.items()}


def veto(term: str, squared_deviation: np.ndarray) -> np.ndarray:
    """What a squared deviation (Mahalanobis, any shape) adds to the score of a chain, in nats: a little where it is
    small, and down to minus the limit of the ``term``."""
    return _MEAN[term] - np.minimum(0.5 * np.maximum(squared_deviation - _FREE[term], 0), _TERMS[term][1])
