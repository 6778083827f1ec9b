"""How a long command tells what it is doing: a context manager around each step."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

Progress = Callable[[str], AbstractContextManager[None]]


def silent(step: str) -> AbstractContextManager[None]:
    """For callers who do not want to be told."""
    return nullcontext()
