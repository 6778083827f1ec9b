"""Inputs inside of others, by the names that data give them: `states.0`, `batch.ids`."""

from collections.abc import Mapping
from typing import Any


def flatten(value: object, name: str = "") -> dict[str, Any]:
    """What lists, tuples and dicts hold, by the path to it; nothing for None."""
    if isinstance(value, Mapping):
        inside = {str(key): one for key, one in value.items()}
    elif isinstance(value, tuple) and hasattr(value, "_fields"):  # a named tuple
        inside = dict(zip(_fields(value), value, strict=True))
    elif isinstance(value, list | tuple):
        inside = {f"{place}": one for place, one in enumerate(value)}
    else:
        return {} if value is None else {name: value}
    prefix = f"{name}." if name else ""
    return {
        path: leaf
        for key, one in inside.items()
        for path, leaf in flatten(one, f"{prefix}{key}").items()
    }


def _fields(named: Any) -> tuple[str, ...]:
    fields: tuple[str, ...] = named._fields
    return fields


def nest(values: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse: a tuple where all keys of a level are 0, 1 and so on, else a dict."""
    inside: dict[str, dict[str, Any]] = {}
    for path, value in values.items():
        head, _, rest = path.partition(".")
        inside.setdefault(head, {})[rest] = value
    return {head: one[""] if "" in one else _level(nest(one)) for head, one in inside.items()}


def _level(values: dict[str, Any]) -> Any:
    if values.keys() == {f"{place}" for place in range(len(values))}:
        return tuple(values[f"{place}"] for place in range(len(values)))
    return values
