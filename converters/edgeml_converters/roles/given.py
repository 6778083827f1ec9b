"""Roles as people write them: NAME=ROLE, and what else they know of it."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, get_args

from edgeml.errors import InputError
from edgeml.parity.roles import KINDS, Corners, Kind, Role, channel_axis, channels

Roles = Mapping[str, tuple[Role, ...]]
"""Output -> its roles."""
_MUST_BE = {
    "axis": "an axis other than 0, the sample's, as axis=1",
    "channels": "a range of channels, as channels=4:84",
    "threshold": "a number between 0 and 1",
    "error": "a number above 0",
    "corners": f"one of {', '.join(get_args(Corners))}",
}
_WORDS = f"{', '.join(_MUST_BE)}, scores or input"
_TEXT = re.compile(rf"(.+?)=({'|'.join(KINDS)})((?:,.*)?)")  # names may have "=" in them
_OF_KINDS: dict[str, tuple[Kind, ...]] = {
    "threshold": ("scores", "score-logits", "mask", "mask-logits"),
    "error": ("regression", "image", "signal", "state"),
    "corners": ("boxes",),
    "scores": ("boxes",),
    "input": ("state",),
}
_FORM = "NAME=ROLE, or NAME=ROLE,axis=1,channels=4:84,threshold=0.3"


def parse_roles(texts: Sequence[str]) -> dict[str, tuple[Role, ...]]:
    """Output -> its roles, by their channels; several texts may speak of ranges of one output.

    Raises InputError for what is no role, and for two of the same channels.
    """
    roles: dict[str, list[Role]] = {}
    for text in texts:
        name, role = _parse(text)
        roles.setdefault(name, []).append(role)
    for name, of_output in roles.items():
        of_output.sort(key=lambda role: role.start)
        for first, second in pairwise(of_output):
            if first.stop is None or first.stop > second.start:
                raise InputError(
                    f"--output gives {name!r} two roles for the same channels; give each a range "
                    "of its own, as in channels=0:4."
                )
    return {name: tuple(of_output) for name, of_output in roles.items()}


def check_names(roles: Mapping[str, Sequence[Role]], outputs: Sequence[str]) -> None:
    """Raises InputError for a role of an output that there is not, or with scores of one."""
    named = [*roles, *(role.scores for of in roles.values() for role in of if role.scores)]
    for name in named:
        if name not in outputs:
            raise InputError(
                f"--output names {name!r}, but the model's outputs are {', '.join(outputs)}; use "
                "one of them."
            )


def check_channels(name: str, roles: Sequence[Role], shape: tuple[int, ...]) -> None:
    """Raises InputError for an axis or channels that the output, the sample first, has not, for a
    range that more than one axis has, and for ranges on different axes."""
    try:
        axes = {channel_axis(role, shape) for role in roles if channels(role, shape)}
    except ValueError as error:
        raise InputError(f"--output gives {name!r} {error}; name some of them.") from None
    for role in roles:
        having = [axis for axis in range(1, len(shape)) if _has(role, shape[axis])]
        ranged = role.start > 0 or role.stop is not None
        if role.source == "user" and role.axis is None and ranged and len(having) > 1:
            raise InputError(
                f"--output gives {name!r} a range of channels that of shape {list(shape)}, the "
                f"sample first, the axes {' and '.join(map(str, having))} have; name one, as in "
                f"{name}={role.kind},axis={having[-1]},channels=0:4."
            )
    if len(axes) > 1:
        raise InputError(
            f"--output gives {name!r} ranges on different axes; give them the same axis."
        )


def _has(role: Role, size: int) -> bool:
    return role.start < size and (role.stop is None or role.stop <= size)


def _parse(text: str) -> tuple[str, Role]:
    found = _TEXT.fullmatch(text)
    name, kind, rest = found.groups() if found else ("", "", "")
    if kind not in KINDS:
        raise InputError(f"--output {text!r} must be {_FORM}, with a role of {', '.join(KINDS)}.")
    known: dict[str, Any] = {}
    for word in rest.split(",")[1:]:
        key, _, value = word.partition("=")
        try:
            known |= _known(key, value)
        except (ValueError, TypeError):
            if key in _MUST_BE:
                raise InputError(
                    f"--output {text!r}: {key} must be {_MUST_BE[key]}, and is {value!r}."
                ) from None
            raise InputError(
                f"--output {text!r}: {word!r} is not understood; add {_WORDS}, as in {_FORM}."
            ) from None
    for word, kinds in _OF_KINDS.items():
        if word in known and kind not in kinds:
            raise InputError(
                f"--output {text!r}: {word} tells nothing of {kind}, but of {', '.join(kinds)}; "
                "leave it out, or say one of these."
            )
    return name, Role(kind=kind, source="user", **known)


def _known(key: str, value: str) -> dict[str, Any]:
    """The fields of a Role that one word sets; raises ValueError for what it cannot be."""
    match key:
        case "axis":
            axis = int(value)
            if axis == 0:
                raise ValueError("the first axis is the sample")
            return {"axis": axis}
        case "channels":
            first, colon, last = value.partition(":")
            start = int(first or 0)
            stop = (int(last) if last else None) if colon else start + 1
            if start < 0 or (stop is not None and stop <= start):
                raise ValueError("no channel is in it")
            return {"start": start, "stop": stop}
        case "threshold" | "error":
            number = float(value)
            if not 0 < number < (1 if key == "threshold" else float("inf")):
                raise ValueError("out of its range")
            return {key: number}
        case "corners":
            if value not in get_args(Corners):
                raise ValueError("no such order")
            return {"corners": value}
        case "scores" | "input" if value:
            return {key: value}
        case _:
            raise ValueError("no such word")
