"""One model of the device: its part of the disk, what predicts, and who speaks of it."""

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from edgeml.errors import EdgemlError, StorageError
from edgeml.release import Release
from edgeml_runtime import child
from edgeml_runtime.config import Config, Followed
from edgeml_runtime.engines.environment import environment
from edgeml_runtime.serving.live import Live
from edgeml_runtime.store.disk import Store
from edgeml_runtime.store.record import Installed, Refusal
from edgeml_runtime.store.refusals import Refusals, in_words
from edgeml_runtime.telemetry.reporter import ModelReporter

_TURN_SECONDS = 0.2


@dataclass(frozen=True)
class Slot:
    """What start, swap and health of one model work on.

    turn: held while a version is staged, by one model of the device at a time: together they might
    take more memory than there is.
    """

    config: Config
    followed: Followed
    store: Store
    live: Live
    reporter: ModelReporter
    refusals: Refusals
    turn: threading.Lock

    @classmethod
    def of(
        cls,
        config: Config,
        followed: Followed,
        store: Store,
        live: Live,
        reporter: ModelReporter,
        turn: threading.Lock,
    ) -> "Slot":
        here = environment(
            followed.engine, config.threads_each, config.stage_seconds, config.stage_bytes
        )
        refusals = Refusals(store, here, config.retry_seconds)
        return cls(config, followed, store, live, reporter, refusals, turn)

    @property
    def stage_limits(self) -> child.Limits:
        return child.Limits(self.config.stage_seconds, self.config.stage_bytes)

    def tell(self, swap_state: str | None = None) -> None:
        """Puts what the disk and the refusals say into the device's state."""
        previous = self.store.record.previous
        self.reporter.tell(
            swap_state, previous.release.version if previous else None, self.refusals.known
        )

    def predicts(self, installed: Installed | None) -> bool:
        """Not while the version before predicts in its place."""
        identity = self.live.identity
        return (
            installed is not None
            and identity is not None
            and installed.release.manifest_sha256 == identity.manifest_sha256
        )

    def refuse(self, release: Release, error: EdgemlError) -> Refusal:
        """Remembers why it is not taken up, and says so where it is tried again later."""
        refusal = self.refusals.note(release, error)
        if not refusal.final:
            wait = self.refusals.due_in(release)
            self.reporter.event(
                "postponed",
                f"{error} It is tried again in {in_words(wait)}.",
                release=release,
                category=error.category,
            )
        self.tell()
        return refusal

    @contextmanager
    def staging(self, stopped: Callable[[], bool]) -> Generator[bool]:
        """Waits for the turn of this model; False when `stopped` came before."""
        mine = False
        while not (stopped() or mine):
            mine = self.turn.acquire(timeout=_TURN_SECONDS)
        try:
            yield mine
        finally:
            if mine:
                self.turn.release()

    def save(self, **changes: object) -> None:
        """As far as the disk takes it: a full one keeps nobody from predicting, and is told of."""
        try:
            self.store.save(**changes)
        except StorageError as error:
            self.reporter.refusal("incident", error, None)

    def note_clean_end(self) -> None:
        if self.store.record.boots:  # it is no crash
            self.save(boots=0)
