"""Figures of a profile as people read them; the terminal and the report share them."""

from edgeml.profile import Profile

_NAME_MAX = 22


def count(number: int) -> str:
    """12,345 up to a million, then 1.23 M and 4.56 G."""
    for limit, unit in ((1_000_000_000, "G"), (1_000_000, "M")):
        if number >= limit:
            return f"{number / limit:.2f} {unit}"
    return f"{number:,}"


def size(number: int) -> str:
    """Bytes in kB or MB."""
    return f"{number / 1e6:.2f} MB" if number >= 1e5 else f"{number / 1e3:.1f} kB"


def latency(microseconds: float | None) -> str:
    """In µs below a hundred thousand, else in ms; three digits at least."""
    if microseconds is None:
        return ""
    if microseconds >= 1e5:
        return f"{microseconds / 1e3:,.0f} ms"
    return f"{microseconds:.1f} µs" if microseconds < 100 else f"{microseconds:,.0f} µs"


def short(name: str) -> str:
    """A layer's name for a table: of fused operators the first, of a long path its end."""
    first = name.partition(";")[0]
    return first if len(first) <= _NAME_MAX else "…" + first[1 - _NAME_MAX :]


def macs(profile: Profile) -> str:
    """The multiply-accumulates of one call, and what is missing from them."""
    text = f"{count(profile.macs)} MACs a call"
    if profile.macs_unknown:
        layers = "layer" if profile.macs_unknown == 1 else "layers"
        text += f" and those of {profile.macs_unknown} {layers} that are not known before a run"
    return text
