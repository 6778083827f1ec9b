"""A comparison of people's own, which takes the place of edgeml's figures."""

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

from edgeml.errors import InputError
from edgeml_converters.evidence.callables import import_callable, named, reason
from edgeml_converters.formats.tensors import Array
from edgeml_converters.parity.comparisons import read_only

_TAKES = "(output, answered, expected) that returns None, or how they differ in one sentence"


class OwnComparisonError(InputError):
    """It failed, which is no fault of the file that it was asked about."""


@dataclass(frozen=True)
class OwnComparison:
    """name: as it was given."""

    name: str
    difference: Callable[..., Any]

    def __call__(self, output: str, answered: Array, expected: Array) -> str | None:
        """How the variant's output differs; None where it does not. Raises OwnComparisonError where
        the callable fails."""
        try:
            with redirect_stdout(sys.stderr):
                said = self.difference(output, read_only(answered), read_only(expected))
        except (Exception, SystemExit) as error:  # somebody else's callable raises what it likes
            raise OwnComparisonError(
                f"The comparison {self.name} failed on {output!r} ({type(error).__name__}: "
                f"{reason(error)}); it is a function of {_TAKES}."
            ) from error
        if said is not None and (not isinstance(said, str) or not said.strip()):
            raise OwnComparisonError(
                f"The comparison {self.name} answers {said!r} for {output!r}; it is a function of "
                f"{_TAKES}."
            )
        return None if said is None else " ".join(said.split()).rstrip(".")


def parse_comparison(text: str | None) -> OwnComparison | None:
    """What --compare names; raises InputError where it is no callable."""
    if text is None:
        return None
    if not named(text):
        raise InputError(f"--compare {text!r} must be module:callable, the module without .py.")
    return OwnComparison(text, import_callable(text, "comparison", _TAKES))
