"""What the device says: state, events and reports, put on their topics and on standard error."""

import sys
import threading
import time
import uuid
from itertools import count

import msgspec

from edgeml import documents, telemetry
from edgeml.errors import Category, EdgemlError
from edgeml.mqtt import Link
from edgeml.telemetry import Event, EventKind, Report, State
from edgeml.topics import Topics
from edgeml_runtime.live import Identity, Live


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Voice:
    """One device's state, events and reports; thread-safe. Messages outlast a lost connection."""

    def __init__(self, topics: Topics, device: str, model: str, channel: str, live: Live) -> None:
        self.boot = uuid.uuid4().hex[:12]
        self._topics = topics
        self._device = device
        self._live = live
        self._link: Link | None = None
        self._events = count()
        self._reports = count()
        self._lock = threading.Lock()
        self._state = State(
            device=device, boot=self.boot, time_ms=0, online=False, model=model, channel=channel
        )

    def will(self) -> tuple[str, bytes]:
        """What the broker retains as our state when we vanish."""
        return self._topics.state(self._device), documents.encode(self._state)

    def attach(self, link: Link) -> None:
        self._link = link

    def state(self, *, online: bool = True, **changes: object) -> None:
        """Publishes the state with these changes and what is live now."""
        identity = self._live.identity
        with self._lock:
            self._state = msgspec.structs.replace(
                self._state, time_ms=now_ms(), online=online, **_live_fields(identity), **changes
            )
            self._send(self._topics.state(self._device), documents.encode(self._state), True)

    def event(
        self,
        kind: EventKind,
        message: str,
        *,
        version: str | None = None,
        generation: int | None = None,
        category: Category | None = None,
        duration_ms: float | None = None,
    ) -> None:
        identity = self._live.identity
        event = Event(
            device=self._device,
            boot=self.boot,
            sequence=next(self._events),
            time_ms=now_ms(),
            kind=kind,
            model=self._state.model,
            message=message,
            version=version,
            generation=generation,
            live=identity.version if identity else None,
            category=category,
            duration_ms=duration_ms,
        )
        about = f" {version}" if version else ""
        print(f"edgeml-runtime: {kind}{about}: {message}", file=sys.stderr, flush=True)
        self._send(self._topics.event(self._device), documents.encode(event), False)

    def trouble(self, kind: EventKind, error: EdgemlError, **about: object) -> None:
        """An event for an error, with its category."""
        self.event(kind, str(error), category=error.category, **about)  # type: ignore[arg-type]

    def report(self) -> None:
        """The window since the last report; nothing before the first model."""
        identity = self._live.identity
        window = self._live.take_window()
        if identity is None:
            return
        report = Report(
            device=self._device,
            boot=self.boot,
            sequence=next(self._reports),
            model=identity.model,
            version=identity.version,
            generation=identity.generation,
            start_ms=window.start_ms,
            window_ms=window.window_ms,
            predictions=window.predictions,
            failed=window.failed,
            refused=window.refused,
            latency=tuple(window.latency.tolist()),
        )
        self._send(self._topics.report(self._device), telemetry.pack(report), False)

    def _send(self, topic: str, payload: bytes, retain: bool) -> None:
        if self._link is not None:
            self._link.publish(topic, payload, retain=retain)


def _live_fields(identity: Identity | None) -> dict[str, object]:
    if identity is None:
        return {}
    return {
        "version": identity.version,
        "generation": identity.generation,
        "engine": identity.engine,
        "variant": identity.variant,
    }
