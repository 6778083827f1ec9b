"""`edgeml monitor`: a fleet's messages into SQLite, and a live table of it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from edgeml_devices.monitor import Monitor

_REFRESH_SECONDS = 1.0


def monitor_command(
    broker: Annotated[str, typer.Option(help="mqtt://[USER:PASSWORD@]HOST[:PORT] or mqtts://.")],
    fleet: Annotated[str, typer.Option(help="The fleet's name.")],
    db: Annotated[Path, typer.Option(help="The SQLite file; made when missing.")],
    seconds: Annotated[
        float | None,
        typer.Option(help="End after this long; without it at Ctrl-C.", min=0, max=1e9),
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Lines instead of a live table, as in a pipe.")
    ] = False,
) -> None:
    """Watch a fleet: store what its devices say and show them live.

    Exit codes: 0 ended as asked, 2 bad input, 8 the broker cannot be reached at the start (later it
    is sought again), 9 the database cannot be written.
    """
    from rich.console import Console

    from edgeml_devices.monitor import Monitor

    ending = threading.Event()
    deadline = time.monotonic() + seconds if seconds is not None else float("inf")

    def watching() -> bool:
        """Waits for news; False when it is time to end."""
        monitor.wait(min(_REFRESH_SECONDS, max(deadline - time.monotonic(), 0)))
        return not ending.is_set() and time.monotonic() < deadline

    with Monitor(broker, fleet, db) as monitor:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: ending.set())
        show = _lines if plain or not Console().is_terminal else _live
        show(monitor, watching)


def _notice(monitor: Monitor) -> str | None:
    if monitor.problem:
        return f"{monitor.problem}; trying again"
    return None if monitor.connected else "the connection to the broker is lost; trying again"


def _live(monitor: Monitor, watching: Callable[[], bool]) -> None:
    from rich.live import Live

    from edgeml_devices.database import read_all
    from edgeml_devices.table import table

    with Live(auto_refresh=False) as live:
        more = True
        while more:
            fleet = read_all(monitor.db)
            live.update(table(fleet, _notice(monitor), live.console.width), refresh=True)
            more = watching()


def _lines(monitor: Monitor, watching: Callable[[], bool]) -> None:
    """A line for each device whose state, version, errors or last event changed."""
    from edgeml_devices.database import read_all
    from edgeml_devices.table import line, printable

    told: dict[str, object] = {}
    more = True
    while more:
        fleet = read_all(monitor.db)
        news: list[tuple[str, object, str]] = [
            (
                device.device,
                (
                    device.online,
                    [(m.model, m.version, m.generation, m.swap_state, m.failed, m.refused)
                     for m in device.models],
                    device.last_event,
                ),
                line(device),
            )
            for device in fleet.devices
        ]  # fmt: skip
        malformed = f"{fleet.malformed} malformed messages, the last: {fleet.malformed_reason}"
        news.append(("malformed", fleet.malformed, printable(malformed)))
        notice = _notice(monitor)
        news.append(("notice", notice, notice or "the connection to the broker is back"))
        for subject, state, text in news:
            if told.get(subject) != state and (subject in told or state):
                print(text, flush=True)
            told[subject] = state
        more = watching()
