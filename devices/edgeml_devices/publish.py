"""Publishing: blobs, then the manifest, then the release that points at it, all retained.

In this order a device never sees a release before the broker holds what it names. Publishing again
is harmless: the same bytes land on the same topics.
"""

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from edgeml import documents, names
from edgeml.documents import Strict
from edgeml.errors import BrokerError
from edgeml.manifest import File, Manifest
from edgeml.mqtt import Link, Receipt
from edgeml.package import Package, split
from edgeml.release import Release
from edgeml.topics import Topics
from edgeml_devices.generation import next_generation, told_by

WINDOW_MESSAGES = 16  # unconfirmed at once; above paho's 20 in flight they would only queue
CONFIRM_SECONDS = 30.0
RETAINED_SECONDS = 1.0  # a retained message that has not come by then is taken as not there
_POLL_SECONDS = 0.2

OnProgress = Callable[[int, int], None]  # bytes confirmed, bytes in all


class Published(Strict, frozen=True, kw_only=True):
    """`edgeml publish --json`: what is now at the broker.

    release: as devices see it.
    manifest_sha256: the identity of the package.
    blobs: how many distinct ones there are.
    bytes: of blobs, manifest and release.
    seconds: what it took.
    """

    release: Release
    manifest_sha256: str
    blobs: int
    bytes: int
    seconds: float


def publish(
    path: Path,
    broker_url: str,
    fleet: str,
    channel: str,
    on_progress: OnProgress | None = None,
    *,
    generation: int | None = None,
) -> Published:
    """Publishes the package at `path` and reads its release back from the broker.

    generation: of the release; None for the next one.

    Raises InputError or PackageError for a bad file, name or URL, BrokerError when the broker
    cannot be reached or does not keep what it was sent.
    """
    topics = Topics(fleet)
    names.check("channel", channel)
    begin = time.monotonic()
    with Package(path) as package:
        package.verify()
        model = package.manifest.name
        with _Publication(broker_url) as publication:
            retained = publication.ask(topics.release(model, channel))
            sizes = _sizes(package.manifest)
            publication.total = sum(sizes.values())
            publication.on_progress = on_progress
            for digest, data in _blobs(package):
                publication.send(topics.blob(digest), data)
            publication.flush()
            publication.send(topics.manifest(package.sha256), package.manifest_bytes)
            publication.flush()
            before = retained()
            # A broker that has lost its releases: devices know the number of the last one.
            states = [] if before else publication.hear(topics.all_devices("state"))
            release = Release(
                fleet=fleet,
                model=model,
                channel=channel,
                generation=next_generation(
                    before,
                    int(time.time()),
                    told=told_by(states, model, channel),
                    asked=generation,
                ),
                version=package.manifest.version,
                manifest_sha256=package.sha256,
            )
            data = documents.encode(release)
            publication.send(topics.release(model, channel), data)
            publication.flush()
            back = publication.ask(topics.release(model, channel), CONFIRM_SECONDS)()
            if back != data:
                found = "another release" if back else "nothing"
                raise BrokerError(
                    f"The release was confirmed, but the broker {publication.url} gives back "
                    f"{found}; check that it keeps retained messages and that nobody else "
                    "publishes to this channel."
                )
            return Published(
                release=release,
                manifest_sha256=package.sha256,
                blobs=len(sizes),
                bytes=publication.confirmed,
                seconds=round(time.monotonic() - begin, 3),
            )


class _Publication:
    """A link on which at most WINDOW_MESSAGES messages are unconfirmed."""

    def __init__(self, broker_url: str) -> None:
        self.total = 0
        self.confirmed = 0
        self.on_progress: OnProgress | None = None
        self._waiting: deque[tuple[Receipt, int]] = deque()
        self._losses = 0  # of the connection, since the last confirmed message
        client_id = f"edgeml-publish-{secrets.token_hex(4)}"
        self._link = Link(broker_url, client_id, on_connection=self._connection)
        self.url = self._link.url  # without the password

    def __enter__(self) -> "_Publication":
        self._link.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self._link.close()

    def send(self, topic: str, data: bytes) -> None:
        while len(self._waiting) >= WINDOW_MESSAGES:
            self._confirm_oldest()
        self._waiting.append((self._link.publish(topic, data, retain=True), len(data)))

    def flush(self) -> None:
        """Returns when the broker has confirmed everything that was sent."""
        while self._waiting:
            self._confirm_oldest()

    def ask(self, topic: str, seconds: float = RETAINED_SECONDS) -> Callable[[], bytes | None]:
        """Asks for the retained message of a topic; call the result for it, or None if none came.

        MQTT does not say that there is none, so the answer is waited for, beside other work, for so
        many seconds at most.
        """
        arrived = threading.Event()
        payloads: list[bytes] = []
        deadline = time.monotonic() + seconds

        def keep(_topic: str, payload: bytes) -> None:
            payloads.append(payload)
            arrived.set()

        def answer() -> bytes | None:
            arrived.wait(max(deadline - time.monotonic(), 0.0))
            self._link.unsubscribe(topic)
            return payloads[0] if payloads else None

        self._link.subscribe(topic, keep)
        return answer

    def hear(self, topic_filter: str) -> list[bytes]:
        """What is retained there, as far as it comes within RETAINED_SECONDS."""
        payloads: list[bytes] = []
        self._link.subscribe(topic_filter, lambda _topic, payload: payloads.append(payload))
        time.sleep(RETAINED_SECONDS)
        self._link.unsubscribe(topic_filter)
        return payloads

    def _confirm_oldest(self) -> None:
        receipt, size = self._waiting[0]
        deadline = time.monotonic() + CONFIRM_SECONDS
        while not receipt.confirmed(_POLL_SECONDS):
            # Sent again after a reconnect and the connection lost again: the message is the reason.
            if self._losses >= 2 or time.monotonic() > deadline:
                largest = max(size for _, size in self._waiting)
                raise BrokerError(
                    f"The broker {self.url} does not take messages of {largest} bytes "
                    f"(connection lost {self._losses} times); check that it runs and its largest "
                    "message, or package with smaller --blob-bytes."
                )
        self._waiting.popleft()
        self._losses = 0
        self.confirmed += size
        if self.on_progress:
            self.on_progress(min(self.confirmed, self.total), self.total)

    def _connection(self, connected: bool) -> None:
        if not connected:
            self._losses += 1


def _sizes(manifest: Manifest) -> dict[str, int]:
    """Bytes of each distinct blob that some device needs."""
    step = manifest.blob_bytes
    return {
        digest: min(step, file.size - index * step)
        for file in _files(manifest)
        for index, digest in enumerate(file.blobs)
    }


def _blobs(package: Package) -> Iterator[tuple[str, bytes]]:
    """Each distinct blob, one file in memory at a time."""
    seen: set[str] = set()
    for file in _files(package.manifest):
        pieces = split(package.read(file), package.manifest.blob_bytes)
        for digest, piece in zip(file.blobs, pieces, strict=True):
            if digest not in seen:
                seen.add(digest)
                yield digest, piece


def _files(manifest: Manifest) -> list[File]:
    """What any device may need, each file once."""
    files = (file for variant in manifest.variants for file in manifest.files_for(variant))
    return list({file.path: file for file in files}.values())
