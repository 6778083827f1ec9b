"""What the device says: state, events and reports, on the road and in one line on stderr."""

import sys
import threading
import time
from contextlib import suppress

from edgeml import documents, telemetry
from edgeml.errors import Category, EdgemlError
from edgeml.mqtt import Link
from edgeml.release import Release
from edgeml.telemetry import Event, EventKind, ModelState, RefusedRelease, Report, State
from edgeml.topics import Topics
from edgeml_runtime.config import Config, Followed
from edgeml_runtime.serving.live import Identity, Live, Window
from edgeml_runtime.store.record import Refusal
from edgeml_runtime.telemetry.outbox import Outbox

_WHY_CHARACTERS = 500  # of a refusal in the state; the event has it whole


class Reporter:
    """Speaks for one boot of one device. Safe from any thread, the link's callbacks included."""

    def __init__(self, config: Config, boot: str) -> None:
        self._config = config
        self._boot = boot
        self._topics = Topics(config.fleet)
        self._lock = threading.RLock()
        self._states = 0
        self._events = 0
        self._reports = 0
        self._models: dict[str, ModelReporter] = {}
        self._link: Link | None = None
        self.outbox = Outbox(self._topics.state(config.device), self._state)

    def of(self, followed: Followed, live: Live) -> "ModelReporter":
        """Who speaks of one model."""
        self._models[followed.model] = found = ModelReporter(self, followed, live)
        return found

    @property
    def will(self) -> tuple[str, bytes]:
        """What the broker says when this boot has vanished."""
        state = State(
            device=self._config.device, boot=self._boot, sequence=0, time_ms=_now_ms(), online=False
        )
        return self._topics.state(self._config.device), documents.encode(state)

    def attach(self, link: Link) -> None:
        """Publishes to `link` whenever it is connected, once `outbox.send` runs."""
        self._link = link
        self.outbox.attach(link)

    def connection(self, connected: bool) -> None:
        """The link's news; a birth comes before what has waited."""
        if connected:
            self.outbox.born()
            return
        why = self._link.loss if self._link else None
        self.event(
            "connection-lost",
            f"{why or 'The broker is gone'}; what is live goes on.",
            category=Category.CONNECTION,
        )

    def event(
        self,
        kind: EventKind,
        message: str,
        *,
        model: str = "",
        live: str | None = None,
        release: Release | None = None,
        category: str | None = None,
        duration_ms: float | None = None,
    ) -> None:
        with self._lock:
            event = Event(
                device=self._config.device,
                boot=self._boot,
                sequence=self._events,
                time_ms=_now_ms(),
                kind=kind,
                message=message,
                model=model,
                version=release.version if release else None,
                generation=release.generation if release else None,
                live=live,
                category=category,
                duration_ms=duration_ms,
            )
            self._events += 1
            self.outbox.put_event(self._topics.event(self._config.device), documents.encode(event))
        about = f" {release.version} (generation {release.generation})" if release else ""
        say(f"{kind}{' ' if model else ''}{model}{about}: {message}")

    def refusal(self, kind: EventKind, error: EdgemlError) -> None:
        self.event(kind, str(error), category=error.category)

    def report(self, model: str, identity: Identity, window: Window) -> None:
        """What a version answered in a window that is closed."""
        with self._lock:
            report = Report(
                device=self._config.device,
                boot=self._boot,
                sequence=self._reports,
                model=model,
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
            self.outbox.put_report(self._topics.report(self._config.device), telemetry.pack(report))

    def _state(self, online: bool) -> bytes:
        with self._lock:
            self._states += 1
            state = State(
                device=self._config.device,
                boot=self._boot,
                sequence=self._states,
                time_ms=_now_ms(),
                online=online,
                report_seconds=self._config.report_seconds,
                models=tuple(self._models[name].state for name in sorted(self._models)),
            )
        return documents.encode(state)


class ModelReporter:
    """Speaks of one model of the device; as safe as Reporter."""

    def __init__(self, device: Reporter, followed: Followed, live: Live) -> None:
        self._device = device
        self._followed = followed
        self._live = live
        self._told: tuple[str, str | None, tuple[RefusedRelease, ...]] = ("idle", None, ())

    @property
    def state(self) -> ModelState:
        identity = self._live.identity
        swap_state, previous, refused = self._told
        return ModelState(
            model=self._followed.model,
            channel=self._followed.channel,
            swap_state=swap_state,
            version=identity.version if identity else None,
            generation=identity.generation if identity else 0,
            engine=identity.engine if identity else None,
            variant=identity.variant if identity else None,
            previous=previous,
            refused_releases=refused,
        )

    def tell(
        self, swap_state: str | None, previous: str | None, refusals: tuple[Refusal, ...]
    ) -> None:
        """What the state says from now on. swap_state: None where it is as it was."""
        refused = tuple(
            RefusedRelease(
                version=refusal.release.version,
                generation=refusal.release.generation,
                message=refusal.message[:_WHY_CHARACTERS],
                category=refusal.category,
                final=refusal.final,
            )
            for refusal in refusals
        )
        self._told = (swap_state or self._told[0], previous, refused)
        self._device.outbox.put_state()

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
        self._device.event(
            kind,
            message,
            model=self._followed.model,
            live=identity.version if identity else None,
            release=release,
            category=category,
            duration_ms=duration_ms,
        )

    def refusal(self, kind: EventKind, error: EdgemlError, release: Release | None) -> None:
        self.event(kind, str(error), release=release, category=error.category)

    def report(self) -> None:
        """Closes the window of counts and sends it, if there is a version to count for."""
        found = self._live.take_window()
        if found is not None:
            self.report_window(*found)

    def report_window(self, identity: Identity, window: Window) -> None:
        """What a version answered in a window that is closed."""
        self._device.report(self._followed.model, identity, window)


def say(line: str) -> None:
    """A line on standard error. A log that is full or gone keeps no device from predicting."""
    with suppress(OSError, ValueError):
        print(f"edgeml-runtime: {line}", file=sys.stderr, flush=True)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
