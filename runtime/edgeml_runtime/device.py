"""The device: its live models, a swap beside each, and what it says; a Python API and more.

config = Config(broker=..., fleet="home", device="pi-1", models=(Followed("doorbell"),), store=...)
with Device(config) as device:
    device.wait_ready()
    device.predict({"image": pixels}).outputs
"""

import secrets
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import numpy.typing as npt

from edgeml import digests, names
from edgeml.errors import Category, EdgemlError, InputError
from edgeml.mqtt import BrokerUrl, Link
from edgeml.topics import Topics
from edgeml_runtime.config import Config, Followed
from edgeml_runtime.serving.live import Live, Prediction
from edgeml_runtime.slot import Slot
from edgeml_runtime.store.disk import Store
from edgeml_runtime.supervise import Supervisor
from edgeml_runtime.swap.health import Health
from edgeml_runtime.swap.uptake import Uptake
from edgeml_runtime.telemetry.reporter import Reporter

_POLL_SECONDS = 0.05


class Device:
    """One device's runtime. Constructing it takes the stores; `start` takes up what is stored and
    goes to the network.

    Raises InputError for a bad name or URL and StorageError when a store cannot be used.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        url = _checked(config)  # whatever may be refused comes before the stores
        self._topics = Topics(config.fleet)
        self._reporter = Reporter(config, secrets.token_hex(8))
        self._link = Link(
            url,
            client_id(config),
            will=self._reporter.will,
            on_connection=self._on_connection,
            on_error=lambda error: self._bug("network", error),
        )
        self._reporter.attach(self._link)
        self.stopping = threading.Event()
        self._was_connected = False
        turn = threading.Lock()
        with ExitStack() as opened:
            self._slots = {
                followed.model: self._slot(followed, turn, opened) for followed in config.models
            }
            opened.pop_all()
        self._uptakes = {
            model: Uptake(slot, self._link, self._topics, self.stopping)
            for model, slot in self._slots.items()
        }
        self._healths = [Health(slot) for slot in self._slots.values()]
        self._notice = threading.Timer(config.notice_seconds, self._say_what_is_missing)
        self._threads = Supervisor(self.stopping, self._bug)
        for model, uptake in self._uptakes.items():
            self._threads.add(f"swap of {model}", uptake.run)
        self._threads.add("report", self._reporting)
        self._threads.add("sender", self._reporter.outbox.send)

    def _slot(self, followed: Followed, turn: threading.Lock, opened: ExitStack) -> Slot:
        store = Store(self.config.store / followed.model)
        opened.callback(store.close)
        store.claim(self.config.fleet, followed.model, followed.channel)
        live = Live()
        return Slot.of(self.config, followed, store, live, self._reporter.of(followed, live), turn)

    def start(self) -> None:
        """Predicts with what is stored, as far as that can be at once, and goes to the network."""
        for model, slot in self._slots.items():
            if slot.store.damage is not None:
                slot.reporter.refusal("incident", slot.store.damage, None)
            self._uptakes[model].boot()
            identity = slot.live.identity
            slot.reporter.event(
                "started",
                f"{identity.version} predicts on {identity.engine}."
                if identity
                else "No model is loaded."
                if slot.store.record.active
                else "There is no model in the store yet.",
            )
        self._threads.start()
        for model, slot in self._slots.items():
            topic = self._topics.release(model, slot.followed.channel)
            self._link.subscribe(topic, self._uptakes[model].hear)
        self._link.start()
        self._notice.start()

    def stop(self) -> None:
        """Ends everything in order; more than once does no harm."""
        if self.stopping.is_set():
            return
        self.stopping.set()
        slots, uptakes = self._slots.values(), self._uptakes.values()
        with ExitStack() as steps:  # the last first, each of them whatever another raises
            for slot in slots:
                steps.callback(slot.store.close)
            steps.callback(self._link.close)
            steps.callback(self._reporter.outbox.say_goodbye)
            steps.callback(self._threads.join, "sender")
            steps.callback(self._reporter.outbox.end)
            steps.callback(self._reporter.event, "stopped", "It was asked to end.")
            for slot in slots:
                steps.callback(slot.reporter.report)
                steps.callback(slot.note_clean_end)
            steps.callback(self._threads.join, *self._swaps, "report")
            for uptake in uptakes:
                steps.callback(uptake.wake)
            steps.callback(self._notice.cancel)

    @property
    def _swaps(self) -> tuple[str, ...]:
        return tuple(f"swap of {model}" for model in self._uptakes)

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
    def models(self) -> Mapping[str, Live]:
        """What predicts, by the model's name; each is the same object all the time."""
        return {model: slot.live for model, slot in self._slots.items()}

    def live(self, model: str | None = None) -> Live:
        """One of `models`; its name may be left out where there is one alone.

        Raises InputError for another name.
        """
        if model is None and len(self._slots) == 1:
            (model,) = self._slots
        if model not in self._slots:
            raise InputError(
                f"Which model is meant? {model!r} is none of {', '.join(self._slots)}; name one."
            )
        return self._slots[model].live

    def predict(
        self, tensors: Mapping[str, npt.NDArray[Any]], model: str | None = None
    ) -> Prediction:
        """See Live.predict, and `live` for the model's name."""
        return self.live(model).predict(tensors)

    def wait_ready(self, seconds: float | None = None, model: str | None = None) -> bool:
        """Waits for the first version of a model, or of all; False when one has not come in time or
        the device ends."""
        wanted = self.models.values() if model is None else [self.live(model)]
        deadline = None if seconds is None else time.monotonic() + seconds
        while not all(live.identity for live in wanted):
            late = deadline is not None and time.monotonic() > deadline
            if late or self.stopping.wait(_POLL_SECONDS):
                return False
        return True

    @property
    def dead(self) -> tuple[str, ...]:
        """The threads that should run and do not: then the device predicts, but is no device of a
        fleet any more, and is better started anew."""
        return (*self._threads.dead, *(() if self._link.alive else ("network",)))

    def _bug(self, name: str, error: Exception) -> None:
        """Of ours: the thread goes on, and so does what is live."""
        self._reporter.event(
            "incident",
            f"An unforeseen {type(error).__name__} in the {name} thread, which begins again: "
            f"{error}.",
            category=Category.EXECUTION,
        )

    def incident(self, error: EdgemlError) -> None:
        """Tells the fleet of an error beside the swap, for example of a sensor."""
        self._reporter.refusal("incident", error)

    def _say_what_is_missing(self) -> None:
        if not self._was_connected:
            here = [m for m, slot in self._slots.items() if slot.live.identity]
            going_on = f"{', '.join(here)} from the store predicts" if here else "no model is here"
            self._reporter.event(
                "stalled",
                f"The broker {self._link.url} cannot be reached "
                f"({self._link.refusal or 'no answer'}); {going_on}, trying on.",
                category=Category.CONNECTION,
            )
            return
        for model, slot in self._slots.items():
            if not self._uptakes[model].heard:
                slot.reporter.event(
                    "stalled",
                    f"The broker has no release of {model} on channel {slot.followed.channel} for "
                    f"fleet {self.config.fleet}; publish one, or check --fleet, --model and "
                    "--channel.",
                    category=Category.CONFIGURATION,
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
            health_in = min(health.due_in() for health in self._healths)
            if self.stopping.wait(max(min(health_in, report_in), 0.001)):
                return
            for health in self._healths:
                health.check()
            if time.monotonic() >= last + self.config.report_seconds:
                last = time.monotonic()
                for slot in self._slots.values():
                    slot.reporter.report()


def client_id(config: Config) -> str:
    """Unique at a broker of many fleets: names hold every character that a broker allows in a
    client's, so that none could stand between fleet and device."""
    whose = digests.sha256(f"{config.fleet}/{config.device}".encode())
    return f"edgeml-{config.device}-{whose[:12]}"


def _checked(config: Config) -> BrokerUrl:
    """Raises InputError for what may not be; returns the broker's URL."""
    Topics(config.fleet)
    names.check("device", config.device)
    models = [followed.model for followed in config.models]
    for followed in config.models:
        names.check("model", followed.model)
        names.check("channel", followed.channel)
    if not models or len(set(models)) < len(models):
        raise InputError(
            f"A device runs one or more models, each once, but was given "
            f"{', '.join(models) or 'none'}; name each once."
        )
    return BrokerUrl.parse(config.broker)
