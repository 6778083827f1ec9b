"""The progress display of commands that take their time: a line a step, on standard error."""

import time
from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import timedelta
from threading import Lock, local

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text


class Steps:
    """A context manager whose `step` wraps each step; nothing is shown before the first one, so
    that bad input is one sentence and nothing else.

    A step inside another one is shown behind it while it runs, on a terminal only; verbose gives
    each a line of its own. A file or a pipe gets a line when a step ends. Each thread has steps of
    its own.
    """

    def __init__(self, *, verbose: bool = False) -> None:
        self._verbose = verbose
        self._open = ExitStack()
        self._running = _Running()
        self._first = Lock()
        self._display: _Lines | _Live | None = None

    def __enter__(self) -> "Steps":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @contextmanager
    def step(self, name: str) -> Generator[None]:
        with self._first:
            if self._display is None:
                console = Console(stderr=True, emoji=False, highlight=False)
                live = console.is_terminal
                shown = self._open.enter_context(_Live(console)) if live else _Lines(console)
                self._display = shown
        outside = self._running.outside
        if outside and not self._verbose:
            with self._display.inside(outside[0], name):
                yield
            return
        said = f"{'  ' * len(outside)}{outside[0]}: {name}" if outside else name
        outside.append(name)
        try:
            with self._display.line(said):
                yield
        finally:
            outside.pop()


class _Running(local):
    """outside: of a thread, the steps that run and have a line, the outermost first."""

    def __init__(self) -> None:
        self.outside: list[str] = []


class _Lines:
    """For a file or a pipe: each step when it has ended."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def line(self, name: str) -> Generator[None]:
        begin = time.monotonic()
        mark, ending = "✓", ""
        try:
            yield
        except BaseException as error:
            mark, ending = "✗", _ending(error)
            raise
        finally:
            took = timedelta(seconds=int(time.monotonic() - begin))
            said = f"{mark} {name}{ending} {took}"
            self._console.print(said, markup=False, soft_wrap=True)

    def inside(self, outer: str, name: str) -> AbstractContextManager[None]:
        return nullcontext()


class _Live:
    """For a terminal: each step from its begin on, with a spinner."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            _Mark(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "_Live":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    @contextmanager
    def line(self, name: str) -> Generator[None]:
        task = self._progress.add_task(escape(name), total=1, failed=False)
        self._tasks[name] = task
        try:
            yield
        except BaseException as error:
            said = f"[red]{escape(name)}{_ending(error)}"
            self._progress.update(task, description=said, failed=True)
            self._progress.stop_task(task)
            raise
        self._progress.update(task, completed=1)

    @contextmanager
    def inside(self, outer: str, name: str) -> Generator[None]:
        task = self._tasks[outer]
        self._progress.update(task, description=f"{escape(outer)} [dim]{escape(name)}")
        try:
            yield
        finally:
            self._progress.update(task, description=escape(outer))


def _ending(error: BaseException) -> str:
    return ": failed" if isinstance(error, Exception) else ": interrupted"


class _Mark(SpinnerColumn):
    """Turns while a step runs, then says how it ended."""

    def render(self, task: Task) -> RenderableType:
        return Text("✗", style="red") if task.fields["failed"] else super().render(task)
