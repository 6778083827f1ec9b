"""Threads that a bug of ours does not end: each is told of and goes on."""

import os
import threading
import traceback
from collections.abc import Callable
from itertools import count

from edgeml_runtime import backoff

_FIRST_SECONDS, _MOST_SECONDS = 0.5, 60.0


class Supervisor:
    """Runs each body in a thread of its own until it returns; one that raises is told of and begins
    again, ever later.

    ending: ends the waiting. tell: the name of the thread and what it raised; called in that
    thread.
    """

    def __init__(self, ending: threading.Event, tell: Callable[[str, Exception], None]) -> None:
        self._ending = ending
        self._tell = tell
        self._threads: dict[str, threading.Thread] = {}

    def add(self, name: str, body: Callable[[], None]) -> None:
        self._threads[name] = threading.Thread(
            target=self._again, args=(name, body), name=name, daemon=True
        )

    def start(self) -> None:
        for thread in self._threads.values():
            thread.start()

    def join(self, *names: str) -> None:
        """Waits for those that were started to return."""
        for name in names:
            if self._threads[name].ident is not None:
                self._threads[name].join()

    @property
    def dead(self) -> tuple[str, ...]:
        """Who was started and is not there any more."""
        return tuple(
            name
            for name, thread in self._threads.items()
            if thread.ident is not None and not thread.is_alive()
        )

    def _again(self, name: str, body: Callable[[], None]) -> None:
        for times in count():
            try:
                body()
                return
            except Exception as error:
                if os.environ.get("EDGEML_DEBUG"):
                    traceback.print_exc()
                self._say(name, error)
            if self._ending.wait(backoff.seconds(_FIRST_SECONDS, _MOST_SECONDS, times)):
                return

    def _say(self, name: str, error: Exception) -> None:
        try:
            self._tell(name, error)
        except Exception:  # whoever tells may be what is broken
            traceback.print_exc()
