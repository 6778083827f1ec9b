"""The daemon: a live model, the swap beside it, and what it says; a Python API and more.

with Daemon(config) as daemon:
    daemon.wait_ready()
    daemon.predict({"image": pixels}).outputs
"""

import secrets
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import numpy.typing as npt

from edgeml import names
from edgeml.contract import Contract
from edgeml.errors import Category, EdgemlError
from edgeml.mqtt import BrokerUrl, Link
from edgeml.topics import Topics
from edgeml_runtime.config import Config
from edgeml_runtime.serving.live import Identity, Live, Prediction
from edgeml_runtime.slot import Slot
from edgeml_runtime.store.disk import Store
from edgeml_runtime.supervise import Supervisor
from edgeml_runtime.swap.health import Health
from edgeml_runtime.swap.uptake import Uptake
from edgeml_runtime.telemetry.reporter import Reporter

_POLL_SECONDS = 0.05


class Daemon:
    """One device's runtime. Constructing it takes up the stored model; `start` goes to the network.

    Raises InputError for a bad name or URL and StorageError when the store cannot be used.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        topics = Topics(config.fleet)
        for kind in ("device", "model", "channel"):
            names.check(kind, getattr(config, kind))
        url = BrokerUrl.parse(config.broker)  # whatever may be refused comes before the store
        self._live = Live()
        self._store = Store(config.store)
        try:
            self._store.claim(config.fleet, config.model, config.channel)
        except EdgemlError:
            self._store.close()
            raise
        self._reporter = Reporter(config, self._live, secrets.token_hex(8))
        self._link = Link(
            url,
            f"edgeml-{config.fleet}-{config.device}-{config.model}",
            will=self._reporter.will,
            on_connection=self._on_connection,
            on_error=lambda error: self._bug("network", error),
        )
        self._reporter.attach(self._link)
        self._slot = Slot.of(config, self._store, self._live, self._reporter)
        self._release_topic = topics.release(config.model, config.channel)
        self._stopping = threading.Event()
        self._was_connected = False
        self._uptake = Uptake(self._slot, self._link, topics, self._stopping)
        self._health = Health(self._slot)
        self._notice = threading.Timer(config.notice_seconds, self._say_what_is_missing)
        self._threads = Supervisor(self._stopping, self._bug)
        self._threads.add("swap", self._uptake.run)
        self._threads.add("report", self._reporting)
        self._threads.add("sender", self._reporter.send)

    def start(self) -> None:
        """Predicts with what is stored, as far as that can be at once, and goes to the network."""
        if self._store.damage is not None:
            self._reporter.refusal("incident", self._store.damage, None)
        self._uptake.boot()
        identity = self._live.identity
        self._reporter.event(
            "started",
            f"{identity.version} predicts on {identity.engine}."
            if identity
            else "No model is loaded."
            if self._store.record.active
            else "There is no model in the store yet.",
        )
        self._uptake.tell()
        self._threads.start()
        self._link.subscribe(self._release_topic, lambda _, payload: self._uptake.hear(payload))
        self._link.start()
        self._notice.start()

    def stop(self) -> None:
        """Ends everything in order; more than once does no harm."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        with ExitStack() as steps:  # the last first, each of them whatever another raises
            steps.callback(self._store.close)
            steps.callback(self._link.close)
            steps.callback(self._reporter.say_goodbye)
            steps.callback(self._threads.join, "sender")
            steps.callback(self._reporter.end)
            steps.callback(self._reporter.event, "stopped", "It was asked to end.")
            steps.callback(self._reporter.report)
            steps.callback(self._note_clean_end)
            steps.callback(self._threads.join, "swap", "report")
            steps.callback(self._uptake.wake)
            steps.callback(self._notice.cancel)

    def _note_clean_end(self) -> None:
        if self._store.record.boots:  # it is no crash
            self._slot.save(boots=0)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def live(self) -> Live:
        return self._live

    @property
    def identity(self) -> Identity | None:
        return self._live.identity

    @property
    def contract(self) -> Contract | None:
        return self._live.contract

    @property
    def stopping(self) -> threading.Event:
        return self._stopping

    def predict(self, tensors: Mapping[str, npt.NDArray[Any]]) -> Prediction:
        """See Live.predict."""
        return self._live.predict(tensors)

    def wait_ready(self, seconds: float | None = None) -> bool:
        """Waits for the first model; False when it has not come in time or the daemon ends."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while self._live.identity is None:
            late = deadline is not None and time.monotonic() > deadline
            if late or self._stopping.wait(_POLL_SECONDS):
                return False
        return True

    @property
    def dead(self) -> tuple[str, ...]:
        """The threads that should run and do not: then the device predicts, but is no device of a
        fleet any more, and is better started anew."""
        return (*self._threads.dead, *(() if self._link.alive else ("network",)))

    def _bug(self, name: str, error: Exception) -> None:
        """Of ours: the thread goes on, and so does the live model."""
        self._reporter.event(
            "incident",
            f"An unforeseen {type(error).__name__} in the {name} thread, which begins again: "
            f"{error}.",
            category=Category.EXECUTION,
        )

    def incident(self, error: EdgemlError) -> None:
        """Tells the fleet of an error beside the swap, for example of a sensor."""
        self._reporter.refusal("incident", error, None)

    def _say_what_is_missing(self) -> None:
        config = self.config
        if self._was_connected and not self._uptake.heard:
            self._reporter.event(
                "stalled",
                f"The broker has no release of {config.model} on channel {config.channel} for "
                f"fleet {config.fleet}; publish one, or check --fleet, --model and --channel.",
                category=Category.CONFIGURATION,
            )
        if not self._was_connected:
            going_on = "the stored model predicts" if self._live.identity else "no model is here"
            self._reporter.event(
                "stalled",
                f"The broker {self._link.url} cannot be reached "
                f"({self._link.refusal or 'no answer'}); {going_on}, trying on.",
                category=Category.CONNECTION,
            )

    def _on_connection(self, connected: bool) -> None:
        self._reporter.connection(connected)
        if connected and self._was_connected:
            self._reporter.event("connection-restored", "The broker is back.")
        self._was_connected = self._was_connected or connected

    def _reporting(self) -> None:
        last = time.monotonic()
        while True:
            report_in = last + self.config.report_seconds - time.monotonic()
            if self._stopping.wait(max(min(self._health.due_in(), report_in), 0.001)):
                return
            self._health.check()
            if time.monotonic() >= last + self.config.report_seconds:
                last = time.monotonic()
                self._reporter.report()
