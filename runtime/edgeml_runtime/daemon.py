"""The daemon: one device, one model. It predicts from the first moment and follows its channel."""

import fcntl
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy.typing as npt

from edgeml import names
from edgeml.errors import EdgemlError, InputError, VerificationError
from edgeml.limits import LIMITS, Limits
from edgeml.mqtt import Link
from edgeml.release import Release
from edgeml.topics import Topics
from edgeml.trust import Verifier
from edgeml_runtime import loader
from edgeml_runtime.engines.registry import available, engine_class
from edgeml_runtime.fetch import Fetcher, Superseded
from edgeml_runtime.live import Live, Prediction
from edgeml_runtime.steps import Swap, identity_of
from edgeml_runtime.store import Installed, Store
from edgeml_runtime.voice import Voice

RETRY_SECONDS = 60.0  # after a full disk or a lost fetch; a newer release does not wait


@dataclass(frozen=True)
class Config:
    """engine: the only one to use, None for any that works. report_seconds: a telemetry window."""

    broker: str
    fleet: str
    device: str
    model: str
    channel: str
    store: Path
    engine: str | None = None
    report_seconds: float = 10.0
    limits: Limits = LIMITS


class Daemon:
    """`with Daemon(config) as device: device.predict({"image": pixels})`.

    Raises InputError for names and URLs that are none, StorageError for a store that cannot be
    used. A broker that cannot be reached is no error: the stored version predicts meanwhile.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        topics = Topics(config.fleet)
        self._release_topic = topics.release(config.model, config.channel)
        names.check("device", config.device)
        self._engines = [config.engine] if config.engine else available()
        if config.engine:
            engine_class(config.engine).version()
        self._store = Store(config.store)
        self._lock = _lock(config.store)
        self.live = Live()
        self._voice = Voice(topics, config.device, config.model, config.channel, self.live)
        self._link = Link(
            config.broker,
            f"edgeml-{config.fleet}-{config.device}-{config.model}",
            will=self._voice.will(),
            on_connection=self._connection,
        )
        self._voice.attach(self._link)
        self._verifier = Verifier(
            config.fleet, config.model, config.channel, self._store.record.last_generation
        )
        fetcher = Fetcher(
            self._link,
            topics,
            self._store,
            wanted=self._wanted,
            stalled=lambda error: self._voice.trouble("stalled", error),
            limits=config.limits,
        )
        self._swap = Swap(
            self._store,
            self.live,
            self._voice,
            fetcher,
            self._verifier,
            self._engines,
            config.limits,
        )
        self._offered: Release | None = None  # the newest release that has not been tried yet
        self._current: Release | None = None  # the one under way
        self._changed = threading.Condition()
        self._ending = threading.Event()
        self._was_connected = False
        self._threads = [
            threading.Thread(target=self._follow, name="swap"),
            threading.Thread(target=self._report, name="report"),
        ]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def predict(self, tensors: Mapping[str, npt.NDArray[Any]]) -> Prediction:
        """See Live.predict."""
        return self.live.predict(tensors)

    def start(self) -> None:
        """Loads the stored version, then begins to follow the channel."""
        self._boot()
        self._link.subscribe(self._release_topic, self._on_release)
        self._link.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Says goodbye and ends every thread; what is under way resumes at the next start."""
        self._ending.set()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._voice.report()
        self._voice.event("stopped", "ended as asked")
        self._voice.state(online=False)
        self._link.close()
        self._lock.close()

    def _boot(self) -> None:
        """The active version, or the previous one when the active is damaged."""
        record = self._store.record
        for installed in (record.active, record.previous):
            if installed is None:
                continue
            try:
                self._load(installed)
            except EdgemlError as error:
                self._voice.trouble(
                    "incident",
                    error,
                    version=installed.release.version,
                    generation=installed.release.generation,
                )
                continue
            previous = record.previous if installed is record.active else None
            if previous is not record.previous:
                self._store.save(active=installed, previous=None)
            self._voice.event("started", "predicting", version=installed.release.version)
            self._voice.state(previous=previous.release.version if previous else None)
            return
        self._voice.event("started", "no version yet; waiting for a release")

    def _load(self, installed: Installed) -> None:
        """Loads a stored version and asks it the whole holdout: disks rot."""
        opened = self._store.open(installed)
        identity = identity_of(installed.release, opened.variant, installed.engine)
        contract, holdout = opened.contract(), opened.holdout()
        file = self._store.folder / installed.prepared
        loaded = loader.load(identity, contract, opened.variant, file, holdout)
        loader.check_holdout(loaded.engine, opened.variant, holdout, contract)
        self.live.swap(loaded)

    def _connection(self, up: bool) -> None:
        """On the network thread, after each connect and each loss."""
        if self._ending.is_set():
            return
        if up:
            self._voice.state()
            if self._was_connected:
                self._voice.event("connection-restored", f"{self._link.url} answers again")
            self._was_connected = True
        else:
            self._voice.event("connection-lost", f"{self._link.url} is gone; predicting on")

    def _on_release(self, _topic: str, data: bytes) -> None:
        """On the network thread: trusts or refuses the pointer and wakes the swap thread."""
        if not data:
            return
        try:
            release = self._verifier.release(data)
        except VerificationError as error:
            self._voice.trouble("rejected", error)
            return
        record = self._store.record
        active = record.active.release.generation if record.active else 0
        seen = max(active, record.rejected_generation)
        if release.generation <= seen or release == self._current:
            return  # a reconnect brings the retained release again
        with self._changed:
            self._offered = release
            self._changed.notify_all()

    def _wanted(self) -> bool:
        """Whether the release under way is still the newest, and we are not ending."""
        return self._offered is None and not self._ending.is_set()

    def _follow(self) -> None:
        """The swap thread: the newest release through the table, again after an interruption."""
        again: Release | None = None
        while not self._ending.is_set():
            with self._changed:
                self._changed.wait_for(
                    lambda: self._offered or self._ending.is_set(),
                    timeout=RETRY_SECONDS if again else None,
                )
                release, self._offered = self._offered or again, None
                self._current = release
            if release is None or self._ending.is_set():
                continue
            try:
                again = None if self._swap.run(release) else release
            except Superseded:
                again = None
            self._current = None

    def _report(self) -> None:
        warned = False
        while not self._ending.wait(self._config.report_seconds):
            self._voice.report()
            if not self._was_connected and not warned:
                warned = True
                print(
                    f"edgeml-runtime: the broker {self._link.url} cannot be reached; trying on.",
                    file=sys.stderr,
                    flush=True,
                )


def _lock(folder: Path) -> IO[str]:
    """Holds the store for this process alone."""
    stream = (folder / "lock").open("w")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        stream.close()
        raise InputError(
            f"The store {folder} is in use by another edgeml-runtime; give each its own --store."
        ) from error
    return stream
