"""One finding for many places: an unrolled network has the same op a hundred times."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

Kind = TypeVar("Kind")


def counted(places: Iterable[tuple[Kind, str]]) -> Iterator[tuple[Kind, str, str]]:
    """Each kind once: (kind, its first place, " (N times)" or "" where it occurs once)."""
    by_kind: dict[Kind, list[str]] = {}
    for kind, place in places:
        by_kind.setdefault(kind, []).append(place)
    for kind, names in by_kind.items():
        yield kind, names[0], "" if len(names) == 1 else f" ({len(names)} times)"
