"""The demo's stage: steps with a progress display, and processes that end with it."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class StepFailed(Exception):
    """A step of the demo did not work; the message says which one, why and where to look."""


class Stage:
    """Runs steps one after another and keeps what was started in the background.

    work: a folder for logs. steps: how many steps there will be, for the bar.
    """

    def __init__(self, work: Path, steps: int) -> None:
        self.work = work
        self.console = Console(stderr=True)
        self._background: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(20),
            TextColumn("{task.completed:.0f}/{task.total:.0f} {task.description}"),
            TimeElapsedColumn(),
            console=self.console,
        )
        self._task = self._progress.add_task("", total=steps)
        self._step = "start"

    def __enter__(self) -> "Stage":
        self._progress.start()
        return self

    def finish(self) -> None:
        """Takes the progress display away, for a page to be printed."""
        self._progress.stop()

    def __exit__(self, *_: object) -> None:
        self.finish()
        for name, process in reversed(self._background):
            _end(name, process)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """One step: shown while it runs, ticked off with its time when it is done."""
        self._step = name
        self._progress.update(self._task, description=name)
        begin = time.monotonic()
        yield
        self._progress.advance(self._task)
        self._progress.console.print(f"  done  {name} ({time.monotonic() - begin:.1f} s)")

    def run(self, command: Sequence[str | Path]) -> str:
        """Runs a command to its end and returns its standard output."""
        log = self.work / "commands.log"
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
        with log.open("a") as stream:
            stream.write(f"$ {' '.join(str(c) for c in command)}\n{done.stdout}{done.stderr}\n")
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise StepFailed(
                f"the step '{self._step}' failed with exit code {done.returncode}: {reason} "
                f"(all output: {log})"
            )
        return done.stdout

    def start(self, name: str, command: Sequence[str | Path]) -> None:
        """Starts a command in the background; its output goes to NAME.log."""
        with (self.work / f"{name}.log").open("wb") as log:
            process = subprocess.Popen([str(c) for c in command], stdout=log, stderr=log)
        self._background.append((name, process))

    def stop(self, name: str) -> None:
        for entry in [entry for entry in self._background if entry[0] == name]:
            self._background.remove(entry)
            _end(*entry)

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = 90.0) -> None:
        """Waits until `condition` holds; a background process that ends meanwhile is a failure."""
        deadline = time.monotonic() + seconds
        while not condition():
            for name, process in self._background:
                if process.poll() is not None:
                    raise StepFailed(
                        f"{name} ended with exit code {process.returncode} in the step "
                        f"'{self._step}'; see {self.work / name}.log"
                    )
            if time.monotonic() > deadline:
                raise StepFailed(f"{what} did not happen within {seconds:.0f} s; see {self.work}")
            time.sleep(0.1)


def _end(name: str, process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        print(f"demo: {name} did not end when asked and was killed", file=sys.stderr)
        process.kill()
        process.wait()
