"""One HTML file from its parts, such that no name or value in it can become markup or code."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from ...json_pieces import json_pieces

_PARTS = Path(__file__).parent
_SLOTS = ('<!-- policy -->', '<!-- style -->', '<!-- pictures -->', '<!-- data -->', '<!-- script -->')


def page(data: dict, pictures: Iterable[bytes]) -> Iterator[str]:
    """The page piece by piece, so that many pictures are never in memory together.

    Every text reaches the document by ``textContent``; what stands in the file is JSON without a ``<`` and base64. And
    the browser is told to run no script but the page's own and to load nothing from anywhere.

    Args:
        data: what the scripts show, strict JSON; ``images`` may be an iterator.
        pictures: JPEG files, in the order of ``data['images']``; taken when their place in the page has come.
    """
    style = (_PARTS / 'style.css').read_text(encoding='utf-8')
    script = '\n'.join(part.read_text(encoding='utf-8') for part in sorted(_PARTS.glob('script/*.js')))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    rest = (_PARTS / 'page.html').read_text(encoding='utf-8')
    contents = (
        [f'<meta http-equiv="Content-Security-Policy" content="{policy}">'],
        [f'<style>\n{style}</style>'],
        _inert_pictures(pictures),
        chain(['<script type="application/json" id="data">'], as_inert_json(data), ['</script>']),
        [f'<script>{script}</script>'],
    )
    for slot, pieces in zip(_SLOTS, contents, strict=True):
        before, _, rest = rest.partition(slot)
        yield before
        yield from pieces
    yield rest


def as_inert_json(data: dict) -> Iterator[str]:
    """JSON that cannot end the script element it stands in."""
    return (piece.replace('<', '\\u003c') for piece in json_pieces(data, separators=(',', ':')))


def _inert_pictures(pictures: Iterable[bytes]) -> Iterator[str]:
    """Each as text that no browser decodes until it is shown."""
    for number, jpeg in enumerate(pictures):
        yield f'<script type="text/plain" id="picture-{number}">{base64.b64encode(jpeg).decode()}</script>\n'
