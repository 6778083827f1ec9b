"""The fleet as people read it: a table on a terminal, a line elsewhere."""

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from edgeml_devices.database import DeviceRow, Fleet

WIDE = 120  # characters; below it the columns marked so are left out
_HEADINGS = (
    "device", "online", "model", "version", "generation", "state", "pred/s", "p50", "p99",
    "failed", "refused", "last event",
)  # fmt: skip
_RIGHT = {"pred/s", "p50", "p99", "failed", "refused"}
_WIDE_ONLY = {"online", "generation", "last event"}


def table(fleet: Fleet, notice: str | None = None, width: int = WIDE) -> Table:
    """notice: what stands below besides the count of malformed messages; width: in characters.

    A narrow terminal gets the last events as lines below the table.
    """
    shown = Table(
        title=f"fleet {printable(fleet.fleet)}",
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    wide = width >= WIDE
    headings = [h for h in _HEADINGS if wide or h not in _WIDE_ONLY]
    for heading in headings:
        shown.add_column(
            heading,
            justify="right" if heading in _RIGHT else "left",
            no_wrap=heading != "last event",
            overflow="fold" if heading == "last event" else "ellipsis",
            min_width=len(heading) if heading in _RIGHT else None,
        )
    for device in fleet.devices:
        found = cells(device)
        style = "" if device.online else "dim"
        shown.add_row(*(Text(found[heading], style=style) for heading in headings))
    below = [] if wide else [f"{d.device} {cells(d)['last event']}" for d in fleet.devices]
    below += [f"{printable(d.device)}: {d.missing} reports never came" for d in fleet.devices
              if d.missing]  # fmt: skip
    if fleet.malformed:
        below.append(
            f"{fleet.malformed} malformed messages, the last: "
            f"{printable(fleet.malformed_reason or '')}"
        )
    if notice:
        below.append(notice)
    if below:
        shown.caption = Text("\n".join(below))
    return shown


def cells(device: DeviceRow) -> dict[str, str]:
    """A text for each heading."""
    rate = device.predictions_per_second
    event = device.last_event
    found = {
        "device": device.device,
        "online": "yes" if device.online else "no",
        "model": device.model,
        "version": device.version or "none",
        "generation": str(device.generation),
        "state": device.swap_state if device.online else "offline",
        "pred/s": "-" if rate is None else f"{rate:.1f}",
        "p50": duration(device.p50_us),
        "p99": duration(device.p99_us),
        "failed": str(device.failed),
        "refused": str(device.refused),
        "last event": f"{event.kind}: {event.message}" if event else "-",
    }
    return {heading: printable(text) for heading, text in found.items()}


def line(device: DeviceRow) -> str:
    """The same in one line, for a log."""
    found = cells(device)
    name = found.pop("device")
    return f"{name}: " + ", ".join(f"{heading} {text}" for heading, text in found.items())


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
