"""What tools and users call; ``from spondylo_mm.apis import SpineInferencer`` is the Python way to predict."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .inferencer import SpineInferencer

__all__ = ['SpineInferencer']


def __getattr__(name: str) -> object:
    """Import the class when it is asked for: it brings torch, which takes seconds and which comparing runs, say, does
    without."""
    if name in __all__:
        from .inferencer import SpineInferencer

        return SpineInferencer
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
