"""The one exception that means: what the user gave cannot be used."""


class InputError(Exception):
    """Bad input or bad usage. The message is one line: which file, which value, what to do about it.

    The command lines print it and exit with status 2; anything else that escapes is a bug and shows its traceback.
    """
