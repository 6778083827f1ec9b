"""Processes that outlive a step, and are started again after one has killed them."""

from collections.abc import Callable
from pathlib import Path

from edgeml_converters.steps.messages import Request
from edgeml_converters.steps.process import Answer, StepCrashed, StepError, Worker


class Restarting:
    """A worker that is started when it is first needed, and again after a step has killed it."""

    def __init__(self, log: Path, timeout_seconds: float, memory_bytes: int | None = None) -> None:
        """timeout_seconds: for each step; log, memory_bytes: see Worker."""
        self._log = log
        self._timeout_seconds = timeout_seconds
        self._memory_bytes = memory_bytes
        self._worker: Worker | None = None
        self._closed = False

    @property
    def alive(self) -> bool:
        return self._worker is not None and self._worker.alive

    def start(self) -> bool:
        """Makes sure that one runs; True when it is a new one, which knows nothing yet.

        Raises StepError once it is closed, where a step still runs beside who closed it.
        """
        if self.alive:
            return False
        if self._closed:
            raise StepError("the step", "the command has ended")
        self._end()
        self._worker = Worker(self._log, self._memory_bytes)
        return True

    def ask(self, step: str, request: Request, kind: type[Answer]) -> Answer:
        """See Worker.ask."""
        self.start()
        assert self._worker is not None
        return self._worker.ask(step, request, kind, self._timeout_seconds)

    def close(self) -> None:
        self._closed = True
        self._end()

    def _end(self) -> None:
        if self._worker is not None:
            self._worker.close()


class Shared(Restarting):
    """A worker that serves one file after the other, since starting one takes longer than most
    steps.

    A step that crashes it is asked again of a new one, unless it has served that file alone: what
    other files left behind in it is not this file's fault.
    """

    def __init__(self, log: Path, timeout_seconds: float, memory_bytes: int | None = None) -> None:
        """See Restarting."""
        super().__init__(log, timeout_seconds, memory_bytes)
        self._served: set[Path] = set()

    def start(self) -> bool:
        new = super().start()
        if new:
            self._served.clear()
        return new

    def ask_about(
        self,
        file: Path,
        step: str,
        request: Request,
        kind: type[Answer],
        prepare: Callable[[], object] | None = None,
    ) -> Answer:
        """See Worker.ask. prepare: what makes a new worker ready for the request."""
        if self.start() and prepare is not None:
            prepare()
        self._served.add(file)
        try:
            return self.ask(step, request, kind)
        except StepCrashed:
            if self._served == {file}:
                raise
        self._end()
        return self.ask_about(file, step, request, kind, prepare)
