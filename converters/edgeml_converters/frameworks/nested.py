"""Inputs inside of others, by the names that data give them: `states.0`, `batch.ids`."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from edgeml.errors import InputError


def flatten(value: object, name: str = "") -> dict[str, Any]:
    """What lists, tuples, dicts and data classes hold, by the path to it; nothing for None.

    Raises InputError where two paths are written alike.
    """
    if isinstance(value, Mapping):
        inside = {str(key): one for key, one in value.items()}
    elif (named := field_names(value)) is not None:
        inside = {field: getattr(value, field) for field in named}
    elif isinstance(value, list | tuple):
        inside = {f"{place}": one for place, one in enumerate(value)}
    else:
        return {} if value is None else {name: value}
    prefix = f"{name}." if name else ""
    found: dict[str, Any] = {}
    for key, one in inside.items():
        leaves = flatten(one, f"{prefix}{key}")
        for path in found.keys() & leaves.keys():
            raise InputError(f"Two tensors have the path {path!r}; give one another key.")
        found |= leaves
    return found


def field_names(value: Any) -> tuple[str, ...] | None:
    """Of a named tuple or of what is made by a data class; None for anything else."""
    named: tuple[str, ...] | None = getattr(value, "_fields", None)
    if isinstance(value, tuple) and named is not None:
        return named
    if is_dataclass(value) and not isinstance(value, type):
        return tuple(field.name for field in fields(value))
    return None


def nest(values: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse: a tuple where all keys of a level are 0, 1 and so on, else a dict.

    Raises InputError for a tensor that has others inside.
    """
    inside: dict[str, dict[str, Any]] = {}
    for path, value in values.items():
        head, _, rest = path.partition(".")
        inside.setdefault(head, {})[rest] = value
    for head, one in inside.items():
        if "" in one and len(one) > 1:
            other = next(rest for rest in one if rest)
            raise InputError(
                f"{head!r} is an array and {head + '.' + other!r} is inside of it, which cannot be "
                "both; leave one of them out of the data."
            )
    return {head: one[""] if "" in one else _level(nest(one)) for head, one in inside.items()}


def _level(values: dict[str, Any]) -> Any:
    if values.keys() == {f"{place}" for place in range(len(values))}:
        return tuple(values[f"{place}"] for place in range(len(values)))
    return values
