"""The figures of a conversion as people read them on a terminal."""

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edgeml.conversion import ConversionReport, EngineParity, VariantReport
from edgeml.parity import OutputParity

_FIGURES = ("max abs", "cosine", "SNR dB", "top-1")


def print_report(console: Console, report: ConversionReport, out: Path) -> None:
    """The table, then one line for each finding, each repair tried and the files written."""
    console.print(parity_table(report))
    for variant in report.variants:
        for finding in variant.findings:
            colour = "red" if finding.severity == "error" else "yellow"
            where = f" in {finding.where}" if finding.where else ""
            console.print(
                f"{variant.id}: [{colour}]{finding.fault}[/]{escape(where)}: "
                f"{escape(finding.message)}"
            )
        for repair in variant.repairs:
            snr = "failed" if repair.snr_db is None else f"{repair.snr_db:.1f} dB"
            kept = "kept" if repair.kept else "not kept"
            against = ", ".join(repair.faults) or "not every engine agreed"
            console.print(f"{variant.id}: {against}: tried {escape(repair.action)}: {snr}, {kept}")
    files = sum(len(variant.files) for variant in report.variants)
    console.print(f"{out}: {files} files of {len(report.variants)} variants", markup=False)


def parity_table(report: ConversionReport) -> Table:
    """One row for each variant, engine and output; a lower level of optimisation has a row of its
    own only where its verdict is another."""
    title = f"{escape(report.source)}: parity on {report.samples} samples"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0),
        show_edge=False, pad_edge=False)  # fmt: skip
    for name in ("variant", "engine"):
        table.add_column(name, no_wrap=True)
    table.add_column("output", overflow="fold", min_width=6)
    for name in _FIGURES:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for variant in report.variants:
        if not variant.engines:
            blank = [""] * (len(_FIGURES) + 2)
            table.add_row(variant.id, *blank, "[red]not made[/]" if not variant.files else "unseen")
        shown: dict[str, bool] = {}
        for engine in variant.engines:
            if shown.get(engine.engine) != engine.passed:
                shown[engine.engine] = engine.passed
                _add_engine(table, variant, engine)
    return table


def _add_engine(table: Table, variant: VariantReport, engine: EngineParity) -> None:
    level = "" if engine.optimisation == "all" else f"\n({engine.optimisation})"
    name = f"{engine.engine}{level}"
    if engine.error is not None:
        table.add_row(variant.id, name, *[""] * (len(_FIGURES) + 1), "[red]did not run[/]")
    for output in engine.outputs:
        same = output.passed and engine.passed
        table.add_row(
            variant.id,
            name,
            escape(output.name),
            *_figures(output),
            "[green]same[/]"
            if same
            else "[red]differs[/]"
            if not output.passed
            else "[red]unsound",
        )


def _figures(output: OutputParity) -> tuple[str, ...]:
    max_abs = "not finite" if output.max_abs is None else f"{output.max_abs:.1e}"
    return (
        max_abs,
        "" if output.cosine is None else f"{output.cosine:.5f}",
        ("" if output.max_abs is None else "exact")
        if output.snr_db is None
        else f"{output.snr_db:.1f}",
        "" if output.top1 is None else f"{output.top1:.1%}",
    )
