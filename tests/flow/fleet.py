"""A real broker's clients for the flow tests: the daemon as its own process, and a watcher."""

import csv
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from edgeml import documents
from edgeml.mqtt import Link
from edgeml.telemetry import Event, ModelState, State
from edgeml.topics import Topics

FLEET = "test"
MODEL = "tiny"
DEADLINE_SECONDS = 120.0
Found = TypeVar("Found")


class Watcher:
    """Everything that the fleet's devices say, waited for by condition."""

    def __init__(self, url: str) -> None:
        self.events: list[Event] = []
        self.states: dict[str, State] = {}
        self._changed = threading.Condition()
        self._link = Link(url, "watcher")
        topics = Topics(FLEET)
        self._link.subscribe(topics.all_devices("event"), self._on_event)
        self._link.subscribe(topics.all_devices("state"), self._on_state)
        self._link.connect()

    def _on_event(self, _topic: str, payload: bytes) -> None:
        with self._changed:
            self.events.append(documents.decode(payload, Event, "an event"))
            self._changed.notify_all()

    def _on_state(self, _topic: str, payload: bytes) -> None:
        state = documents.decode(payload, State, "a state")
        with self._changed:
            self.states[state.device] = state
            self._changed.notify_all()

    def wait(self, found: Callable[[], Found | None], what: str) -> Found:
        """What `found` returns once it is truthy; fails naming `what` at the deadline."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        with self._changed:
            while not (result := found()):
                left = deadline - time.monotonic()
                said = [f"{e.kind}: {e.message}" for e in self.events]
                assert left > 0, f"waited in vain for {what}; the devices said {said}"
                self._changed.wait(min(left, 0.1))
        return result

    def event(self, device: str, kind: str, contains: str = "") -> Event:
        return self.wait(
            lambda: next(
                (
                    e
                    for e in self.events
                    if (e.device, e.kind) == (device, kind) and contains in e.message
                ),
                None,
            ),
            f"{kind!r} with {contains!r} from {device}",
        )

    def version(self, device: str, version: str, model: str = MODEL) -> ModelState:
        """What the device says of the model once it is online and predicts with `version`."""

        def found() -> ModelState | None:
            state = self.states.get(device)
            models = state.models if state and state.online else ()
            return next((m for m in models if (m.model, m.version) == (model, version)), None)

        return self.wait(found, f"version {version} on {device}")

    def close(self) -> None:
        self._link.close()


@dataclass(frozen=True)
class Answer:
    """One row of what `--record` writes."""

    sequence: int
    version: str
    top1: int
    status: str


class Device:
    """`edgeml-runtime` as a process of its own that replays without pause."""

    def __init__(
        self, url: str, folder: Path, replay: Path, name: str = "pi-1", *options: str
    ) -> None:
        self.name = name
        self.store = folder / f"store-{name}"
        self.record = folder / f"record-{name}.csv"
        self._log = folder / f"log-{name}.txt"
        self._command = [
            sys.executable, "-m", "edgeml_runtime", "--broker", url, "--fleet", FLEET,
            "--device", name, "--model", MODEL, "--channel", "stable", "--store", str(self.store),
            "--replay", str(replay), "--rate", "200", "--record", str(self.record),
            "--report-seconds", "1", "--retry-seconds", "2", *options,
        ]  # fmt: skip
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(self._command, stdout=log, stderr=log)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        self.process = self._start()

    def stop(self) -> int:
        """Ends it as an operator does; its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=30)

    def answers(self) -> list[Answer]:
        with self.record.open(newline="") as stream:
            return [
                Answer(int(row["sequence"]), row["version"], int(row["top1"]), row["status"])
                for row in csv.DictReader(stream)
            ]

    def log(self) -> str:
        return self._log.read_text()


def check_answers(answers: list[Answer], versions: list[str]) -> None:
    """None failed, none lost, each from exactly one version, versions in order without return."""
    assert answers
    assert {a.status for a in answers} == {"ok"}
    assert [a.sequence for a in answers] == list(range(len(answers)))
    assert all(a.top1 == int(a.version) for a in answers), "an answer is not its version's"
    order = list(dict.fromkeys(a.version for a in answers))
    assert order == versions
    assert [a.version for a in answers] == sorted((a.version for a in answers), key=order.index)
