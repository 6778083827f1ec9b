"""The fleet as people read it: a table on a terminal, a line elsewhere."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from edgeml_devices.database import DeviceRow, Fleet

_COLUMNS: Sequence[tuple[str, bool]] = (  # heading, right-aligned
    ("device", False),
    ("online", False),
    ("model", False),
    ("version", False),
    ("state", False),
    ("pred/s", True),
    ("p50", True),
    ("p99", True),
    ("failed", True),
    ("refused", True),
    ("last event", False),
)


def table(fleet: Fleet, notice: str | None = None) -> Table:
    """notice: what stands below the table besides the count of malformed messages."""
    shown = Table(title=f"fleet {printable(fleet.fleet)}", title_justify="left")
    for heading, right in _COLUMNS:
        shown.add_column(
            heading,
            justify="right" if right else "left",
            no_wrap=True,
            overflow="ellipsis",
            ratio=1 if heading == "last event" else None,
        )
    for device in fleet.devices:
        style = "" if device.online else "dim"
        shown.add_row(*(Text(cell, style=style) for cell in cells(device)))
    below = [notice] if notice else []
    if fleet.malformed:
        below.append(
            f"{fleet.malformed} malformed messages, the last: "
            f"{printable(fleet.malformed_reason or '')}"
        )
    if below:
        shown.caption = Text("\n".join(below))
        shown.caption_justify = "left"
    return shown


def cells(device: DeviceRow) -> list[str]:
    """One text for each column."""
    version = f"{device.version or 'none'} ({device.generation})"
    rate = device.predictions_per_second
    event = device.last_event
    return [
        printable(text)
        for text in (
            device.device,
            "yes" if device.online else "no",
            device.model,
            version,
            device.swap_state,
            "-" if rate is None else f"{rate:.1f}",
            duration(device.p50_us),
            duration(device.p99_us),
            str(device.failed),
            str(device.refused),
            f"{event.kind}: {event.message}" if event else "-",
        )
    ]


def line(device: DeviceRow) -> str:
    """The same in one line, for a log."""
    name, *values = cells(device)
    pairs = zip((heading for heading, _ in _COLUMNS[1:]), values, strict=True)
    return f"{name}: " + ", ".join(f"{heading} {value}" for heading, value in pairs)


def duration(microseconds: float | None) -> str:
    if microseconds is None:
        return "-"
    for scale, unit in ((1e6, "s"), (1e3, "ms")):
        if microseconds >= scale:
            return f"{microseconds / scale:.3g} {unit}"
    return f"{microseconds:.3g} µs"


def printable(text: str) -> str:
    """What a device says must not steer the terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
