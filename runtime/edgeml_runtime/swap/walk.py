"""What the states of the swap hand to each other."""

from dataclasses import dataclass, replace

from msgspec.structs import replace as changed

from edgeml_runtime.serving.live import LoadedModel
from edgeml_runtime.store.record import Installed, Refusal, Trial


@dataclass(frozen=True)
class Walk:
    """What each state hands to the next: the trial, which is on disk, and what only memory holds.

    began: as time.monotonic. loaded: between load and active. refusal: why it ends.
    """

    trial: Trial
    began: float
    loaded: LoadedModel | None = None
    refusal: Refusal | None = None

    def on(self, **changes: object) -> "Walk":
        """The same with these changes of the trial."""
        return replace(self, trial=changed(self.trial, **changes))

    def installed(self) -> Installed:
        """What the trial is once it is live."""
        trial = self.trial
        assert trial.staged is not None
        return Installed(
            release=trial.release, variant=trial.variant, engine=trial.engine, staged=trial.staged
        )
