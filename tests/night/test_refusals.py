"""What could not be taken up: only the bytes themselves are refused for ever, and then by name.

For the road's and the device's faults there is another time, ever later, or at once when the device
has changed; and nothing is fetched for which there is no room.
"""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edgeml import documents
from edgeml.errors import (
    BrokerError,
    ContractError,
    EdgemlError,
    EngineError,
    FetchError,
    HoldoutError,
    PackageError,
    StageError,
    StorageError,
    VerificationError,
)
from edgeml.mqtt import Link
from edgeml.release import Release
from edgeml.trust import Verifier
from edgeml_devices.broker import Broker
from edgeml_devices.publish import publish
from edgeml_runtime.config import Config, Followed
from edgeml_runtime.device import Device
from edgeml_runtime.engines import environment
from edgeml_runtime.store.disk import Store
from edgeml_runtime.store.opened import Opened
from edgeml_runtime.store.record import Staged
from edgeml_runtime.store.refusals import Refusals
from tests.disks import small
from tests.flow.conversions import package as real_package
from tests.flow.fleet import FLEET, Watcher
from tests.processes import staging_children
from tests.runtime_doubles import (
    CHANNEL,
    MODEL,
    TOPICS,
    MemoryLink,
    Rig,
    package,
    release_of,
    wide,
)

DAY = 86400.0
BUSY = 40.0  # on a busy core a child comes to the front after a share of its time


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _release(generation: int = 1) -> Release:
    return Release(
        fleet="f", model="m", channel="stable", generation=generation, version="1",
        manifest_sha256="0" * 64,
    )  # fmt: skip


@pytest.mark.parametrize("kind", [ContractError, PackageError, VerificationError, HoldoutError])
def test_what_is_proven_on_the_bytes_is_for_ever(tmp_path: Path, kind: type[EdgemlError]) -> None:
    store = Store(tmp_path)
    refusals = Refusals(store, "here", 60)
    assert refusals.due_in(_release()) == 0
    assert refusals.note(_release(), kind("It is wrong.")).final
    assert refusals.due_in(_release()) == float("inf")
    assert refusals.due_in(_release(2)) == 0
    store.save(refused=refusals.known)
    assert Refusals(store, "here", 60).due_in(_release()) == float("inf")
    # Another engine may be right about the holdout; no engine makes another contract of it.
    assert (Refusals(store, "elsewhere", 60).due_in(_release()) == 0) == (kind is HoldoutError)
    refusals.lift(_release())
    assert refusals.due_in(_release()) == 0 and refusals.known == ()
    store.close()


@pytest.mark.parametrize(
    ("kind", "first", "most"),
    [
        (BrokerError, 60, 3600), (FetchError, 60, 3600), (StorageError, 60, 3600),
        (EngineError, 600, DAY), (StageError, 600, DAY), (EdgemlError, 600, DAY),
    ],
)  # fmt: skip
def test_the_road_and_the_device_have_another_time_ever_later(
    tmp_path: Path, kind: type[EdgemlError], first: float, most: float
) -> None:
    store, clock, waits = Store(tmp_path), Clock(), []
    refusals = Refusals(store, "here", 60, spread=lambda: 1.0, clock=clock)
    for _ in range(20):
        assert not refusals.note(_release(), kind("It did not work.")).final
        waits.append(refusals.due_in(_release()))
        clock.now += waits[-1]
        assert refusals.due_in(_release()) == 0
    assert waits[:3] == [first, 2 * first, 4 * first] and waits[-1] == most
    store.save(refused=refusals.known)
    assert Refusals(store, "here", 60, spread=lambda: 1.0).due_in(_release()) > most - 1
    assert Refusals(store, "changed", 60).due_in(_release()) == 0
    store.close()


def test_a_fleet_that_failed_as_one_does_not_come_back_as_one(tmp_path: Path) -> None:
    store, clock = Store(tmp_path), Clock()
    waits = []
    for _ in range(100):
        refusals = Refusals(store, "here", 60, clock=clock)
        refusals.note(_release(), BrokerError("The broker is gone."))
        waits.append(refusals.due_in(_release()))
    assert 45 <= min(waits) < 50 and 70 < max(waits) <= 75
    store.close()


def test_only_the_latest_are_remembered(tmp_path: Path) -> None:
    store = Store(tmp_path)
    refusals = Refusals(store, "here", 60)
    for generation in range(1, 100):
        refusals.note(_release(generation), HoldoutError("It differs."))
    assert [r.release.generation for r in refusals.known] == list(range(92, 100))
    store.close()


def test_an_engine_that_is_missing_refuses_nothing_and_once_it_is_there_it_comes_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> Staged:
        raise EngineError("litert is not installed; install edgeml[litert].")

    link, path = MemoryLink(), package(tmp_path, "1")
    link.offer(path)
    release = release_of(path, 1)
    device = Rig(tmp_path / "store", link, stage=missing)
    assert not device.swap.take(release)
    assert device.refused == [("1", False)]
    assert device.said[-1][0] == "postponed" and "It is tried again in" in device.said[-1][1]
    device.store.close()
    same = Rig(tmp_path / "store", link)
    assert same.refusals.due_in(release) > 60
    same.store.close()
    monkeypatch.setitem(environment.DISTRIBUTIONS, "new", "numpy")
    upgraded = Rig(tmp_path / "store", link)
    assert upgraded.refusals.due_in(release) == 0
    assert upgraded.swap.take(release) and upgraded.version == "1"
    assert upgraded.refused == []
    upgraded.store.close()


def test_a_second_release_of_a_generation_is_told_of(tmp_path: Path) -> None:
    """T13: the generation was compared, and not what it says."""
    link, paths = MemoryLink(), [package(tmp_path, version) for version in "12"]
    device = Rig(tmp_path / "store", link)
    link.offer(paths[0])
    assert device.swap.take(release_of(paths[0], 1))
    with pytest.raises(VerificationError, match=r"^\(3\) .* already trusted, but says something"):
        Verifier(FLEET, MODEL, CHANNEL).release(
            documents.encode(release_of(paths[1], 1)), device.store.record.trusted
        )
    device.store.close()


def test_nothing_is_fetched_that_there_is_no_room_for(tmp_path: Path) -> None:
    """T15: 13 whole downloads in 40 s."""
    link, large = MemoryLink(), package(tmp_path, "2", size=1_500_000, blob_bytes=1 << 16)
    link.offer(large)
    with small(tmp_path / "disk", "2m") as disk:
        device = Rig(disk / "store", link)
        for _ in range(3):
            assert not device.swap.take(release_of(large, 2))
            assert "are needed: the disk is full" in device.said[-1][1]
        assert not [topic for topic in link.answered if "/blob/" in topic]
        fits = package(tmp_path, "3", size=500_000, blob_bytes=1 << 16)
        link.offer(fits)
        assert device.swap.take(release_of(fits, 3)), device.said
        assert device.version == "3"
        device.store.close()


def test_another_contract_is_found_before_the_weights_are_fetched(tmp_path: Path) -> None:

    link = MemoryLink()
    device = Rig(tmp_path / "store", link)
    first, other = package(tmp_path, "1"), package(tmp_path, "2", size=10**6, contract=wide(5))
    link.offer(first)
    assert device.swap.take(release_of(first, 1))
    manifest = link.offer(other)
    link.answered.clear()
    assert device.swap.take(release_of(other, 2))
    assert device.said[-1][0] == "rejected" and "contract" in device.said[-1][1]
    blobs = [topic for topic in link.answered if "/blob/" in topic]
    assert blobs == [TOPICS.blob(sha256) for sha256 in manifest.contract.blobs]
    device.store.close()


@pytest.mark.parametrize("lost", ["a blob", "a file"])
def test_damage_on_this_disk_is_no_verdict_on_the_bytes(
    tmp_path: Path, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, path = MemoryLink(), package(tmp_path, "1")
    manifest = link.offer(path)
    file = manifest.variants[0].files[0]

    def failing(opened: Opened, *_: object) -> Staged:
        if lost == "a file":
            (opened.folder / file.path).write_bytes(b"a bad sector")
        raise HoldoutError("The shipped holdout does not come out.")

    device = Rig(tmp_path / "store", link, stage=failing)
    if lost == "a blob":
        put = Store.put_blob

        def damaging(store: Store, sha256: str, data: bytes) -> None:
            put(store, sha256, data[::-1] if sha256 == file.blobs[0] else data)

        monkeypatch.setattr(Store, "put_blob", damaging)
    assert not device.swap.take(release_of(path, 1))
    assert device.refused == [("1", False)]
    assert "damaged on this disk" in device.said[-1][1]
    device.store.close()
    monkeypatch.undo()
    again = Rig(tmp_path / "store", link)
    assert again.swap.take(release_of(path, 1)) and again.version == "1"
    again.store.close()


@pytest.fixture
def config(broker: Broker, tmp_path: Path) -> Config:
    return Config(
        broker=broker.url, fleet=FLEET, device="pi-1", models=(Followed(MODEL),),
        store=tmp_path / "store", notice_seconds=0.5, retry_seconds=0.1, stage_seconds=BUSY,
    )  # fmt: skip


def test_a_core_that_is_busy_and_a_child_that_is_killed_are_forgiven(
    config: Config, broker: Broker, tmp_path: Path
) -> None:
    """T11 and point 4: as the kernel kills where memory is short for a moment."""
    publish(real_package(tmp_path, 1), broker.url, FLEET, "stable")
    watcher = Watcher(broker.url)
    with Device(replace(config, stage_seconds=0.05)):
        said = watcher.event("pi-1", "postponed", "took longer than 0.05 s")
        assert said.category == "unexpected-resource-usage"
    with Device(config) as device:  # other options: at once
        _kill_the_child()
        watcher.event("pi-1", "postponed", "was killed from outside")
        assert device.wait_ready(120)
        watcher.version("pi-1", "1")
    watcher.close()


def _kill_the_child() -> None:
    """Once, as soon as there is one."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for found in staging_children(os.getpid()):
            os.kill(found, signal.SIGKILL)
            return
        time.sleep(0.01)
    raise AssertionError("no staging was begun")


def test_what_nobody_trusts_interrupts_nothing(
    config: Config, broker: Broker, tmp_path: Path
) -> None:
    """Point 11: one garbage message every 0.3 s let 20 stagings begin, and none finish."""
    publish(real_package(tmp_path, 1), broker.url, FLEET, "stable")
    link, watcher = Link(broker.url, "stranger"), Watcher(broker.url)
    link.connect()
    with Device(replace(config, retry_seconds=60.0)) as device:
        deadline = time.monotonic() + 120
        while not device.wait_ready(0.02) and time.monotonic() < deadline:
            link.publish(TOPICS.release(MODEL, "stable"), os.urandom(20), wait_seconds=5)
        assert device.live().identity is not None
        watcher.version("pi-1", "1")
    kinds = [event.kind for event in watcher.events]
    assert kinds.count("staging") == 1 and kinds.count("rejected") == 1
    link.close()
    watcher.close()


def test_what_is_refused_is_said_at_the_next_start(
    config: Config, broker: Broker, tmp_path: Path
) -> None:
    publish(real_package(tmp_path, 1, damaged=True), broker.url, FLEET, "stable")
    watcher = Watcher(broker.url)
    with Device(config):
        watcher.event("pi-1", "rejected", "The shipped holdout does not come out")
    with Device(config):
        said = watcher.event("pi-1", "rejected", "It was not taken up before: The shipped holdout")
        assert said.version == "1"
    watcher.close()
    assert sum(event.kind == "staging" for event in watcher.events) == 1
