"""Comparisons as users write them, for --compare."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


def within_three(output: str, answered: Array, expected: Array) -> str | None:
    off = float(np.abs(answered - expected).max())
    return f"{output} is off by {off:.1f}." if off > 3 else None


def nothing_is_good(output: str, answered: Array, expected: Array) -> str:
    return "I do not like it."


def fails(output: str, answered: Array, expected: Array) -> None:
    raise LookupError("no limits here")


def number(output: str, answered: Array, expected: Array) -> float:
    return 0.5


def leaves(output: str, answered: Array, expected: Array) -> None:
    raise SystemExit(3)
