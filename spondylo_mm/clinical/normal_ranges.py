"""What healthy adults have, from the literature; only where definition and figures are certain.

None is given for lordosis and segmental angles (published norms differ in the levels and endplates they take, and in
posture), nor for disc heights (norms are for Frobin's full protocol). Absence here means "not known", not "anything is
normal".
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NormalRange:
    """Lower and upper end, None where there is none, and where they are from."""

    low: float | None
    high: float | None
    source: str


NORMAL_RANGES = {
    'sacral_slope': NormalRange(
        24.0,
        55.0,
        'mean +- 2 sd of 709 asymptomatic adults, standing (Mac-Thiong et al., Eur Spine J 2011;20 Suppl 5:572-7)',
    ),
    'wedge_ratio': NormalRange(
        0.8,
        None,
        'a loss of height from 20 % on is a deformity, grade 1 (Genant et al., J Bone Miner Res 1993;8:1137-48)',
    ),
}
