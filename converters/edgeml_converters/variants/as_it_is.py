"""A file that somebody else has quantised: it is taken as it is, under its own precision."""

from collections.abc import Sequence

from edgeml.errors import InputError
from edgeml.manifest import Precision


def precisions_of(
    found: Precision, asked: Sequence[Precision], label: str
) -> tuple[Precision, ...]:
    """Those asked for, or the only one of a file that is quantised already; fp32, which is asked
    for where nobody asks, is what the source is.

    found: of the source; of float16 others can be made. Raises InputError where one cannot.
    """
    if found in ("fp32", "fp16"):
        return tuple(dict.fromkeys(found if one == "fp32" else one for one in asked))
    others = [one for one in asked if one not in ("fp32", found)]
    if others:
        raise InputError(
            f"{label} is {found} already, but --precision asks for {others[0]}; leave that out to "
            "take it as it is, or name the float model that it was made of."
        )
    return (found,)


def taken_as_it_is(found: Precision, label: str) -> tuple[str, ...]:
    """What people are told of it; nothing of a float model."""
    return () if found == "fp32" else (f"{label} is {found} already and was taken as it is.",)
