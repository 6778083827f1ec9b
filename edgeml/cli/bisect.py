"""`edgeml bisect DIR --variant V`: where inside a variant its answers go wrong."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from edgeml.evidence import TensorFidelity
    from edgeml_converters.bisect.bisect import Bisection


def bisect_command(
    folder: Annotated[Path, typer.Argument(help="A folder that 'edgeml convert' wrote.")],
    variant: Annotated[str, typer.Option(help="Which variant, for example onnx-int8.")],
    samples: Annotated[int, typer.Option(help="Samples of the holdout, at most.", min=1)] = 8,
    floor_db: Annotated[
        float | None,
        typer.Option(
            help="The signal to noise in dB that is still good: 40 for fp16 and 20 for int8 where "
            "it is not given."
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(help="Seconds that it may take.", min=1, max=604_800)
    ] = 600,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object; see docs/documents.md.")
    ] = False,
) -> None:
    """Find the first tensor whose signal to noise drops, and the layer that it comes from.

    Every float tensor inside the variant is compared with the same tensor of the float file that
    the variant was made of, on the same samples.

    Exit codes: 0 found, or nothing drops, 2 bad input, 3 a file could not be run.
    """
    from rich.console import Console

    from edgeml import documents
    from edgeml.cli.steps import Steps
    from edgeml_converters.bisect.bisect import bisect

    with Steps() as steps:
        found = bisect(
            folder,
            variant,
            samples=samples,
            floor_db=floor_db,
            timeout_seconds=timeout,
            progress=steps.step,
        )
    if as_json:
        print(documents.encode_pretty(found))
        return
    console = Console(emoji=False, highlight=False)
    console.print(_table(found))
    console.print(_verdict(found), markup=False, soft_wrap=True)


def _table(found: "Bisection") -> "Table":
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from edgeml_converters.bisect.names import tail

    table = Table(
        "op", "tensor", "from", title=f"{found.variant}, {found.samples} samples",
        title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0),
    )  # fmt: skip
    own = any(tensor.own_snr_db is not None for tensor in found.tensors)
    table.add_column("dB", justify="right")
    if own:
        table.add_column("own dB", justify="right")
    for tensor in found.tensors:
        guilty = tensor == found.culprit
        table.add_row(
            tensor.op,
            escape(tail(tensor.name)),
            escape(tensor.source),
            *([_decibel(tensor.snr_db)] if own else []),
            _decibel(tensor.own_snr_db if own else tensor.snr_db) + " <" * guilty,
            style="bold red" if guilty else None,
        )
    return table


def _verdict(found: "Bisection") -> str:
    floor = f"the floor of {found.floor_db:g} dB"
    figures = [_blamed_for(tensor) for tensor in found.tensors]
    if found.culprit is None:
        noisy = [figure for figure in figures if figure is not None]
        lowest = f"the lowest has {_decibel(min(noisy))} dB" if noisy else "all are exact"
        return f"No tensor drops below {floor} at once; {lowest}."
    guilty = found.culprit
    origin = f", which comes from {guilty.source}" if guilty.source else ""
    if guilty.own_snr_db is None:
        return (
            f"{guilty.op} is the first to drop below {floor}: {guilty.name} has "
            f"{_decibel(guilty.snr_db)} dB{origin}."
        )
    return (
        f"{guilty.op} adds the most noise by itself, and more than {floor}: {guilty.name} has "
        f"{_decibel(guilty.own_snr_db)} dB for its own inputs{origin}."
    )


def _blamed_for(tensor: "TensorFidelity") -> float | None:
    return tensor.snr_db if tensor.own_snr_db is None else tensor.own_snr_db


def _decibel(value: float | None) -> str:
    from edgeml_converters.bisect.noise import NOT_FINITE_DB

    if value is None:
        return "exact"
    return "NaN" if value == NOT_FINITE_DB else f"{value:.1f}"
