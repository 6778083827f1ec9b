"""The main job on a real broker with the real daemon: v1 -> v2 under load, and what goes wrong."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgeml import digests, documents
from edgeml.limits import LIMITS
from edgeml.manifest import Manifest
from edgeml.mqtt import Link
from edgeml.package import Package, split
from edgeml.release import Release
from edgeml.topics import Topics
from edgeml_devices.broker import Broker
from edgeml_devices.publish import publish
from tests.disks import small
from tests.flow.conversions import package, replay_file
from tests.flow.fleet import FLEET, MODEL, Device, Watcher, check_answers

pytestmark = pytest.mark.broker
TOPICS = Topics(FLEET)


def big_package(folder: Path) -> Path:
    """Version 2 with about 420 kB in 52 blobs."""
    return package(folder, 2, hidden=4096, blob_bytes=8192)


@pytest.fixture
def start(broker: Broker, tmp_path: Path) -> Iterator[Callable[..., Device]]:
    devices: list[Device] = []

    def start(name: str = "pi-1", *options: str) -> Device:
        device = Device(broker.url, tmp_path, replay_file(tmp_path), name, *options)
        devices.append(device)
        return device

    yield start
    for device in devices:
        device.kill()


@pytest.fixture
def live(broker: Broker, tmp_path: Path, watcher: Watcher, start: Callable[..., Device]) -> Device:
    """A device that predicts with version 1."""
    publish(package(tmp_path, 1), broker.url, FLEET, "stable")
    device = start()
    watcher.version("pi-1", "1")
    return device


def release(link: Link, manifest: bytes, version: str, generation: int) -> None:
    """Points the stable channel at a manifest, as a publisher would."""
    sha256 = digests.sha256(manifest)
    link.publish(TOPICS.manifest(sha256), manifest, retain=True, wait_seconds=10)
    pointer = Release(
        fleet=FLEET,
        model=MODEL,
        channel="stable",
        generation=generation,
        version=version,
        manifest_sha256=sha256,
    )
    link.publish(
        TOPICS.release(MODEL, "stable"), documents.encode(pointer), retain=True, wait_seconds=10
    )


def offer_blobs(link: Link, path: Path, wanted: Callable[[int], bool] = lambda _: True) -> bytes:
    """Retains those blobs of a package whose number is wanted; returns the manifest's bytes."""
    with Package(path) as opened:
        number = 0
        for file in opened.manifest.files():
            for sha256, piece in zip(
                file.blobs, split(opened.read(file), opened.manifest.blob_bytes), strict=True
            ):
                if wanted(number):
                    link.publish(TOPICS.blob(sha256), piece, retain=True, wait_seconds=10)
                number += 1
        return opened.manifest_bytes


@pytest.fixture
def link(broker: Broker) -> Iterator[Link]:
    link = Link(broker.url, "test-publisher")
    link.connect()
    yield link
    link.close()


def generation(watcher: Watcher) -> int:
    return watcher.states["pi-1"].models[0].generation + 1


def keeps_predicting(device: Device, watcher: Watcher, version: str) -> None:
    """Waits for answers given from now on, and checks them all."""
    begin = len(device.answers())
    watcher.wait(lambda: len(device.answers()) > begin + 20, "more answers")
    assert device.answers()[-1].version == version


def test_v1_to_v2_under_load(
    broker: Broker, tmp_path: Path, watcher: Watcher, start: Callable[..., Device]
) -> None:
    publish(package(tmp_path, 1), broker.url, FLEET, "stable")
    devices = [start("pi-1"), start("pi-2")]
    for device in devices:
        watcher.version(device.name, "1")
        keeps_predicting(device, watcher, "1")
    publish(package(tmp_path, 2), broker.url, FLEET, "stable")
    for device in devices:
        assert watcher.version(device.name, "2").previous == "1"
        keeps_predicting(device, watcher, "2")
        assert device.stop() == 0, device.log()
        check_answers(device.answers(), ["1", "2"])


def test_damaged_weights_are_refused(
    broker: Broker, tmp_path: Path, watcher: Watcher, live: Device
) -> None:
    publish(package(tmp_path, 3, damaged=True), broker.url, FLEET, "stable")
    refusal = watcher.event("pi-1", "rejected", "holdout")
    assert (refusal.version, refusal.live, refusal.category) == ("3", "1", "execution")
    keeps_predicting(live, watcher, "1")
    assert live.stop() == 0
    check_answers(live.answers(), ["1"])


def test_a_rollback_is_a_release_of_the_old_version(
    broker: Broker, tmp_path: Path, watcher: Watcher, live: Device
) -> None:
    publish(package(tmp_path, 2), broker.url, FLEET, "stable")
    watcher.version("pi-1", "2")
    publish(tmp_path / "tiny-1.edgeml", broker.url, FLEET, "stable")
    watcher.version("pi-1", "1")
    keeps_predicting(live, watcher, "1")
    live.stop()
    answers = live.answers()
    assert {a.status for a in answers} == {"ok"}
    assert list(dict.fromkeys(a.version for a in answers)) == ["1", "2"]
    assert answers[-1].version == "1"


def test_a_corrupted_blob_is_the_brokers_fault_and_its_cure_is_taken(
    tmp_path: Path, watcher: Watcher, live: Device, link: Link
) -> None:
    path = big_package(tmp_path)
    manifest = offer_blobs(link, path)
    victim = documents.decode(manifest, Manifest, "it").variants[0].files[0].blobs[3]
    link.publish(TOPICS.blob(victim), b"not what was promised", retain=True, wait_seconds=10)
    release(link, manifest, "2", generation(watcher))
    refusal = watcher.event("pi-1", "postponed", "(7)")
    assert (refusal.version, refusal.live) == ("2", "1")
    keeps_predicting(live, watcher, "1")
    offer_blobs(link, path)
    watcher.version("pi-1", "2")
    said = [e.message for e in watcher.events if e.kind == "fetching" and e.version == "2"]
    wanted = [int(message.split()[0]) for message in said]
    assert wanted[-1] < wanted[0], said  # what had come was kept


def test_a_manifest_that_lies_about_a_digest_is_refused(
    tmp_path: Path, watcher: Watcher, live: Device, link: Link
) -> None:
    manifest = offer_blobs(link, big_package(tmp_path))
    digest = documents.decode(manifest, Manifest, "it").variants[0].files[0].sha256
    release(link, manifest.replace(digest.encode(), b"0" * 64), "2", generation(watcher))
    refusal = watcher.event("pi-1", "rejected", "(8)")
    assert (refusal.version, refusal.live) == ("2", "1")
    keeps_predicting(live, watcher, "1")


def test_a_release_that_names_another_manifest_is_refused(
    tmp_path: Path, watcher: Watcher, live: Device, link: Link
) -> None:
    manifest = offer_blobs(link, package(tmp_path, 2))
    sha256 = digests.sha256(manifest)
    link.publish(TOPICS.manifest(sha256), manifest + b" ", retain=True, wait_seconds=10)
    pointer = Release(
        fleet=FLEET,
        model=MODEL,
        channel="stable",
        generation=generation(watcher),
        version="2",
        manifest_sha256=sha256,
    )
    link.publish(
        TOPICS.release(MODEL, "stable"), documents.encode(pointer), retain=True, wait_seconds=10
    )
    assert watcher.event("pi-1", "postponed", "(4)").live == "1"
    keeps_predicting(live, watcher, "1")


def test_a_package_for_another_contract_is_refused(
    broker: Broker, tmp_path: Path, watcher: Watcher, live: Device
) -> None:
    publish(package(tmp_path, 2, features=32), broker.url, FLEET, "stable")
    refusal = watcher.event("pi-1", "rejected", "contract")
    assert (refusal.version, refusal.live, refusal.category) == ("2", "1", "api-mismatch")
    keeps_predicting(live, watcher, "1")


def test_a_killed_download_resumes(
    tmp_path: Path, watcher: Watcher, live: Device, link: Link
) -> None:
    path = big_package(tmp_path)
    manifest = documents.decode(offer_blobs(link, path, lambda n: n % 2 == 0), Manifest, "it")
    needed = {b for f in manifest.files_for(manifest.variants[0]) for b in f.blobs}
    folder = live.store / MODEL / "blobs"
    release(link, documents.encode(manifest), "2", generation(watcher))
    watcher.wait(lambda: len(stored(folder)) >= LIMITS.fetch_window_blobs, "half a download")
    live.kill()
    before = stored(folder) & needed
    live.restart()
    offer_blobs(link, path)
    watcher.version("pi-1", "2")
    swapped = watcher.wait(
        lambda: next((e for e in watcher.events if (e.kind, e.version) == ("swapped", "2")), None),
        "the swap to version 2",
    )
    fetched = int(swapped.message.split(" blobs")[0].split()[-1])
    assert len(needed - before) <= fetched <= len(needed - before) + LIMITS.fetch_window_blobs
    answers = live.answers()
    assert {a.status for a in answers} == {"ok"}
    assert all(a.top1 == int(a.version) for a in answers)


def stored(folder: Path) -> set[str]:
    return {p.name for p in folder.glob("*") if len(p.name) == 64} if folder.is_dir() else set()


def test_a_broker_restart_in_the_middle(
    broker: Broker, tmp_path: Path, watcher: Watcher, live: Device, link: Link
) -> None:
    path = big_package(tmp_path)
    manifest = offer_blobs(link, path, lambda n: n % 2 == 0)
    release(link, manifest, "2", generation(watcher))
    watcher.wait(
        lambda: len(stored(live.store / MODEL / "blobs")) > 2, "the beginning of a download"
    )
    broker.restart()
    # The event itself may reach the broker before the watcher is back: read it off the device.
    watcher.wait(lambda: "connection-restored" in live.log(), "the device's return")
    keeps_predicting(live, watcher, "1")
    publish(path, broker.url, FLEET, "stable")
    watcher.version("pi-1", "2")
    keeps_predicting(live, watcher, "2")
    assert live.stop() == 0
    check_answers(live.answers(), ["1", "2"])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A store of 1 MB on a file system of its own."""
    with small(tmp_path / "store-pi-1", "1m") as store:
        yield store


def test_a_full_disk(
    small_disk: Path, broker: Broker, tmp_path: Path, watcher: Watcher, live: Device
) -> None:
    publish(package(tmp_path, 2, hidden=16_384), broker.url, FLEET, "stable")
    event = watcher.event("pi-1", "postponed", "disk is full")
    assert (event.version, event.live) == ("2", "1")
    assert event.category == "unexpected-resource-usage"
    keeps_predicting(live, watcher, "1")
    publish(package(tmp_path, 3), broker.url, FLEET, "stable")  # a small one fits again
    watcher.version("pi-1", "3")
    keeps_predicting(live, watcher, "3")
    assert live.stop() == 0
    check_answers(live.answers(), ["1", "3"])
