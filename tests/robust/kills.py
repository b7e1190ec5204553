"""Processes that are killed at any moment, and started again."""

from __future__ import annotations

import io
import multiprocessing
import os
import random
import runpy
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

ROOT = Path(__file__).parents[2]

KILLS = int(os.environ.get('KILLS', 20))  # of each tool; fewer on a busy machine
IN_A_ROW = 2  # before it is left to finish: what was started again must survive a kill as well

# Sixty kills and their restarts must fit into minutes. A server imports everything once, and each tool is forked from
# it: what is killed is the tool's own work, not its ten seconds of imports, which write nothing.
_CONTEXT = multiprocessing.get_context('forkserver')
_CONTEXT.set_forkserver_preload(['tests.robust.preloaded'])


def _tool(said: Path, limit: int | None, name: str, arguments: tuple[str, ...]) -> None:
    """Run a tool as a script in this process; what it prints goes to a file."""
    import resource

    from yapf.yapflib import yapf_api

    yapf_api.FormatCode = lambda text, **options: (text, True)  # as in tests/conftest.py
    os.setsid()  # its loader workers die with it
    out = io.StringIO()
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    sys.argv = [name, *arguments]
    status = 1
    try:
        with redirect_stdout(out), redirect_stderr(out):
            runpy.run_path(str(ROOT / 'tools' / name), run_name='__main__')
    except SystemExit as stop:
        status = stop.code
    except BaseException:
        import traceback

        out.write(traceback.format_exc())
    said.write_text(out.getvalue()[-limit // 2 :] if limit else out.getvalue())
    os._exit(status)


class Tool:
    """A tool running in a process of its own.

    Attributes:
        status: its exit status, once it has ended; negative for the signal that ended it.
    """

    def __init__(self, said: Path, name: str, *arguments: object, largest_file: int | None = None) -> None:
        self._said = said
        said.unlink(missing_ok=True)
        self._process = _CONTEXT.Process(target=_tool, args=(said, largest_file, name, tuple(map(str, arguments))))
        self._process.start()
        self.started = time.monotonic()

    def finish(self, seconds: float = 300) -> Tool:
        self._process.join(seconds)
        assert self._process.exitcode is not None, 'hangs'
        return self

    def kill_after(self, seconds: float) -> Tool:
        """SIGKILL to it and its loader workers, unless it has ended by then."""
        self._process.join(seconds)
        return self.kill()

    def kill_at_file(self, number: int, folder: Path, pattern: str) -> Tool:
        """As soon as it makes this many new files: while it writes the last of them, or just after."""
        before = set(folder.rglob(pattern))
        while len(set(folder.rglob(pattern)) - before) < number and self._process.exitcode is None:
            time.sleep(0.0005)
        return self.kill()

    def kill(self) -> Tool:
        if self._process.exitcode is None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:  # not its own group yet
                self._process.kill()
        self._process.join()
        return self

    @property
    def status(self) -> int:
        return self._process.exitcode

    @property
    def was_killed(self) -> bool:
        return self.status == -signal.SIGKILL

    @property
    def memory(self) -> int:
        """Bytes of its resident set; 0 once it has ended."""
        try:
            pages = Path(f'/proc/{self._process.pid}/statm').read_text().split()[1]
        except (OSError, IndexError):
            return 0
        return int(pages) * os.sysconf('SC_PAGESIZE')

    @property
    def output(self) -> str:
        return self._said.read_text() if self._said.exists() else ''


def run(said: Path, name: str, *arguments: object) -> tuple[Tool, float]:
    """A tool that is left to finish, and the seconds it took."""
    tool = Tool(said, name, *arguments).finish()
    return tool, time.monotonic() - tool.started


def kills(start: Callable[[], Tool], seconds: float, folder: Path, pattern: str, files: int) -> Iterator[bool]:
    """Kill a tool, and kill what was started again, then let it finish and take away what it made; until ``KILLS``
    have hit.

    Half of the kills hit at random moments of the tool's time, the others as it writes a random one of its files. Both
    are the same in every session. A tool that had ended by then was not killed, and does not count.

    Args:
        start: starts it, or starts it again.
        seconds: how long it takes when left alone.
        folder: where it writes.
        pattern: of the files that must not be half-written.
        files: how many of them it writes.

    Yields:
        Whether it has finished, each time it has ended: to look at what is there.
    """
    chance, hits = random.Random(0), 0
    for _ in range(3 * KILLS):
        share = chance.random()
        if hits % 2:
            tool = start().kill_at_file(1 + int(share * files), folder, pattern)
        else:
            tool = start().kill_after(share * seconds)
        if tool.was_killed:
            hits += 1
            yield False
        if hits % IN_A_ROW == 0 or hits == KILLS or not tool.was_killed:
            tool = start().finish() if tool.was_killed else tool
            assert tool.status == 0, tool.output
            yield True
            shutil.rmtree(folder)
        if hits == KILLS:
            return
    raise AssertionError(f'only {hits} of {3 * KILLS} kills hit: {seconds:.1f} s is not how long it takes')
