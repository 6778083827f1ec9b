"""One finding for many places: an unrolled network has the same op a hundred times."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

Kind = TypeVar("Kind")


def counted(places: Iterable[tuple[Kind, str]]) -> Iterator[tuple[Kind, str, str]]:
    """(kind, first place, "" or " (N times)") for each kind among (kind, place), as found."""
    found: dict[Kind, list[str]] = {}
    for kind, place in places:
        found.setdefault(kind, []).append(place)
    for kind, names in found.items():
        yield kind, names[0], "" if len(names) == 1 else f" ({len(names)} times)"
