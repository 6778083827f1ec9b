"""What the device says: state, events and reports, on the road and in one line on stderr."""

import sys
import threading
import time
from collections import deque
from contextlib import suppress

from edgeml import documents, telemetry
from edgeml.errors import Category, EdgemlError
from edgeml.mqtt import Link, Receipt
from edgeml.release import Release
from edgeml.telemetry import Event, EventKind, Report, State
from edgeml.topics import Topics
from edgeml_runtime.config import Config
from edgeml_runtime.serving.live import Identity, Live, Window

QUEUE_MESSAGES = 256  # kept while there is no connection; then the oldest go
_GOODBYE_SECONDS = 2.0
_BIRTH_SECONDS = 5.0


class Reporter:
    """Speaks for one boot of one device. Safe from any thread, the link's callbacks included.

    Whoever has something to say numbers it and leaves it in the outbox; one thread alone publishes.
    So nobody waits for the road, and no lock is held while the client takes its own.
    """

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
        self._outbox: deque[tuple[str, bytes]] = deque(maxlen=QUEUE_MESSAGES)
        self._state_due = False
        self._births = 0
        self._news = threading.Event()
        self._closing = False
        self._link: Link | None = None

    @property
    def will(self) -> tuple[str, bytes]:
        """What the broker says when this boot has vanished."""
        state = self._state(online=False, time_ms=0)
        return self._topics.state(self._config.device), documents.encode(state)

    def attach(self, link: Link) -> None:
        """Publishes to `link` whenever it is connected, once `send` runs."""
        self._link = link

    def connection(self, connected: bool) -> None:
        """The link's news; a birth comes before what has waited."""
        if connected:
            self._births += 1
            self._say_state()
            return
        why = self._link.loss if self._link else None
        self.event(
            "connection-lost",
            f"{why or 'The broker is gone'}; the live model goes on.",
            category=Category.CONNECTION,
        )

    def swap_state(self, state: str, previous: str | None) -> None:
        with self._lock:
            self._swap_state = state
            self._previous = previous
        self._say_state()

    def event(
        self,
        kind: EventKind,
        message: str,
        *,
        release: Release | None = None,
        category: str | None = None,
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
            self._outbox.append((self._topics.event(self._config.device), documents.encode(event)))
        self._news.set()
        about = f" {release.version} (generation {release.generation})" if release else ""
        say(f"{kind}{about}: {message}")

    def refusal(self, kind: EventKind, error: EdgemlError, release: Release | None) -> None:
        self.event(kind, str(error), release=release, category=error.category)

    def report(self) -> None:
        """Closes the window of counts and sends it, if there is a model to count for."""
        found = self._live.take_window()
        if found is not None:
            self.report_window(*found)

    def report_window(self, identity: Identity, window: Window) -> None:
        """What a model answered in a window that is closed."""
        with self._lock:
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
            self._outbox.append((self._topics.report(self._config.device), telemetry.pack(report)))
        self._news.set()

    def end(self) -> None:
        """Ends `send`."""
        self._closing = True
        self._news.set()

    def say_goodbye(self) -> None:
        """Sends what waits and the last state, if there is a connection; after `send` has ended."""
        if self._link and self._link.connected:
            self._flush()
            state = documents.encode(self._state(online=False, time_ms=_now_ms()))
            receipt = self._link.publish(
                self._topics.state(self._config.device), state, retain=True
            )
            with suppress(EdgemlError):  # a clean end sends no will, so it is waited for a little
                receipt.confirmed(_GOODBYE_SECONDS)

    def send(self) -> None:
        """The body of the sender's thread, until `end`."""
        while not self._closing:
            self._news.wait()
            self._news.clear()
            with suppress(EdgemlError):  # what the broker refuses is the operator's to see there
                self._flush()

    def _flush(self) -> None:
        link = self._link
        if link is None or not link.connected:
            return
        if self._state_due:
            # A state is only worth sending while it is true: whatever waited is passed over.
            self._state_due = False
            again, self._births = self._births > 1, min(self._births, 1)
            receipt = self._publish_state(link)
            if again and receipt.confirmed(_BIRTH_SECONDS):
                # States that were under way when the connection was lost came after this birth.
                self._publish_state(link)
        while link.connected:
            try:
                topic, payload = self._outbox.popleft()
            except IndexError:
                return
            link.publish(topic, payload)

    def _publish_state(self, link: Link) -> Receipt:
        state = documents.encode(self._state(online=True, time_ms=_now_ms()))
        return link.publish(self._topics.state(self._config.device), state, retain=True)

    def _say_state(self) -> None:
        self._state_due = True
        self._news.set()

    def _state(self, online: bool, time_ms: int) -> State:
        identity = self._live.identity
        with self._lock:
            swap_state, previous = self._swap_state, self._previous
        return State(
            device=self._config.device,
            boot=self._boot,
            time_ms=time_ms,
            online=online,
            model=self._config.model,
            channel=self._config.channel,
            swap_state=swap_state,
            version=identity.version if identity else None,
            generation=identity.generation if identity else 0,
            engine=identity.engine if identity else None,
            variant=identity.variant if identity else None,
            previous=previous,
        )


def say(line: str) -> None:
    """A line on standard error. A log that is full or gone keeps no device from predicting."""
    with suppress(OSError, ValueError):
        print(f"edgeml-runtime: {line}", file=sys.stderr, flush=True)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
