"""One model of the device: its part of the disk, what predicts, and who speaks of it."""

from dataclasses import dataclass

from edgeml.errors import EdgemlError, StorageError
from edgeml.release import Release
from edgeml_runtime import child
from edgeml_runtime.config import Config
from edgeml_runtime.engines.environment import environment
from edgeml_runtime.serving.live import Live
from edgeml_runtime.store.disk import Store
from edgeml_runtime.store.record import Installed, Refusal
from edgeml_runtime.store.refusals import Refusals, in_words
from edgeml_runtime.telemetry.reporter import Reporter


@dataclass(frozen=True)
class Slot:
    """What start, swap and health of one model work on."""

    config: Config
    store: Store
    live: Live
    reporter: Reporter
    refusals: Refusals

    @classmethod
    def of(cls, config: Config, store: Store, live: Live, reporter: Reporter) -> "Slot":
        options = (config.engine, config.threads, config.stage_seconds, config.stage_bytes)
        refusals = Refusals(store, environment(*options), config.retry_seconds)
        return cls(config, store, live, reporter, refusals)

    @property
    def stage_limits(self) -> child.Limits:
        return child.Limits(self.config.stage_seconds, self.config.stage_bytes)

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
        return refusal

    def save(self, **changes: object) -> None:
        """As far as the disk takes it: a full one keeps nobody from predicting, and is told of."""
        try:
            self.store.save(**changes)
        except StorageError as error:
            self.reporter.refusal("incident", error, None)
