"""How long the live version has run: after long enough, starts cut short are not its fault."""

import math
import time
from collections.abc import Callable

from edgeml.errors import StorageError
from edgeml_runtime import backoff
from edgeml_runtime.slot import Slot

_MOST_RETRY_SECONDS = 3600.0


class Health:
    """Marks the live version as proven once it has predicted for `healthy_seconds` in one go.

    The clock is the version's and not the process's: it begins when the version is loaded, at a
    swap as at a start. Where the disk does not take the mark it is tried again after
    `retry_seconds` and ever later, and said once. clock: in seconds, as time.monotonic.
    """

    def __init__(
        self,
        slot: Slot,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._slot = slot
        self._store = slot.store
        self._live = slot.live
        self._reporter = slot.reporter
        self._healthy_seconds = slot.config.healthy_seconds
        self._retry_seconds = slot.config.retry_seconds
        self._clock = clock
        self._failures = 0
        self._not_before = -math.inf

    def due_in(self) -> float:
        """Seconds until `check` has something to do; infinite where nothing is to be proven."""
        record, identity, since = self._store.record, self._live.identity, self._live.since
        if identity is None or since is None or (record.proven and not record.boots):
            return math.inf
        if not self._slot.predicts(record.active):
            return math.inf  # the disk is ahead: a swap is in its last step
        return max(since + self._healthy_seconds, self._not_before) - self._clock()

    def check(self) -> None:
        identity = self._live.identity
        if identity is None or self.due_in() > 0:
            return
        try:
            self._store.prove(identity.manifest_sha256)
        except StorageError as error:
            if not self._failures:
                self._reporter.refusal("incident", error, None)
            wait = backoff.seconds(self._retry_seconds, _MOST_RETRY_SECONDS, self._failures)
            self._failures += 1
            self._not_before = self._clock() + wait
        else:
            self._failures = 0
