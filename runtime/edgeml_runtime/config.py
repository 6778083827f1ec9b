"""What one daemon is told: for which fleet and models it speaks, and the limits that it obeys."""

from dataclasses import dataclass
from pathlib import Path

from edgeml.limits import LIMITS


@dataclass(frozen=True)
class Followed:
    """A model that a device runs, and whose releases it follows.

    engine: the only engine to use; None takes the first that works and that the package allows.
    """

    model: str
    channel: str = "stable"
    engine: str | None = None


@dataclass(frozen=True, kw_only=True)
class Config:
    """One device with its models.

    store: the folder of packages and state, with a folder for each model; one daemon each.
    threads: inside the engines, for all models together: each has an equal share, one at least.
    window_blobs: asked for at once. stall_seconds: without one new blob before that is said.
    stage_seconds, stage_bytes: that staging may take; None for most of the memory that is left. The
    models are staged one after another.
    retry_seconds: after a full disk, before the same release is tried again.
    notice_seconds: after the start, before a missing broker or release is said.
    healthy_seconds: a version that has predicted that long in one go is not in a crash loop.
    """

    broker: str
    fleet: str
    device: str
    models: tuple[Followed, ...]
    store: Path
    threads: int = 1
    report_seconds: float = 10.0
    window_blobs: int = LIMITS.fetch_window_blobs
    stall_seconds: float = LIMITS.fetch_window_seconds
    stage_seconds: float = LIMITS.stage_wall_seconds
    stage_bytes: int | None = None
    retry_seconds: float = 60.0
    notice_seconds: float = LIMITS.broker_connect_seconds
    healthy_seconds: float = 30.0

    @property
    def threads_each(self) -> int:
        """Inside the engine of one model."""
        return max(1, self.threads // len(self.models))
