"""`edgeml inspect FILE`: what a package holds, for people and for machines."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from edgeml.contract import Tensor
    from edgeml.inspection import Inspection


def inspect_command(
    file: Annotated[Path, typer.Argument(help="The package, NAME-VERSION.edgeml.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object; see docs/documents.md.")
    ] = False,
) -> None:
    """Show a package: manifest, contract, variants, holdout, parity and provenance.

    Exit codes: 0 shown, 2 there is no such file, 6 it is not a whole package.
    """
    from rich.console import Console

    from edgeml import documents
    from edgeml.inspection import inspect

    found = inspect(file)
    if as_json:
        print(documents.encode_pretty(found))
        return
    console = Console(highlight=False)
    manifest = found.manifest
    console.print(f"{manifest.name} {manifest.version}", style="bold")
    console.print(f"{found.file}: {_megabytes(found.size)}, manifest sha256", end=" ")
    console.print(found.manifest_sha256, soft_wrap=True)
    holdout = found.holdout
    console.print(
        f"holdout: {holdout.samples} samples {'with' if holdout.labels else 'without'} labels"
    )
    for table in (_contract(found), _variants(found), _self_test(found), _parity(found)):
        console.print()
        console.print(table)
    console.print()
    for line in _provenance(found):
        console.print(line, markup=False, soft_wrap=True)


def _table(title: str, *columns: str) -> "Table":
    from rich import box
    from rich.table import Table

    return Table(
        *columns, title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )


def _contract(found: "Inspection") -> "Table":
    from rich.markup import escape

    from edgeml.contract import shape_text, stands_for

    rows: list[tuple[str, Tensor]] = [("input", t) for t in found.contract.inputs]
    rows += [("output", t) for t in found.contract.outputs]
    scaled = any(tensor.quantisation is not None for _, tensor in rows)
    means = ("stands for",) if scaled else ()
    table = _table("contract", "", "name", "dtype", "shape", "range in the data", "NaN", *means)
    for role, tensor in rows:
        span = "" if tensor.range is None else f"{tensor.range[0]:g} to {tensor.range[1]:g}"
        shape = escape(shape_text(tensor.shape))
        also = (stands_for(tensor),) if scaled else ()
        table.add_row(role, escape(tensor.name), tensor.dtype, shape, span, tensor.nan, *also)
    return table


def _variants(found: "Inspection") -> "Table":
    table = _table(
        "variants", "variant", "format", "precision", "size", "blobs", "batch", "proven on"
    )
    for variant in found.manifest.variants:
        table.add_row(
            variant.id,
            variant.format,
            variant.precision,
            _megabytes(sum(file.size for file in variant.files)),
            str(sum(len(file.blobs) for file in variant.files)),
            "any" if variant.batch is None else str(variant.batch),
            "\n".join(f"{r.engine} {r.version}" for r in variant.requires),
        )
    return table


def _self_test(found: "Inspection") -> "Table":
    from rich.markup import escape

    table = _table("self-test, noisiest channel", "variant", "engine", "output", "dB", "least dB")
    for test in found.holdout.tests:
        table.add_row(
            test.variant,
            test.engine,
            escape(test.output),
            f"{test.expected_db:.1f}",
            f"{test.limit_db:.1f}",
        )
    return table


def _parity(found: "Inspection") -> "Table":
    from rich.markup import escape

    from edgeml.parity.words import worst_figure

    table = _table("parity", "variant, engine", "output", "max abs", "dB", "worst figure", "")
    packed = {variant.id for variant in found.manifest.variants}
    for variant in found.conversion.variants if found.conversion else ():
        shown: dict[str, tuple[object, ...]] = {}
        for engine in variant.engines if variant.id in packed else ():
            said = (engine.outputs, engine.answer, engine.error)
            if shown.get(engine.engine) == said:
                continue  # a lower level of optimisation that changes nothing
            shown[engine.engine] = said
            level = "" if engine.optimisation == "all" else f" (level {engine.optimisation})"
            where = f"{variant.id}\n{engine.engine}{level}"
            for output in engine.outputs:
                table.add_row(
                    where,
                    escape(output.name),
                    _number(output.max_abs, ".2e"),
                    "exact" if output.max_abs == 0 else _number(output.snr_db, ".1f"),
                    escape(worst_figure(output)),
                    output.answer,
                )
            if engine.error:
                table.add_row(where, escape(engine.error))
    return table


def _provenance(found: "Inspection") -> Iterator[str]:
    source = found.provenance
    state = " with changes not committed" if source.git_dirty else ""
    yield f"source: {source.source}"
    yield f"source sha256: {source.source_sha256 or 'not known'}"
    yield f"git commit: {source.git_commit + state if source.git_commit else 'none'}"
    yield f"data sha256: {source.data_sha256}"
    yield f"tools: {', '.join(f'{name} {version}' for name, version in source.tools.items())}"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.2f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
