"""The fitted numbers of the phantoms' geometry: the only place where they are.

Source: the boxes of the dataset's 698 label files (``per_vertebra_stats.csv``; the 501 of the BUU-LSPINE part are the
*full* films, the other 197 the *close-ups*). Correlations and counts were read from them; means, spreads, body sizes
and the framing started there, or at the anatomical source named, and were then adjusted until the labels of phantoms,
measured in the same way, had the same means and spreads: ``benchmarks/phantom/geometry.py`` is that measurement.

Steps lead from one centre to the next one down and are counted from L5-S1 up; vertebrae from S1 up. Angles are degrees
from the vertical on an image of ``NOMINAL_STRETCH``, positive where the lower end lies further back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Joint Gaussian of the steps of a spine without slip. The last five means are an extrapolation into the thoracic
# kyphosis, which few labels show.
STEP_DEGREES = np.array([42.5, 10.6, -5.2, -15.9, -19.7, -17.5, -12.8, -7.8, -1.0, 5.0, 10.0, 13.0, 15.0])
STEP_SD = np.array([14.0, 13.9, 12.4, 11.3, 11.4, 11.5, 10.6, 9.6])
STEP_CORRELATION = np.array([
    [1.00, 0.68, 0.38, 0.02, -0.22, -0.40, -0.29, -0.20],
    [0.68, 1.00, 0.75, 0.39, 0.00, -0.22, -0.25, -0.30],
    [0.38, 0.75, 1.00, 0.77, 0.43, 0.15, -0.05, -0.20],
    [0.02, 0.39, 0.77, 1.00, 0.80, 0.59, 0.37, 0.10],
    [-0.22, 0.00, 0.43, 0.80, 1.00, 0.87, 0.75, 0.50],
    [-0.40, -0.22, 0.15, 0.59, 0.87, 1.00, 0.93, 0.77],
    [-0.29, -0.25, -0.05, 0.37, 0.75, 0.93, 1.00, 0.91],
    [-0.20, -0.30, -0.20, 0.10, 0.50, 0.77, 0.91, 1.00],
])  # yapf: disable
STEP_MEMORY = 0.9  # correlation of an extrapolated step with the one below, as between the topmost measured ones
NOMINAL_STRETCH = 1.5  # x against y on the squashed images: about the mean of the full films

# Bodies and discs, mm: about those of Panjabi et al. (Spine 1991;16:888-901, 1992;17:299-306) enlarged 1.1 times as on
# a radiograph. Inferior endplate over superior one; of S1: its lower edge, where annotators of the tight labels put it.
BODY_DEPTH = np.array([34.3, 32.6, 33.4, 33.6, 33.2, 31.6, 30.4, 28.6, 27.6, 26.5, 26.5, 26.0, 25.0, 24.0])
BODY_HEIGHT = np.array([26.5, 27.8, 27.0, 26.3, 26.2, 26.0, 24.8, 23.2, 22.2, 20.5, 20.0, 19.5, 19.0, 18.5])
DISC_HEIGHT = np.array([12.3, 10.8, 12.0, 11.0, 9.4, 8.2, 6.9, 6.5, 4.5, 4.0, 3.8, 3.6, 3.4])
STATURE_SD = 0.05  # relative, common to all sizes
DEPTH_SD, HEIGHT_SD, DISC_SD = 0.06, 0.03, 0.12  # relative, once per spine and again half of it per level

# Angle between the endplates of a body, degrees, positive where it is taller in front: L5 is, L1 and above are not
# (Masharawi et al., Clin Anat 2008;21:46-54). Of S1: between its superior endplate and the body's axis.
BODY_WEDGE = np.array([6.0, 8.0, 2.0, 0.0, -1.0, -2.5, -3.5, -3.5, -3.0, -3.0, -3.5, -3.5, -3.5, -3.5])
WEDGE_SD = 1.8
# Of a spine's deviation from the usual lordosis between two levels: in the body, the rest is in the discs.
WEDGE_SHARE = 0.3


@dataclass(frozen=True)
class FilmStatistics:
    """How the spine lies on one sort of film; lengths in shares of the image's side.

    Attributes:
        anterior_left: Share of images with the anterior side on the left.
        lean, lean_sd: Degrees by which the whole patient is turned on the film, positive where the back is lower.
        stretch, stretch_beta: Range of height over width of the original, and the beta distribution on it.
        long_stretch: The range where ``LONG_FILM`` or more vertebrae are visible: long films are less narrow.
        usual_visible: Visible vertebrae that the next two are given for.
        height_mm, height_growth, height_sd: Height of the film over the patient; by how much its logarithm grows with
            each further visible vertebra, and its spread.
        s1_y, s1_y_growth, s1_y_sd: The same of the place of S1's mean corner, down from the upper edge.
        anchor_x, anchor_x_sd: Where the point lies that is 80 % across the spine's extent from its front, for a patient
            who faces left: films are laid by the back, so the front varies more.
    """

    anterior_left: float
    lean: float
    lean_sd: float
    stretch: tuple[float, float]
    stretch_beta: tuple[float, float]
    long_stretch: tuple[float, float]
    usual_visible: float
    height_mm: float
    height_growth: float
    height_sd: float
    s1_y: float
    s1_y_growth: float
    s1_y_sd: float
    anchor_x: float
    anchor_x_sd: float


LONG_FILM = 9
FULL, CLOSE_UP = 'full', 'close-up'
CLOSE_UP_SHARE = 197 / 698
FILM = {
    FULL: FilmStatistics(
        anterior_left=0.986,
        lean=0.0,
        lean_sd=2.0,
        stretch=(1.2, 2.5),
        stretch_beta=(0.65, 2.0),
        long_stretch=(1.3, 2.05),
        usual_visible=7.4,
        height_mm=388.0,
        height_growth=0.055,
        height_sd=0.03,
        s1_y=0.695,
        s1_y_growth=0.02,
        s1_y_sd=0.06,
        anchor_x=0.612,
        anchor_x_sd=0.066,
    ),
    CLOSE_UP: FilmStatistics(
        anterior_left=0.59,
        lean=-4.0,
        lean_sd=7.0,
        stretch=(0.85, 2.6),
        stretch_beta=(0.6, 3.0),
        long_stretch=(0.85, 2.6),
        usual_visible=6.0,
        height_mm=265.0,
        height_growth=0.20,
        height_sd=0.25,
        s1_y=0.76,
        s1_y_growth=0.01,
        s1_y_sd=0.09,
        anchor_x=0.60,
        anchor_x_sd=0.085,
    ),
}

# Images by the number of labelled vertebrae; the four with eleven are a quirk. And how likely none, one or two visible
# ones above were left out: from the free space above the topmost label, in spacings.
TIGHT, LOOSE = 'tight', 'loose'
LABELLED_IMAGES = {
    (FULL, TIGHT): {5: 3, 6: 49, 7: 110, 8: 88, 9: 23, 10: 11},
    (FULL, LOOSE): {4: 1, 5: 32, 6: 99, 7: 66, 8: 14, 9: 2},
    (CLOSE_UP, None): {3: 21, 4: 34, 5: 37, 6: 49, 7: 28, 8: 13, 9: 12, 10: 2},
}
UNLABELLED_ABOVE = {
    (FULL, TIGHT): {5: (0.1, 0.5, 0.4), 6: (0.55, 0.22, 0.15, 0.08), 7: (0.8, 0.12, 0.08), 8: (0.86, 0.07, 0.05, 0.02),
                    9: (0.8, 0.2)},
    (FULL, LOOSE): {4: (0.0, 0.4, 0.6), 5: (0.05, 0.3, 0.5, 0.15), 6: (0.05, 0.55, 0.35, 0.05), 7: (0.3, 0.5, 0.2),
                    8: (0.4, 0.5, 0.1)},
    (CLOSE_UP, None): {3: (0.85, 0.15), 4: (0.95, 0.05), 5: (0.9, 0.1), 6: (0.65, 0.15, 0.2), 7: (0.5, 0.2, 0.3)},
}  # yapf: disable
