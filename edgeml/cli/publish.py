"""`edgeml publish FILE`: blobs, manifest and release to a broker."""

from pathlib import Path
from typing import Annotated

import typer


def publish_command(
    file: Annotated[Path, typer.Argument(help="The package, NAME-VERSION.edgeml.")],
    broker: Annotated[str, typer.Option(help="mqtt://[USER:PASSWORD@]HOST[:PORT] or mqtts://.")],
    fleet: Annotated[str, typer.Option(help="The fleet's name.")],
    channel: Annotated[str, typer.Option(help="The channel that its devices follow.")] = "stable",
    generation: Annotated[
        int | None,
        typer.Option(
            help="Of the release, where the broker has lost those before it and devices refuse it "
            "by check (3); else the next one.",
            min=1,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Publish a package to a fleet: devices on the channel fetch it, test it and swap it in.

    Exit codes: 0 published, 2 bad input, 6 the package is malformed, 8 the broker cannot be reached
    or does not keep what it is sent.
    """
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from edgeml import documents
    from edgeml_devices.publish import publish

    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    ) as progress:  # fmt: skip
        task = progress.add_task(f"publishing {file.name}", total=None)
        published = publish(
            file,
            broker,
            fleet,
            channel,
            lambda done, total: progress.update(task, completed=done, total=total),
            generation=generation,
        )
    if as_json:
        print(documents.encode_pretty(published))
        return
    release = published.release
    print(
        f"{release.model} {release.version} is on channel {release.channel} of fleet "
        f"{release.fleet}: generation {release.generation}, {published.blobs} blobs, "
        f"{published.bytes / 1e6:.2f} MB in {published.seconds:.2f} s"
    )
