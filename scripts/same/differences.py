"""Whether two folders hold the same, byte for byte but for what is ignored."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from same.ignored import rules

# The most telling first.
_ORDER = (".code", "report.json", ".err", ".out", ".json")
_SHOWN = 60  # characters of a value
_AROUND = 20  # characters of a line before what differs


@dataclass
class Comparison:
    """files: how many both sides have. first: where they differ, in words; None where they do not.
    ignored: in how many files each rule made a difference go."""

    files: int = 0
    first: str | None = None
    ignored: Counter[str] = field(default_factory=Counter[str])


def compare(before: Path, after: Path) -> Comparison:
    """Two folders of one case."""
    ours, theirs = _files(before), _files(after)
    made = Comparison(len(ours.keys() & theirs.keys()))
    for name in sorted(ours.keys() | theirs.keys(), key=_rank):
        if name not in ours or name not in theirs:
            found: str | None = f"only {'after' if name not in ours else 'before'}"
        else:
            a, b = ours[name].read_bytes(), theirs[name].read_bytes()
            for rule in rules(f"{before.name}/{name}"):
                if a == b:
                    break
                left = rule.without(a), rule.without(b)
                made.ignored[rule.name] += left != (a, b)
                a, b = left
            found = None if a == b else _first(name, a, b)
        if found is not None and made.first is None:
            made.first = f"{name}: {found}"
    return made


def _files(folder: Path) -> dict[str, Path]:
    return {str(p.relative_to(folder)): p for p in folder.rglob("*") if p.is_file()}


def _rank(name: str) -> tuple[int, str]:
    ends = (i for i, end in enumerate(_ORDER) if name.endswith(end))
    return next(ends, len(_ORDER)), name


def _first(name: str, a: bytes, b: bytes) -> str:
    if name.endswith(".json"):
        for place, x, y in _values(json.loads(a), json.loads(b)):
            return f"{place}: {_short(x)}, then {_short(y)}"
        return "the same values, written in another way"
    if b"\0" in a or b"\0" in b:
        return f"byte {_where(a, b):,}; of {len(a):,}, then of {len(b):,} bytes"
    ours, theirs = a.decode().splitlines(), b.decode().splitlines()
    number = _where(ours, theirs)
    x, y = ([*lines, *[""] * (number + 1)][number] for lines in (ours, theirs))
    start = max(0, _where(x, y) - _AROUND)
    return f"line {number + 1}: {_short(x[start:])}, then {_short(y[start:])}"


def _where(a: Sequence[Any], b: Sequence[Any]) -> int:
    """The first index at which they differ; where one begins the other, its length."""
    pairs = enumerate(zip(a, b, strict=False))
    return next((i for i, (x, y) in pairs if x != y), min(len(a), len(b)))


def _values(a: Any, b: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where two JSON documents differ."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in {**a, **b}:
            yield from _values(a.get(key), b.get(key), f"{place}.{key}" if place else key)
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for index, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from _values(x, y, f"{place}[{index}]")
    elif a != b:
        yield place, a, b


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
