"""What the device says: state, events and reports, on the road and in one line on stderr."""

import sys
import threading
import time
from collections import deque

from edgeml import documents, telemetry
from edgeml.errors import Category, EdgemlError
from edgeml.mqtt import Link
from edgeml.release import Release
from edgeml.telemetry import Event, EventKind, Report, State
from edgeml.topics import Topics
from edgeml_runtime.config import Config
from edgeml_runtime.live import Live

QUEUE_MESSAGES = 256  # kept while there is no connection; then the oldest go
_GOODBYE_SECONDS = 2.0


class Reporter:
    """Speaks for one boot of one device. Safe from any thread."""

    def __init__(self, config: Config, live: Live, boot: str) -> None:
        self._config = config
        self._live = live
        self._boot = boot
        self._topics = Topics(config.fleet)
        self._lock = threading.RLock()
        self._events = 0
        self._reports = 0
        self._swap_state = "idle"
        self._previous: str | None = None
        self._waiting: deque[tuple[str, bytes]] = deque(maxlen=QUEUE_MESSAGES)
        self._link: Link | None = None

    @property
    def will(self) -> tuple[str, bytes]:
        """What the broker says when this boot has vanished."""
        state = self._state(online=False, time_ms=0)
        return self._topics.state(self._config.device), documents.encode(state)

    def attach(self, link: Link) -> None:
        self._link = link

    def connection(self, connected: bool) -> None:
        """The link's news; a birth comes before what has waited."""
        if not connected:
            self.event("connection-lost", "The broker is gone; the live model goes on.",
                       category=Category.CONNECTION)  # fmt: skip
            return
        with self._lock:
            self._send_state()
            waiting = list(self._waiting)
            self._waiting.clear()
            for topic, payload in waiting:
                self._send(topic, payload)

    def swap_state(self, state: str, previous: str | None) -> None:
        with self._lock:
            self._swap_state = state
            self._previous = previous
            self._send_state()

    def event(
        self,
        kind: EventKind,
        message: str,
        *,
        release: Release | None = None,
        category: Category | None = None,
        duration_ms: float | None = None,
    ) -> None:
        identity = self._live.identity
        with self._lock:
            event = Event(
                device=self._config.device,
                boot=self._boot,
                sequence=self._events,
                time_ms=_now_ms(),
                kind=kind,
                model=self._config.model,
                message=message,
                version=release.version if release else None,
                generation=release.generation if release else None,
                live=identity.version if identity else None,
                category=category,
                duration_ms=duration_ms,
            )
            self._events += 1
            self._send(self._topics.event(self._config.device), documents.encode(event))
        about = f" {release.version} (generation {release.generation})" if release else ""
        print(f"edgeml-runtime: {kind}{about}: {message}", file=sys.stderr, flush=True)

    def refusal(self, kind: EventKind, error: EdgemlError, release: Release | None) -> None:
        self.event(kind, str(error), release=release, category=error.category)

    def report(self) -> None:
        """Closes the window of counts and sends it, if there is a model to count for."""
        with self._lock:
            identity = self._live.identity
            window = self._live.take_window()
            if identity is None:
                return
            report = Report(
                device=self._config.device,
                boot=self._boot,
                sequence=self._reports,
                model=self._config.model,
                version=identity.version,
                generation=identity.generation,
                start_ms=window.start_ms,
                window_ms=window.window_ms,
                predictions=window.predictions,
                failed=window.failed,
                refused=window.refused,
                latency=tuple(window.latency.tolist()),
            )
            self._reports += 1
            self._send(self._topics.report(self._config.device), telemetry.pack(report))

    def goodbye(self) -> None:
        """The last state, waited for a little: a clean end sends no will."""
        state = documents.encode(self._state(online=False, time_ms=_now_ms()))
        if self._link and self._link.connected:
            receipt = self._link.publish(
                self._topics.state(self._config.device), state, retain=True
            )
            receipt.confirmed(_GOODBYE_SECONDS)

    def _state(self, online: bool, time_ms: int) -> State:
        identity = self._live.identity
        return State(
            device=self._config.device,
            boot=self._boot,
            time_ms=time_ms,
            online=online,
            model=self._config.model,
            channel=self._config.channel,
            swap_state=self._swap_state,
            version=identity.version if identity else None,
            generation=identity.generation if identity else 0,
            engine=identity.engine if identity else None,
            variant=identity.variant if identity else None,
            previous=self._previous,
        )

    def _send_state(self) -> None:
        # A state is only worth sending while it is true; the next birth tells the newest.
        if self._link and self._link.connected:
            state = documents.encode(self._state(online=True, time_ms=_now_ms()))
            self._link.publish(self._topics.state(self._config.device), state, retain=True)

    def _send(self, topic: str, payload: bytes) -> None:
        if self._link and self._link.connected:
            self._link.publish(topic, payload)
        else:
            self._waiting.append((topic, payload))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
