"""Tools are run as their users run them."""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / 'tools'


@pytest.fixture
def run_tool(monkeypatch, capsys) -> Callable[..., tuple[int, str, list[str]]]:
    """Run a tool as a script: ``run_tool('prepare_data.py', SRC, '--strict')``.

    Returns:
        Exit status, standard output, and the lines of standard error.
    """

    def run(name: str, *arguments: object) -> tuple[int, str, list[str]]:
        monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            runpy.run_path(str(TOOLS / name), run_name='__main__')
        out, err = capsys.readouterr()
        return stop.value.code, out, err.splitlines()

    return run
