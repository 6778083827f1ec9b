"""What a fleet, device, model, channel or version may be called: one rule, checked in one place."""

import re

from edgeml.errors import InputError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check(kind: str, value: str) -> str:
    """Returns `value` if it can be a topic level and a file name, else raises InputError."""
    if not NAME.fullmatch(value):
        raise InputError(
            f"{kind} {value!r} is not a name: use 1 to 64 letters, digits, '.', '_' or '-', "
            "beginning with a letter or digit."
        )
    return value
