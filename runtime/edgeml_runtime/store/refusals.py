"""What could not be taken up: by whose fault, and when it is tried again."""

import math
import random
import time
from collections.abc import Callable

from edgeml.errors import (
    AuthorError,
    BrokerError,
    EdgemlError,
    FetchError,
    HoldoutError,
    PublisherError,
    StorageError,
)
from edgeml.release import Release
from edgeml_runtime import backoff
from edgeml_runtime.store.disk import Store
from edgeml_runtime.store.record import Refusal

_FINAL = (AuthorError, PublisherError, HoldoutError)
"""Proven on bytes whose digest was checked: the same never pass."""
_ROAD = frozenset(kind.__name__ for kind in (BrokerError, FetchError, StorageError))
_HERE = HoldoutError.__name__
"""Final, but of this engine on this processor."""
_REMEMBERED = 8
_ROAD_MOST_SECONDS, _DEVICE_MOST_SECONDS = 3600.0, 86400.0
_DEVICE_SLOWER = 10  # a device stays as it is for longer than a road does


class Refusals:
    """Of one store; what its disk does not take is remembered until the end of the process.

    environment: the device's, as edgeml_runtime.engines.environment tells it; once it is another,
    all is tried at once that may be its fault. retry_seconds: before the first time that the road
    is tried again; ten times that for the device. They double each time, up to an hour and a day.
    spread: drawn for each, so that a fleet that failed as one does not come back as one. clock: in
    seconds, as time.monotonic.
    """

    def __init__(
        self,
        store: Store,
        environment: str,
        retry_seconds: float,
        *,
        spread: Callable[[], float] = lambda: random.uniform(0.75, 1.25),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._environment = environment
        self._retry_seconds = retry_seconds
        self._spread = spread
        self._clock = clock
        self._known = {refusal.release: refusal for refusal in store.record.refused}
        self._due = {release: self._when(refusal) for release, refusal in self._known.items()}

    @property
    def known(self) -> tuple[Refusal, ...]:
        """The latest last."""
        return tuple(self._known.values())

    def due_in(self, release: Release) -> float:
        """Seconds until it may be tried: 0 where it was not refused, infinite where for good."""
        return max(0.0, self._due.get(release, -math.inf) - self._clock())

    def note(self, release: Release, error: EdgemlError) -> Refusal:
        before = self._known.pop(release, None)
        refusal = Refusal(
            release=release,
            error=type(error).__name__,
            category=error.category,
            message=str(error),
            final=isinstance(error, _FINAL),
            times=before.times + 1 if before else 1,
            environment=self._environment,
        )
        self._known[release] = refusal
        self._due[release] = self._when(refusal)
        for old in list(self._known)[:-_REMEMBERED]:
            self.lift(old)
        return refusal

    def lift(self, release: Release) -> None:
        """It was taken up, or somebody wants it to be tried."""
        self._known.pop(release, None)
        self._due.pop(release, None)

    def _when(self, refusal: Refusal) -> float:
        elsewhere = refusal.environment != self._environment
        if refusal.final and not (elsewhere and refusal.error == _HERE):
            return math.inf
        if elsewhere:
            return -math.inf
        road = refusal.error in _ROAD
        first = self._retry_seconds * (1 if road else _DEVICE_SLOWER)
        most = _ROAD_MOST_SECONDS if road else _DEVICE_MOST_SECONDS
        wait = backoff.seconds(first, max(first, most), refusal.times - 1)
        return self._clock() + wait * self._spread()


def in_words(seconds: float) -> str:
    """As people say it: 90 s, 12 min, 3 h."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
