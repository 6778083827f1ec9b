"""`edgeml compare A B`: do two models of any formats say the same?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from edgeml_converters.compare.compare import Comparison

FLIPS_SHOWN = 8
SLICES_SHOWN = 8
_MODEL = "an .onnx, a .tflite, a package (or FILE.edgeml:VARIANT), or any SOURCE of edgeml convert."


def compare_command(
    a: Annotated[str, typer.Argument(help=f"The model that is right: {_MODEL}")],
    b: Annotated[str, typer.Argument(help=f"The model that must say the same: {_MODEL}")],
    data: Annotated[
        Path,
        typer.Option(
            help="An .npz as edgeml convert takes it: one array for each input, first axis the "
            "sample; labels is optional, expected/NAME is left aside."
        ),
    ],
    exact: Annotated[
        bool,
        typer.Option(
            "--exact",
            help="Nothing but the rounding of float32 may differ; else what the role of each "
            "output allows.",
        ),
    ] = False,
    output: Annotated[
        list[str] | None,
        typer.Option(help="What an output of A means, NAME=ROLE, as of edgeml convert."),
    ] = None,
    tolerance: Annotated[
        list[str] | None,
        typer.Option(help="Another limit, NAME:FIGURE=VALUE, as of edgeml convert."),
    ] = None,
    engine: Annotated[
        list[str] | None,
        typer.Option(
            help="onnxruntime, tflite or litert: what may run files; give it again for a second "
            "one; else each that is installed."
        ),
    ] = None,
    slice_by: Annotated[
        str | None,
        typer.Option(help="A key of the data by whose values the samples are looked at apart."),
    ] = None,
    sequence_by: Annotated[
        str | None,
        typer.Option(
            help="A key of the data: where states are fed back, samples of one value of it follow "
            "one another; all samples if not given."
        ),
    ] = None,
    batch_axis: Annotated[
        list[str] | None,
        typer.Option(
            help="Where a PyTorch model has its samples, NAME=AXIS, as of edgeml convert.",
            show_default=False,
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(help="Seconds that each step may take.", min=1, max=604_800)
    ] = 600,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document; see docs/documents.md.")
    ] = False,
) -> None:
    """Run two models on the same data and compare all their outputs.

    A runs on the first engine that takes it, B on every engine for its format. Inputs and outputs
    are paired by name where their values agree, else by value.

    Exit codes: 0 they say the same, 2 bad input or a model that nothing runs, 4 they differ, 6 not
    a whole package, 10 no engine for a format is installed, 13 it cannot be told yet.
    """
    from rich.console import Console

    from edgeml import documents
    from edgeml.cli.steps import Steps
    from edgeml.errors import ParityError, UndecidedError
    from edgeml_converters.compare.compare import compare_models

    with Steps() as steps:
        found = compare_models(
            a,
            b,
            data,
            exact=exact,
            outputs=output or (),
            tolerances=tolerance or (),
            engines=engine or (),
            slice_by=slice_by,
            sequence_by=sequence_by,
            batch_axes=batch_axis or (),
            timeout_seconds=timeout,
            progress=steps.step,
        )
    if as_json:
        print(documents.encode_pretty(found))
    else:
        console = Console(emoji=False, highlight=False)
        for part in _parts(found):
            console.print(part)
    if found.answer == "differs":
        raise ParityError(f"{found.b} does not say the same as {found.a}: {found.fault()}.")
    if found.answer == "cannot tell":
        raise UndecidedError(
            f"Whether {found.b} says the same as {found.a} cannot be told: {found.fault()}."
        )


def _parts(found: "Comparison") -> "Iterator[RenderableType]":
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    from edgeml.parity.words import worst_figure
    from edgeml_converters.report.terminal import ANSWERS, role_lines

    yield f"A [bold]{escape(found.a)}[/] on {found.engine} {found.version}"
    yield f"B [bold]{escape(found.b)}[/], on the same {found.samples:,} samples"
    for what, names in (("input", found.inputs), ("output", found.outputs)):
        for ours, theirs in names.items():
            if ours != theirs:
                yield f"{what} {escape(repr(ours))} of A is {escape(repr(theirs))} of B"
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("B on", no_wrap=True)
    table.add_column("output", overflow="fold")
    for name in ("max abs", "SNR dB"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("worst figure / limit", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    for row in found.engines:
        for title, output in row.judged:
            exact = "exact" if output.max_abs == 0 else ""
            table.add_row(
                row.engine,
                escape(title),
                _number(output.max_abs, ".2e") or "not finite",
                _number(output.snr_db, ".1f") or exact,
                escape(worst_figure(output)),
                ANSWERS[output.answer],
            )
        if row.error is not None:
            table.add_row(row.engine, escape(row.error), *[""] * 3, "[yellow]did not run[/]")
    yield table
    if any(row.outputs for row in found.engines):
        roles = {} if found.exact else found.roles
        yield from map(escape, role_lines(roles, found.allowed, lower=not found.exact))
    yield from _flips(found)
    yield from _slices(found)
    yield {
        "same": "They say the same.",
        "differs": "[red]They differ.[/]",
        "cannot tell": "[yellow]Whether they say the same cannot be told yet.[/]",
    }[found.answer]


def _flips(found: "Comparison") -> "Iterator[RenderableType]":
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    for row in found.engines:
        for output in row.evidence.outputs if row.evidence else ():
            if not output.flips:
                continue
            shown = output.worst_flips[:FLIPS_SHOWN]
            title = f"{output.flips} flips of {escape(output.name)} on {row.engine}"
            if output.flips > len(shown):
                title += f", the {len(shown)} with the widest margins"
            yield title
            table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
            for name in ("sample", "A says", "margin", "B says", "margin", "label"):
                table.add_column(name, justify="right")
            for flip in shown:
                table.add_row(
                    str(flip.sample),
                    str(flip.expected),
                    f"{flip.expected_margin:.3g}",
                    str(flip.found),
                    f"{flip.found_margin:.3g}",
                    "" if flip.label is None else str(flip.label),
                )
            yield table


def _slices(found: "Comparison") -> "Iterator[RenderableType]":
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    for row in found.engines:
        slices = row.evidence.slices if row.evidence else ()
        if not slices:
            continue
        title = f"{len(slices)} slices by {escape(slices[0].key)} on {row.engine}"
        yield title + (f", the {SLICES_SHOWN} worst" if len(slices) > SLICES_SHOWN else "")
        table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
        table.add_column(escape(slices[0].key), overflow="fold")
        for name in ("samples", "SNR dB", "top-1"):
            table.add_column(name, justify="right")
        for part in slices[:SLICES_SHOWN]:
            table.add_row(
                escape(str(part.value)),
                str(part.samples),
                _number(part.snr_db, ".1f"),
                _number(part.top1, ".1%"),
            )
        yield table


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
