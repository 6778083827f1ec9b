"""Pulls what a package consists of from the broker: explicit topics, a few at a time.

The broker holds every manifest and blob retained under its digest, so to subscribe is to ask. What
has come is verified, written and unsubscribed, and the window slides on. Nothing comes twice: what
is in the store is not asked for.
"""

import queue
import time
from collections.abc import Callable, Sequence

from edgeml.mqtt import Link
from edgeml.release import Release
from edgeml.topics import Topics
from edgeml.trust import Verifier
from edgeml_runtime.store.disk import Store

_POLL_SECONDS = 0.2
Said = Callable[[str], None]


class Interrupted(Exception):
    """The daemon ends or a newer release is there."""


class Fetcher:
    """Asks one broker for one fleet's retained bytes.

    stalled: called with a sentence when nothing new came for `stall_seconds`; then goes on waiting.
    stopped: looked at often; when it says so, Interrupted is raised.
    """

    def __init__(
        self,
        link: Link,
        topics: Topics,
        *,
        window_blobs: int,
        stall_seconds: float,
        stalled: Said,
        stopped: Callable[[], bool],
    ) -> None:
        self._link = link
        self._topics = topics
        self._window = window_blobs
        self._stall_seconds = stall_seconds
        self._stalled = stalled
        self._stopped = stopped

    def manifest(self, release: Release) -> bytes:
        """The manifest's bytes, not verified yet."""
        topic = self._topics.manifest(release.manifest_sha256)
        arrived: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self._link.subscribe(topic, lambda t, p: arrived.put((t, p)))
        try:
            return self._next(arrived, "the manifest")[1]
        finally:
            self._link.unsubscribe(topic)

    def blobs(self, wanted: Sequence[str], verifier: Verifier, store: Store) -> int:
        """Brings every wanted blob into the store; returns how many came.

        Raises VerificationError for a corrupted one, StorageError when the disk takes no more.
        """
        waiting = list(reversed(wanted))
        asked: dict[str, str] = {}  # topic -> digest
        arrived: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()

        def slide() -> None:
            more = [waiting.pop() for _ in range(min(self._window - len(asked), len(waiting)))]
            if more:
                topics = {self._topics.blob(digest): digest for digest in more}
                asked.update(topics)
                self._link.subscribe(topics, lambda t, p: arrived.put((t, p)))

        came = 0
        try:
            slide()
            while asked:
                topic, data = self._next(arrived, f"{len(asked) + len(waiting)} blobs")
                digest = asked.get(topic)
                if digest is None:  # published again while it was under way
                    continue
                store.put_blob(digest, verifier.blob(data, digest))
                came += 1
                del asked[topic]
                self._link.unsubscribe(topic)
                slide()
        finally:
            self._link.unsubscribe(asked)
        return came

    def _next(
        self, arrived: "queue.SimpleQueue[tuple[str, bytes]]", what: str
    ) -> tuple[str, bytes]:
        begin = time.monotonic()
        said = False
        while True:
            if self._stopped():
                raise Interrupted
            try:
                topic, data = arrived.get(timeout=_POLL_SECONDS)
                if data:  # an empty one is a retained message's removal
                    return topic, data
            except queue.Empty:
                if not said and time.monotonic() - begin > self._stall_seconds:
                    said = True
                    self._stalled(
                        f"Nothing came for {self._stall_seconds:g} s while waiting for {what}; "
                        "publish the package again if the broker has forgotten it."
                    )
