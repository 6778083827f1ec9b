"""`edgeml doctor`: what works on this machine, what is missing and how to get it."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from edgeml.cli.diagnosis import Finding

PIPE_WIDTH = 160  # characters; a pipe has no width of its own


def doctor_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Run every inference engine on a tiny model and look for brokers and frameworks.

    Exit codes: 0 at least one engine works, 10 none does.
    """
    from edgeml import documents
    from edgeml.cli.diagnosis import diagnose
    from edgeml.errors import EngineError

    diagnosis = diagnose()
    if as_json:
        print(documents.encode_pretty(diagnosis))
    else:
        _print(diagnosis.findings)
    if not any(f.ok for f in diagnosis.findings if f.kind == "engine"):
        raise EngineError("No inference engine works here; install edgeml[onnx].")


def _print(findings: "tuple[Finding, ...]") -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in ("", "what", "works", "version", "problem"):
        table.add_column(column, overflow="fold")
    kind = ""
    for found in findings:
        heading, kind = ("" if found.kind == kind else found.kind), found.kind
        works = Text("yes", "green") if found.ok else Text("no", "yellow")
        # Text, since markup would eat the brackets of edgeml[onnx].
        problem = Text(found.problem or "")
        table.add_row(heading, found.name, works, found.version or "-", problem)
    console = Console()
    width = console.width if console.is_terminal else PIPE_WIDTH
    console.print(table, width=width)
