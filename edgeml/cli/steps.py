"""The progress display of commands that take their time: a line a step, on standard error."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text


class _Mark(SpinnerColumn):
    """Turns while a step runs, then says how it ended; a file or a pipe gets that alone."""

    def render(self, task: Task) -> RenderableType:
        return Text("✗", style="red") if task.fields["failed"] else super().render(task)


class Steps:
    """A context manager whose `step` wraps each step; nothing is shown before the first one, so
    that bad input is one sentence and nothing else."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._progress: Progress | None = None

    def __enter__(self) -> "Steps":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @contextmanager
    def step(self, name: str) -> Generator[None]:
        if self._progress is None:
            self._progress = self._open.enter_context(
                Progress(
                    _Mark(finished_text="[green]✓"),
                    TextColumn("{task.description}"),
                    TimeElapsedColumn(),
                    console=Console(stderr=True, emoji=False),
                )
            )
        task = self._progress.add_task(escape(name), total=1, failed=False)
        try:
            yield
        except BaseException:
            self._progress.update(task, description=f"[red]{escape(name)}: failed", failed=True)
            self._progress.stop_task(task)
            raise
        self._progress.update(task, completed=1)
