"""Figures of parity in words, as reports and errors show them."""

from collections.abc import Callable, Mapping, Sequence
from math import log10

from edgeml.parity.answers import JudgedFigure, OutputParity
from edgeml.parity.roles import Role, Source

_IN_DECIBEL = ("noise", "quiet", "rounding")  # how the names of such figures begin


def in_decibel(figure: str) -> bool:
    """Whether a figure is noise in shares of a spread, which people know in dB."""
    return figure.startswith(_IN_DECIBEL)


def amount(figure: str, value: float | None) -> str:
    """A value of the figure; noise in dB, where more is better."""
    if value is None:
        return "not known"
    if not in_decibel(figure):
        return f"{value:.2g}"
    return "exact" if value <= 0 else f"{-10 * log10(value):.1f} dB"


def found(figure: JudgedFigure) -> str:
    """The figure, its value and its interval."""
    return f"{figure.figure} {value_text(figure)}"


def value_text(figure: JudgedFigure) -> str:
    """Its value and its interval."""
    value = amount(figure.figure, figure.value)
    ends = [amount(figure.figure, end) for end in (figure.low, figure.high) if end is not None]
    if len(ends) < 2 or len(set(ends)) == 1:
        return value
    first, last = reversed(ends) if in_decibel(figure.figure) else ends
    return f"{value} ({first.removesuffix(' dB')} to {last.removesuffix(' dB')})"


def worst_figure(output: OutputParity) -> str:
    """The figure that decides and its limit, in a table."""
    if not output.figures:
        return ""
    figure = output.figures[0]
    value, same = amount(figure.figure, figure.value), amount(figure.figure, figure.same)
    return f"{figure.figure} {value.removesuffix(' dB')} / {same}"


def snr_text(output: OutputParity, nothing: str = "") -> str:
    """Of its worst channel in dB, in a table; nothing: what stands where there is none."""
    if output.max_abs is None:
        return nothing if output.figures else "not finite"
    if output.snr_db is None:
        return "exact" if output.max_abs == 0 else nothing
    return f"{output.snr_db:.1f}"


def allowed(figure: JudgedFigure) -> str:
    """Up to where the figure counts as the same, and from where as different."""
    word, beyond = ("at least", "below") if in_decibel(figure.figure) else ("at most", "above")
    same, differs = (amount(figure.figure, v) for v in (figure.same, figure.differs))
    if figure.differs is None or same == differs:
        return f"{word} {same} is the same"
    return f"{word} {same} is the same and only {beyond} {differs} is surely not"


def limit_text(name: str, limit: float) -> str:
    """A limit of people's own; name: `output:figure`."""
    figure = name.rpartition(":")[2]
    least = f"from {amount(figure, limit)} on" if in_decibel(figure) else f"up to {limit:g}"
    return f"--tolerance: {name} is the same {least}"


_BY: dict[Source, str] = {
    "user": "as --output says",
    "contract": "as the contract says",
    "labels": "since the labels fit",
    "graph": "as the graph shows",
    "values": "as its values look",
    "nothing": "since nothing says what it is",
}


def role_text(roles: Sequence[Role]) -> str:
    """What an output is taken for and by whom, after "is taken for"."""
    parts: list[str] = []
    for role in roles:
        stop = "" if role.stop is None else role.stop
        channels = f" in channels {role.start}:{stop}" if role.start or stop else ""
        axis = "" if role.axis is None else f" on axis {role.axis}"
        error = "" if role.error is None else ", whose error is known"
        given = f" given to {role.input}" if role.input else ""
        parts.append(f"{role.kind}{given}{axis}{channels}{error}, {_BY[role.source]}")
    return "; ".join(parts)


def role_notes(roles: Mapping[str, Sequence[Role]]) -> tuple[str, ...]:
    """What follows from the roles at a lower precision and may surprise, each said once."""
    logits = _those(roles, lambda role: role.kind == "logits")
    masks = _those(roles, lambda role: role.kind == "mask" and role.source == "graph")
    notes: list[str] = []
    if logits:
        notes.append(
            f"Of logits ({', '.join(logits)}) only which class is ahead counts, and how far beside "
            "the others: twice as large they are the same; where their size matters, say "
            f"--output {logits[0]}=regression."
        )
    if masks:
        notes.append(
            f"A picture that ends in a sigmoid ({', '.join(masks)}) counts as a mask, of which "
            f"only what is inside matters; where its shades matter, say --output {masks[0]}=image."
        )
    return tuple(notes)


def _those(roles: Mapping[str, Sequence[Role]], such: Callable[[Role], bool]) -> list[str]:
    return [name for name, of_output in roles.items() if any(map(such, of_output))]
