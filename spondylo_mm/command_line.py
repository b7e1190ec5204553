"""What every tool does alike: exit 0 on success, 2 with one line on bad usage or bad input, never a traceback for
those."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Callable, Iterable
from typing import NoReturn

from .errors import DISK_ERRORS, InputError
from .escaping import printable

EXIT_BAD_INPUT = 2


def run(main: Callable[[], int | None]) -> NoReturn:
    """Run a tool's ``main`` and exit with its status, or with 2 and one line where the user's input is at fault."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors='backslashreplace')  # a path on the command line need not be UTF-8
    logging.raiseExceptions = False  # a log on a full disk: what is written next says so, without a traceback a line
    try:
        sys.exit(main() or 0)
    except InputError as error:
        message = str(error)
    except BrokenPipeError:  # as in `tool | head`: nobody reads on, and nothing is wrong
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.errno not in DISK_ERRORS and not error.filename:
            raise
        where = f'{error.filename}: ' if error.filename else ''
        remedy = 'choose an output folder that can be written to and has room'
        message = f'{where}{error.strerror}: {remedy if error.errno in DISK_ERRORS else "check that path"}'
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        sys.exit(130)
    print_errors([message])
    sys.exit(EXIT_BAD_INPUT)


def print_errors(messages: Iterable[object]) -> None:
    """One line each on standard error, whatever the names in it hold."""
    for message in messages:
        print('error: ' + printable(' '.join(str(message).split())), file=sys.stderr)
