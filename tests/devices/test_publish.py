"""Publishing on both brokers: what arrives, in which order, and what goes wrong."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeml.errors import BrokerError, EdgemlError, InputError, PackageError
from edgeml.limits import LIMITS
from edgeml.mqtt import Link
from edgeml.package import Package
from edgeml.release import Release
from edgeml.topics import Topics
from edgeml.trust import Trusted, Verifier
from edgeml_devices.broker import Broker
from edgeml_devices.engines import PAYLOAD_BYTES
from edgeml_devices.publish import publish
from tests.packages import tiny_package

TOPICS = Topics("f")
DEADLINE_SECONDS = 10.0


class Reader:
    """Pulls retained messages by explicit topics, as a device does."""

    def __init__(self, url: str) -> None:
        self.link = Link(url, "reader")
        self.link.connect()

    def pull(self, topics: list[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        changed = threading.Condition()

        def keep(topic: str, payload: bytes) -> None:
            with changed:
                found[topic] = payload
                changed.notify_all()

        self.link.subscribe(topics, keep)
        with changed:
            changed.wait_for(lambda: found.keys() >= set(topics), DEADLINE_SECONDS)
        self.link.unsubscribe(topics)
        return found


@pytest.fixture
def reader(broker: Broker) -> Iterator[Reader]:
    reader = Reader(broker.url)
    yield reader
    reader.link.close()


def check_readable(reader: Reader, path: Path) -> Release:
    """A device that trusts nothing can rebuild every file of the only variant."""
    verifier = Verifier("f", "tiny", "stable")
    pointer = TOPICS.release("tiny", "stable")
    release = verifier.release(reader.pull([pointer])[pointer], Trusted())
    topic = TOPICS.manifest(release.manifest_sha256)
    manifest = verifier.manifest(reader.pull([topic])[topic], release)
    with Package(path) as package:
        for file in manifest.files_for(manifest.variants[0]):
            topics = [TOPICS.blob(digest) for digest in file.blobs]
            found = reader.pull(topics)
            assert b"".join(found[topic] for topic in topics) == package.read(file)
    return release


def test_all_can_be_read_back_and_rebuilt(broker: Broker, reader: Reader, tmp_path: Path) -> None:
    path = tiny_package(tmp_path, model_bytes=bytes(range(256)) * 200)
    progress: list[tuple[int, int]] = []
    published = publish(
        path, broker.url, "f", "stable", lambda done, total: progress.append((done, total))
    )
    release = check_readable(reader, path)
    assert release == published.release
    assert release.version == "1"
    assert progress[-1][0] == progress[-1][1] > 0
    # 51,200 bytes of a period of 256 are 50 equal blobs: they travel once.
    assert published.blobs < 10


def test_the_release_comes_last(broker: Broker, reader: Reader, tmp_path: Path) -> None:
    """Whoever sees a release finds all that it names."""
    order: list[str] = []
    released = threading.Event()

    def note(topic: str, _payload: bytes) -> None:
        order.append(topic.split("/")[3])
        if order[-1] == "rel":
            released.set()

    reader.link.subscribe("edgeml/v1/f/#", note)
    published = publish(tiny_package(tmp_path), broker.url, "f", "stable")
    assert released.wait(DEADLINE_SECONDS)
    assert order == ["blob"] * published.blobs + ["man", "rel"]


def test_a_second_version_is_a_higher_generation(broker: Broker, tmp_path: Path) -> None:
    first = publish(tiny_package(tmp_path, "1"), broker.url, "f", "stable")
    second = publish(tiny_package(tmp_path, "2"), broker.url, "f", "stable")
    assert second.release.generation > first.release.generation
    assert second.manifest_sha256 != first.manifest_sha256


def test_again_after_the_broker_restarted(broker: Broker, reader: Reader, tmp_path: Path) -> None:
    path = tiny_package(tmp_path)
    first = publish(path, broker.url, "f", "stable")
    broker.restart()
    second = publish(path, broker.url, "f", "stable")
    assert second.manifest_sha256 == first.manifest_sha256
    assert second.release.generation >= first.release.generation
    assert check_readable(reader, path) == second.release


def test_blobs_above_the_brokers_largest_message(broker: Broker, tmp_path: Path) -> None:
    size = PAYLOAD_BYTES + 10_000
    path = tiny_package(tmp_path, model_bytes=bytes(size), blob_bytes=size)
    with pytest.raises(BrokerError, match=rf"messages of {size} bytes.*--blob-bytes"):
        publish(path, broker.url, "f", "stable")


def test_blobs_of_the_largest_allowed_size(broker: Broker, tmp_path: Path) -> None:
    size = LIMITS.blob_bytes_max
    path = tiny_package(tmp_path, model_bytes=bytes(size), blob_bytes=size)
    assert publish(path, broker.url, "f", "stable").bytes > size


def test_bad_input(tmp_path: Path) -> None:
    whole = tiny_package(tmp_path)
    damaged = tmp_path / "package_flipped_byte.edgeml"
    data = bytearray(whole.read_bytes())
    data[data.rindex(b"no real model")] ^= 1
    damaged.write_bytes(data)
    text = tmp_path / "not_a_package.edgeml"
    text.write_text("hello")
    url = "mqtt://127.0.0.1:1"
    table: list[tuple[Path, str, str, str, type[EdgemlError], str]] = [
        (tmp_path / "missing.edgeml", url, "f", "stable", InputError, "edgeml package"),
        (text, url, "f", "stable", PackageError, "not an .edgeml package"),
        (damaged, url, "f", "stable", PackageError, "digest|CRC"),
        (whole, "http://127.0.0.1", "f", "stable", InputError, "mqtt://HOST:PORT"),
        (whole, url, "a/b", "stable", InputError, "fleet 'a/b'"),
        (whole, url, "f", "#", InputError, "channel '#'"),
    ]
    for path, broker_url, fleet, channel, error, says in table:
        with pytest.raises(error, match=says):
            publish(path, broker_url, fleet, channel)


def test_an_unreachable_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Link.connect, "__defaults__", (0.3,))
    with pytest.raises(BrokerError, match=r"127\.0\.0\.1:1 cannot be reached"):
        publish(tiny_package(tmp_path), "mqtt://127.0.0.1:1", "f", "stable")
