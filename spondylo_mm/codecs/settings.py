"""What every codec of this package is told, and what of it cannot be."""

from __future__ import annotations

from ..errors import InputError
from .supervision import ABOVE_POLICIES


def check_settings(input_size: tuple[int, int], heatmap_size: tuple[int, int], sigma: float, above: str) -> None:
    """Refuse frames [w, h] and [W, H], a ``sigma`` in heatmap pixels, or a policy ``above`` that no codec can have.

    Raises:
        InputError: a size under 2, a sigma that is not positive, an unknown policy.
    """
    for name, size in (('input_size', input_size), ('heatmap_size', heatmap_size)):
        if len(size) != 2 or min(size) < 2:
            raise InputError(f'codec: {name}={size}: give a width and a height of at least 2 pixels')
    if not sigma > 0:
        raise InputError(f'codec: sigma={sigma}: give a positive number of heatmap pixels')
    if above not in ABOVE_POLICIES:
        raise InputError(f'codec: above={above!r}: choose one of {", ".join(ABOVE_POLICIES)}')
