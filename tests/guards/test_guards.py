"""That every guard can be taken out; ``python -m tests.guards`` does it, and sees a test fail each time."""

import ast
from pathlib import Path

from .guards import SAFEGUARDS, all_guards

ROOT = Path(__file__).parents[2]


def test_every_guard_is_where_it_is_said_to_be_and_python_without_it():
    guards = list(all_guards(ROOT))
    assert len(guards) > len(SAFEGUARDS) + 100
    assert {name for name, *_ in SAFEGUARDS} <= {guard.name for guard in guards}
    for guard in guards:
        whole = (ROOT / guard.path).read_text(encoding='utf-8')
        assert ast.dump(ast.parse(whole)) != ast.dump(ast.parse(guard.without)), guard.name
