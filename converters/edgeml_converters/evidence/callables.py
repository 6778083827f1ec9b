"""Callables of people's own, which the command line names as module:callable."""

import importlib
import re
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from edgeml.errors import InputError, first_line

_CALLABLE = re.compile(r"(?P<module>[A-Za-z_]\w*(\.[A-Za-z_]\w*)*):(?P<attribute>[A-Za-z_]\w*)")

_OURS = Path(__file__).resolve().parents[1]
_INSTALLED = {"site-packages", f"python{sys.version_info.major}.{sys.version_info.minor}"}


def named(text: str) -> bool:
    """Whether `text` has the form module:callable, the module without .py."""
    match = _CALLABLE.fullmatch(text)
    return match is not None and not match["module"].endswith(".py")


def import_callable(text: str, what: str, takes: str) -> Callable[..., Any]:
    """The callable that `text` names; its module is looked for in the current folder first.

    what: its kind, in words. takes: its arguments and what it returns. Raises InputError where it
    cannot be imported.
    """
    module, _, attribute = text.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)  # and it stays: the callable may import its neighbours later
    try:
        with redirect_stdout(sys.stderr):
            target = getattr(importlib.import_module(module), attribute, None)
    except Exception as error:  # a module of somebody else's raises what it likes
        raise InputError(
            f"The {what} {text} could not be imported ({type(error).__name__}: {reason(error)}); "
            "call edgeml from the folder of the module and mend it."
        ) from error
    if not callable(target):
        raise InputError(f"{text} is not a callable; name a function of {takes}.")
    function: Callable[..., Any] = target
    return function


def reason(error: BaseException) -> str:
    """Its first line, and the innermost line of people's own code that it comes from."""
    said = first_line(str(error)) or "no reason given"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_file() and not file.is_relative_to(_OURS) and not _INSTALLED & set(file.parts):
            return f"{said}, at {file.name}:{frame.lineno}"
    return said
