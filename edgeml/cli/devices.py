"""`edgeml devices --db FILE`: the fleet as the monitor last saw it."""

from pathlib import Path
from typing import Annotated

import typer

PIPE_WIDTH = 160  # characters; a pipe has no width of its own


def devices_command(
    db: Annotated[Path, typer.Option(help="The database that 'edgeml monitor' writes.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the fleet once: devices, versions, rates, latencies, errors.

    Exit codes: 0 printed, 2 the database is missing, not a monitor's, or knows no device yet.
    """
    from rich.console import Console

    from edgeml import documents
    from edgeml.errors import InputError
    from edgeml_devices.database import read_all
    from edgeml_devices.table import table

    fleet = read_all(db)
    if as_json:
        print(documents.encode_pretty(fleet))
    if not fleet.devices:
        raise InputError(
            f"{db} knows no device yet; keep 'edgeml monitor' running and start a device of fleet "
            f"{fleet.fleet!r}."
        )
    if not as_json:
        console = Console()
        if not console.is_terminal:
            console = Console(width=PIPE_WIDTH)
        console.print(table(fleet, width=console.width))
