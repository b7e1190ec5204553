"""The one exception that means: what the user gave cannot be used; and which errors of the system mean as much."""

from __future__ import annotations

import errno

# Of a disk that is full or must not be written to, or of a path that cannot be written.
DISK_ERRORS = {
    errno.ENOSPC,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EDQUOT,
    errno.EFBIG,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENAMETOOLONG,
}


class InputError(Exception):
    """Bad input or bad usage. The message is one line: which file, which value, what to do about it.

    The command lines print it and exit with status 2; anything else that escapes is a bug and shows its traceback.
    """
