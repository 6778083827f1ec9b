"""The figures of a conversion as a table for the terminal."""

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from edgeml.conversion import ConversionReport, EngineParity, VariantReport
from edgeml.parity import OutputParity

_COLUMNS = ("max abs", "cosine", "SNR dB", "top-1")


def table(report: ConversionReport) -> Table:
    """One row for each variant, engine and output."""
    title = f"{escape(report.source)}: parity on {report.samples} samples"
    made = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("variant", "engine", "output"):
        made.add_column(name, overflow="fold")
    for name in _COLUMNS:
        made.add_column(name, justify="right")
    made.add_column("verdict")
    for variant in report.variants:
        if not variant.engines:
            blank = [""] * (len(_COLUMNS) + 2)
            made.add_row(variant.id, *blank, "[red]not made[/]" if not variant.files else "unseen")
        for engine in variant.engines:
            _add_engine(made, variant, engine)
    return made


def _add_engine(made: Table, variant: VariantReport, engine: EngineParity) -> None:
    if engine.error is not None:
        made.add_row(
            variant.id, engine.engine, *[""] * (len(_COLUMNS) + 1), "[yellow]did not run[/]"
        )
    for output in engine.outputs:
        made.add_row(
            variant.id,
            engine.engine,
            escape(output.name),
            *_figures(output),
            "[green]same[/]" if output.passed else "[red]differs[/]",
        )


def _figures(output: OutputParity) -> tuple[str, ...]:
    found = "not finite" if output.max_abs is None else f"{output.max_abs:.2e}"
    return (
        found,
        "" if output.cosine is None else f"{output.cosine:.6f}",
        ("" if output.max_abs is None else "exact")
        if output.snr_db is None
        else f"{output.snr_db:.1f}",
        "" if output.top1 is None else f"{output.top1:.1%}",
    )
