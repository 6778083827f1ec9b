"""Getting bytes from retained topics: explicit blob topics, a small window of them at a time.

The window bounds the device's memory and what a killed daemon fetches twice. A wildcard would let
the broker drop what the device cannot take fast enough, silently.
"""

import queue
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgeml.errors import FetchError
from edgeml.limits import LIMITS, Limits
from edgeml.mqtt import Link
from edgeml.release import Release
from edgeml.topics import Topics
from edgeml.trust import Verifier
from edgeml_runtime.store import Store

_LOOK_SECONDS = 0.2  # how often a waiting fetch asks whether it is still wanted


class Superseded(Exception):
    """A newer release has come, or the daemon is ending: what is under way is wanted no more."""


@dataclass
class Fetched:
    """What a fetch moved: blobs and bytes that came now; `kept` blobs were here already."""

    blobs: int = 0
    bytes: int = 0
    kept: int = 0


class Fetcher:
    """Fetches for one device.

    wanted: asked while waiting; False ends the fetch with Superseded.
    stalled: told once for each silence of LIMITS.fetch_window_seconds; the fetch goes on waiting,
        because a broker that forgot everything gets it again from the publisher.
    """

    def __init__(
        self,
        link: Link,
        topics: Topics,
        store: Store,
        *,
        wanted: Callable[[], bool],
        stalled: Callable[[FetchError], None],
        limits: Limits = LIMITS,
    ) -> None:
        self._link = link
        self._topics = topics
        self._store = store
        self._wanted = wanted
        self._stalled = stalled
        self._limits = limits
        self._arrived: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()

    def manifest(self, release: Release) -> bytes:
        """The manifest's bytes as they came; the caller verifies them."""
        topic = self._topics.manifest(release.manifest_sha256)
        self._subscribe([topic])
        try:
            return self._next(f"the manifest of version {release.version}")[1]
        finally:
            self._link.unsubscribe(topic)

    def blobs(self, wanted: Sequence[str], verifier: Verifier) -> Fetched:
        """Puts every blob into the store, each verified before it touches the disk.

        Raises VerificationError for a blob that is not what its address says, StorageError when
        the disk takes no more, Superseded when it is wanted no more.
        """
        fetched = Fetched()
        left = iter(wanted)
        asked: set[str] = set()
        self._drain()
        try:
            while True:
                fresh = [b for _, b in zip(range(self._room(asked)), left, strict=False)]
                asked.update(fresh)
                if not asked:
                    return fetched
                self._subscribe([self._topics.blob(b) for b in fresh])
                topic, data = self._next(f"{len(asked)} blobs")
                sha256 = self._topics.blob_digest(topic)
                if sha256 is None or sha256 not in asked:
                    continue  # QoS 1 may deliver twice
                self._store.put_blob(sha256, verifier.blob(data, sha256))
                asked.remove(sha256)
                self._link.unsubscribe(topic)
                fetched.blobs += 1
                fetched.bytes += len(data)
        finally:
            self._link.unsubscribe([self._topics.blob(b) for b in asked])

    def _room(self, asked: set[str]) -> int:
        return self._limits.fetch_window_blobs - len(asked)

    def _subscribe(self, topics: Sequence[str]) -> None:
        if topics:
            self._link.subscribe(topics, lambda topic, data: self._arrived.put((topic, data)))

    def _drain(self) -> None:
        while not self._arrived.empty():
            self._arrived.get()

    def _next(self, what: str) -> tuple[str, bytes]:
        """The next message that holds something (an empty one is a retained message's removal)."""
        silent_since = time.monotonic()
        while True:
            if not self._wanted():
                raise Superseded
            try:
                topic, data = self._arrived.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                seconds = self._limits.fetch_window_seconds
                if time.monotonic() - silent_since > seconds:
                    self._stalled(
                        FetchError(
                            f"Nothing has come of {what} for {seconds:g} s; check the broker, or "
                            "publish the package again if it forgot its retained messages."
                        )
                    )
                    silent_since = time.monotonic()
                continue
            if data:
                return topic, data
