"""How far the true corner may be from the predicted one, as the model sees it: a standard deviation in image pixels.

Two doubts add up, by the law of total variance (Kendall and Gal 2017, arXiv:1703.04977):

- *between passes*: parts of the network left out by Monte-Carlo dropout move the corner: the model is unsure;
- *within a pass*: the heatmap is flat: the image leaves the place open, however many models look at it.

The second follows from the height of the peak. Plain squared error is least where a heatmap is the mean of the
Gaussians of all places the corner may have. If these are spread normally with standard deviation t along each axis, the
mean of Gaussians of height 1 and standard deviation s is a Gaussian of height h = s^2 / (s^2 + t^2), so that
t^2 = s^2 (1 / h - 1). A chance that there is no such corner lowers the peak too and counts as spread. A loss that
favours the foreground raises peaks, soft focal loss lowers them (for a small t by what makes it 1.25 times too large),
and so does all that the network has not learned: the deviation then still ranks corners, but is too small or too large,
by much the same factor everywhere, which labelled images tell (``evaluation.functional.sd_calibration``).

Why both: dropout before the last layer leaves all features as they are. Errors of a few pixels show nothing of it; it
finds corners that jump from one peak to another.
"""

from __future__ import annotations

import numpy as np


def corner_sd(corners: np.ndarray, spreads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Standard deviation of each corner in the plane, both axes together, from N >= 2 passes.

    Args:
        corners: (N, K, 2) image pixels.
        spreads: (N, K) deviation within each pass, see :func:`heatmap_sd`.

    Returns:
        The standard deviation (K,) and its part between passes (K,), image pixels. The latter is the root of the summed
        squared distances of the passes' corners to their mean over N - 1; the former adds to its square the mean over
        passes of the squared spread within one. If the model is right about itself, it equals the root mean square
        radial error. NaN where a spread is.
    """
    between = np.var(corners, axis=0, ddof=1, dtype=float).sum(axis=-1)
    within = np.square(spreads).mean(axis=0)
    return np.sqrt(between + within), np.sqrt(between)


def heatmap_sd(scores: np.ndarray, sigma: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The deviation within a pass alone, both axes together, that peaks leave open; at most that of any place in the
    image.

    Args:
        scores: (...) heights of the peaks in shares of the drawn one, in [0, 1].
        sigma: (2,) standard deviation along x and y, in image pixels, of the Gaussians that the heatmaps in question
            were trained on: the more a pass enlarges the image, the smaller they are.
        size: (width, height) of the image.

    Returns:
        (...) image pixels; NaN where a score is.
    """
    scores = np.asarray(scores, dtype=float)
    anywhere = np.sum(np.square(size)) / 12  # of a uniform distribution
    share = np.maximum(scores, 1e-9)  # an empty heatmap leaves everything open
    return np.sqrt(np.minimum(np.sum(np.square(sigma)) * (1 / share - 1), anywhere))
