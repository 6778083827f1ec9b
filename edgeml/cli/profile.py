"""`edgeml profile FILE`: what a model costs on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from edgeml.profile import Layer, Profile

LAYERS_SHOWN = 12


def profile_command(
    file: Annotated[Path, typer.Argument(help="An .onnx, a .tflite or an .edgeml package.")],
    engine: Annotated[
        list[str] | None,
        typer.Option(
            help="onnxruntime, tflite or litert; give it again for a second one; else each that "
            "is installed."
        ),
    ] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option(help="A variant of the package; give it again for a second one; else all."),
    ] = None,
    threads: Annotated[int, typer.Option(help="Threads of the engine.", min=1, max=1024)] = 1,
    batch: Annotated[int, typer.Option(help="Samples in one call.", min=1, max=65_536)] = 1,
    seconds: Annotated[
        float, typer.Option(help="Seconds of timed calls on each engine.", min=0.05, max=86_400)
    ] = 2,
    shape: Annotated[
        list[str] | None,
        typer.Option(help="NAME=SIZES of an input with free sizes, for example image=1,3,224,224."),
    ] = None,
    timeout: Annotated[
        float, typer.Option(help="Seconds that each engine may take.", min=1, max=604_800)
    ] = 600,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document; see docs/documents.md.")
    ] = False,
) -> None:
    """Measure latency and memory on each engine, and count operators and multiply-accumulates.

    The inputs are random but always the same: within the contract's range where it is a package,
    else between 0 and 1. Each engine runs in a process of its own.

    Exit codes: 0 measured, 2 bad input, 6 not a whole package, 10 an engine is missing or failed.
    """
    from rich.console import Console

    from edgeml import documents
    from edgeml.cli.steps import Steps
    from edgeml.errors import EngineError
    from edgeml_converters.profile.files import profile_file

    shapes = dict(_shape(text) for text in shape or ())
    with Steps() as steps:
        found = profile_file(
            file,
            variants=variant or (),
            engines=engine or (),
            threads=threads,
            batch=batch,
            seconds=seconds,
            shapes=shapes,
            timeout_seconds=timeout,
            progress=steps.step,
        )
    if as_json:
        print(documents.encode_pretty(found))
    else:
        console = Console(emoji=False, highlight=False)
        for profile in found.profiles:
            for part in _parts(profile):
                console.print(part)
    for profile in found.profiles:
        for row in profile.engines:
            if row.error is not None:
                raise EngineError(f"{row.engine} could not run {profile.name}: {row.error}")


def _shape(text: str) -> tuple[str, tuple[int, ...]]:
    from edgeml.errors import InputError

    name, _, sizes = text.rpartition("=")
    try:
        shape = tuple(int(size) for size in sizes.split(","))
    except ValueError:
        shape = ()
    if not name or not shape or min(shape) < 1:
        raise InputError(f"--shape must be NAME=SIZES, as image=1,3,224,224, but is {text!r}.")
    return name, shape


def _parts(profile: "Profile") -> "Iterator[RenderableType]":
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    from edgeml_converters.profile.text import count, latency, macs, short, size

    def table(*columns: str) -> Table:
        return Table(*columns, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))

    yield f"[bold]{escape(profile.name)}[/]: {size(profile.size)}, " + (
        f"{count(profile.parameters)} parameters, {macs(profile)}"
    )
    cores = f"{profile.cores} core{'s' * (profile.cores != 1)}"
    yield f"on {escape(profile.cpu)}, {cores}; threads {profile.threads}, batch {profile.batch}"
    engines = table("engine", "version", "graph")
    for name in ("p50", "p99", "calls", "peak MiB"):
        engines.add_column(name, justify="right")
    for row in profile.engines:
        engines.add_row(
            row.engine,
            row.version,
            row.optimisation,
            latency(row.p50_us),
            latency(row.p99_us),
            f"{row.runs:,}" if row.error is None else "[red]did not run[/]",
            "" if row.peak_mib is None else f"{row.peak_mib:.1f}",
        )
    yield engines
    ops = sorted(profile.ops.items(), key=lambda item: -item[1])
    yield "operators: " + ", ".join(f"{escape(op)} {number}" for op, number in ops)
    yield ""
    heavy = _heavy(profile)
    if not heavy:
        return
    yield f"the {len(heavy)} heaviest of {len(profile.layers)} layers:"
    layers = table("layer", "op")
    for name in ("output", "params", "MACs", "share"):
        layers.add_column(name, justify="right", no_wrap=True)
    for layer in heavy:
        layers.add_row(
            escape(short(layer.name)),
            escape(layer.op),
            "" if layer.shape is None else "x".join(map(str, layer.shape)),
            count(layer.parameters),
            count(layer.macs or 0),
            f"{(layer.macs or 0) / profile.macs:.1%}",
        )
    yield layers


def _heavy(profile: "Profile") -> "list[Layer]":
    """Those with the most multiply-accumulates, the first of equals first."""
    counted = [layer for layer in profile.layers if layer.macs]
    return sorted(counted, key=lambda layer: -(layer.macs or 0))[:LAYERS_SHOWN]
