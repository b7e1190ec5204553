"""How strongly tissues absorb: effective linear attenuation coefficients, per mm, of a lateral lumbar exposure.

An exposure at 80-90 kVp that has passed 25-35 cm of soft tissue is hardened to an effective energy of about 60 keV.
Fat, muscle, cortical bone, lung and titanium: mass coefficient at 60 keV (Hubbell & Seltzer, NISTIR 5632) times
density; spongy bone and calcification are estimates between marrow and cortical bone. One energy for all depths leaves
out beam hardening, which the random contrast of the film covers.
"""

from __future__ import annotations

MUSCLE = 0.02048 * 1.05  # also liver, bowel wall and blood: within 2 %
FAT = 0.01974 * 0.95
CORTICAL = 0.03148 * 1.92
TRABECULAR = 0.02260 * 1.18  # bone trabeculae and marrow at the density of ICRU-46's spongiosa
CALCIFICATION = 0.04200 * 1.60  # between cartilage and cortical bone
TITANIUM = 0.07661 * 4.51
LUNG = 0.02053 * 0.26  # inflated
GAS = 0.0

# What a millimetre of bone or gas adds, where it takes the place of soft tissue.
CORTICAL_EXCESS = CORTICAL - MUSCLE
TRABECULAR_EXCESS = TRABECULAR - MUSCLE
CALCIFICATION_EXCESS = CALCIFICATION - MUSCLE
TITANIUM_EXCESS = TITANIUM - MUSCLE
