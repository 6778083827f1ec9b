"""`edgeml convert SOURCE`: a framework's model to ONNX and TFLite, with parity shown."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Target(StrEnum):
    """A format to convert to."""

    onnx = "onnx"
    tflite = "tflite"


def convert_command(
    source: Annotated[
        str,
        typer.Argument(
            help="module:callable or file.py:callable that returns a model, a .pt2 program, a "
            "TorchScript .pt, a .keras file or a SavedModel folder."
        ),
    ],
    to: Annotated[list[Target], typer.Option(help="The format; give it again for a second one.")],
    data: Annotated[
        Path,
        typer.Option(
            help="An .npz with one array for each input, first axis the sample; expected/NAME and "
            "labels are optional."
        ),
    ],
    out: Annotated[Path, typer.Option(help="The folder for variants, contract and report.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds that each step may take.", min=1)] = 600,
    holdout: Annotated[
        int, typer.Option(help="Samples that the device will re-check, at most.", min=1)
    ] = 64,
) -> None:
    """Convert a model and show, on data, that each variant says the same on each engine.

    Exit codes: 0 every variant is within tolerance, 2 bad input, 3 a format could not be made,
    4 a variant is out of tolerance or the model disagrees with expected/, 9 the disk.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from edgeml import documents
    from edgeml_converters.convert import convert, verdict
    from edgeml_converters.table import table

    with ExitStack() as running:
        progress: Progress | None = None

        @contextmanager
        def step(name: str) -> Generator[None]:
            nonlocal progress
            if progress is None:  # bad input found before the first step needs no display
                progress = running.enter_context(
                    Progress(
                        SpinnerColumn(finished_text="[green]✓"),
                        TextColumn("{task.description}"),
                        TimeElapsedColumn(),
                        console=Console(stderr=True, emoji=False),
                    )
                )
            task = progress.add_task(escape(name), total=1)
            try:
                yield
            except BaseException:
                progress.update(task, description=f"[red]{escape(name)}: failed")
                progress.stop_task(task)
                raise
            progress.update(task, completed=1)

        report = convert(
            source,
            [target.value for target in to],
            data,
            out,
            timeout_seconds=timeout,
            holdout_samples=holdout,
            progress=step,
        )
    if as_json:
        print(documents.encode_pretty(report))
    else:
        Console(emoji=False).print(table(report))
        print(f"{out}: {sum(len(v.files) for v in report.variants)} files of "
              f"{len(report.variants)} variants")  # fmt: skip
    verdict(report, out)
