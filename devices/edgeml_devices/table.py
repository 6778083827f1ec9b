"""The fleet as people read it: a table on a terminal, a line elsewhere."""

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from edgeml_devices.database import DeviceRow, Fleet, ModelRow

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
        style = "" if device.online else "dim"
        for found in rows(device):
            shown.add_row(*(Text(found[heading], style=style) for heading in headings))
    below = [] if wide else [f"{d.device} {rows(d)[0]['last event']}" for d in fleet.devices]
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


def rows(device: DeviceRow) -> list[dict[str, str]]:
    """For each of its models, one row at least, a text for each heading; what concerns the device
    as a whole stands in the first."""
    event = device.last_event
    whole = {
        "device": device.device,
        "online": "yes" if device.online else "no",
        "last event": f"{event.kind}: {event.message}" if event else "-",
    }
    none = {**_NO_MODEL, "state": "-" if device.online else "offline"}
    found = [_cells(model, device.online) for model in device.models] or [none]
    blank = dict.fromkeys(whole, "")
    told = ({**row, **(blank if i else whole)} for i, row in enumerate(found))
    return [{heading: printable(row[heading]) for heading in _HEADINGS} for row in told]


_NO_MODEL = {heading: "-" for heading in _HEADINGS}


def _cells(model: ModelRow, online: bool) -> dict[str, str]:
    rate = model.predictions_per_second
    return {
        "model": model.model,
        "version": model.version or "none",
        "generation": str(model.generation),
        "state": model.swap_state if online else "offline",
        "pred/s": "-" if rate is None else f"{rate:.1f}",
        "p50": duration(model.p50_us),
        "p99": duration(model.p99_us),
        "failed": str(model.failed),
        "refused": str(model.refused),
    }


def line(device: DeviceRow) -> str:
    """The same in one line, for a log."""
    told = []
    for found in rows(device):
        found.pop("device")
        told.append(", ".join(f"{heading} {text}" for heading, text in found.items() if text))
    return f"{printable(device.device)}: " + "; ".join(told)


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
