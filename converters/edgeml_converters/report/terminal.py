"""The figures of a conversion as people read them on a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edgeml.conversion import ConversionReport, EngineParity, VariantReport
from edgeml.evidence import Task
from edgeml.parity.answers import Answer
from edgeml.parity.roles import Role
from edgeml.parity.words import limit_text, role_notes, role_text, snr_text, worst_figure
from edgeml_converters.report.verdict import number

ANSWERS: dict[Answer, str] = {
    "same": "[green]same[/]",
    "differs": "[red]differs[/]",
    "cannot tell": "[yellow]cannot tell[/]",
}


def print_report(console: Console, report: ConversionReport, out: Path) -> None:
    """The table, then what each output is taken for, the task's metric, each finding, the repairs
    and the files written."""
    console.print(parity_table(report))
    for line in (*_role_lines(report), *_task_lines(report)):
        console.print(escape(line))
    for variant in report.variants:
        for finding in variant.findings:
            colour = "red" if finding.severity == "error" else "yellow"
            where = f" in {finding.where}" if finding.where else ""
            console.print(
                f"{variant.id}: [{colour}]{finding.fault}[/]{escape(where)}: "
                f"{escape(finding.message)}"
            )
        for line in _repair_lines(variant):
            console.print(escape(line))
    files = number(sum(len(variant.files) for variant in report.variants), "file")
    variants = number(len(report.variants), "variant")
    console.print(f"{out}: {files} of {variants}", markup=False)


def _task_lines(report: ConversionReport) -> Iterator[str]:
    """The metric of each variant on the engine where it is farthest from the model's."""
    alike: dict[str, list[str]] = {}
    for variant in report.variants:
        tasks = [row.evidence.task for row in variant.engines if row.evidence]
        found = [task for task in tasks if task is not None]
        if found:
            worst = max(found, key=lambda task: abs(task.delta.value))
            alike.setdefault(_task_text(worst), []).append(variant.id)
    for said, names in alike.items():
        yield f"{', '.join(names)}: {said}"


def _task_text(task: Task) -> str:
    of = f" of {task.output}" if task.output else ""
    low, value, high = (f"{end:.3g}" for end in (task.delta.low, task.delta.value, task.delta.high))
    return (
        f"{task.metric}{of} is {task.variant.value:.4g}, the model's {task.model.value:.4g}, a "
        f"difference of {value} ({low} to {high})"
    )


def _repair_lines(variant: VariantReport) -> Iterator[str]:
    """Each that was kept, and how many others were tried."""
    for repair in variant.repairs:
        if repair.kept:
            against = f" ({', '.join(repair.faults)})" if repair.faults else ""
            found = "exact" if repair.snr_db is None else f"{repair.snr_db:.1f} dB"
            how = "repaired" if variant.passed else "made better, though not good enough"
            action = f"{repair.action}, {found} on the samples that choose"
            yield f"{variant.id}: {how}{against}: {action}"
    others = [repair.snr_db for repair in variant.repairs if not repair.kept]
    made = [snr for snr in others if snr is not None]
    if others:
        many = f"{len(others)} repairs that were" if len(others) > 1 else "a repair that was"
        best = f", of {max(made):.1f} dB at best" if made else ""
        yield f"{variant.id}: tried {many} not kept{best}; report.json has all"


def parity_table(report: ConversionReport) -> Table:
    """One row for each variant, engine and output; a lower level of optimisation has a row of its
    own only where its answer is another."""
    title = f"{escape(report.source)}: parity on {report.samples:,} samples"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0),
        show_edge=False, pad_edge=False)  # fmt: skip
    for name in ("variant", "engine"):
        table.add_column(name, no_wrap=True)
    table.add_column("output", overflow="fold", min_width=6)
    table.add_column("SNR dB", justify="right", no_wrap=True)
    table.add_column("worst figure / limit", overflow="fold")
    table.add_column("answer", no_wrap=True)
    for variant in report.variants:
        if not variant.engines:
            state = "[red]not made[/]" if not variant.files else "unseen"
            table.add_row(variant.id, "", "", "", "", state)
        shown: dict[str, Answer] = {}
        for engine in variant.engines:
            if shown.get(engine.engine) != engine.answer:
                shown[engine.engine] = engine.answer
                _add_engine(table, variant, engine)
    return table


def _add_engine(table: Table, variant: VariantReport, engine: EngineParity) -> None:
    level = "" if engine.optimisation == "all" else f"\n(level {engine.optimisation})"
    name = f"{engine.engine}{level}"
    if engine.error is not None:
        table.add_row(variant.id, name, "", "", "", "[red]did not run[/]")
    broken = engine.answer == "differs" and all(o.answer != "differs" for _, o in engine.judged)
    for title, output in engine.judged:
        table.add_row(
            variant.id,
            name,
            escape(title),
            snr_text(output),
            escape(worst_figure(output)),
            "[red]unsound[/]" if broken else ANSWERS[output.answer],
        )


def role_lines(
    roles: Mapping[str, Sequence[Role]], allowed: Mapping[str, float], *, lower: bool
) -> Iterator[str]:
    """What each output is taken for, and by whom: a wrong guess must be seen; and what people set
    in place of the rule. lower: whether more than rounding may differ."""
    for name, of_output in roles.items():
        yield f"{name} is taken for {role_text(of_output)}"
    if lower:
        yield from role_notes(roles)
    for name, limit in allowed.items():
        yield limit_text(name, limit)


def _role_lines(report: ConversionReport) -> Iterator[str]:
    yield from report.assumed
    lower = any(variant.precision != "fp32" for variant in report.variants)
    yield from role_lines(report.roles, report.allowed, lower=lower)
    if report.compared_by:
        yield f"{report.compared_by} decided in place of all figures"
