"""A version that ends the process: the one before it comes back, and no device is bricked.

How long a version has run counts from its own beginning, and only that proves it.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edgeml import atomic
from edgeml.errors import StorageError
from edgeml.limits import LIMITS
from edgeml_devices.broker import Broker
from edgeml_devices.publish import publish
from edgeml_runtime.config import Config, Followed
from edgeml_runtime.device import Device
from edgeml_runtime.serving.live import LoadedModel
from edgeml_runtime.store.disk import Store
from edgeml_runtime.store.opened import Opened
from edgeml_runtime.store.record import Installed
from edgeml_runtime.swap.boot import Left, boot
from edgeml_runtime.swap.health import Health
from tests.flow.conversions import data
from tests.flow.conversions import package as real_package
from tests.flow.fleet import FLEET, Watcher
from tests.runtime_doubles import MODEL, MemoryLink, Rig, fake_load, package, release_of

HEALTHY = 30.0
X = {"x": data(16, 1)}


class Night:
    """A device whose clock is moved by hand."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "store"
        self._later = 0.0
        self.link = MemoryLink()
        self.packages = [package(folder, version) for version in "123"]
        for path in self.packages:
            self.link.offer(path)
        self.device = Rig(self._folder, self.link, load=self._load)
        self._health()

    def _load(self, installed: Installed, opened: Opened, threads: int) -> LoadedModel:
        model = fake_load(installed, opened, threads)
        return replace(model, since=model.since + self._later)

    def _health(self) -> None:
        self.health = Health(self.device.slot, clock=lambda: time.monotonic() + self._later)

    def take(self, version: int) -> None:
        assert self.device.swap.take(release_of(self.packages[version - 1], version))

    def run(self, seconds: float) -> None:
        self._later += seconds
        self.health.check()

    def crash_and_start(self, hurried: bool = True) -> bool:
        self.device.store.close()
        self._later = 0.0
        self.device = Rig(self._folder, self.link, load=self._load)
        device = self.device
        done = boot(device.slot, self._load, hurried=hurried) is Left.NOTHING
        self._health()
        return done

    @property
    def incidents(self) -> list[str]:
        return [message for kind, message in self.device.said if kind == "incident"]


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    night = Night(tmp_path)
    yield night
    night.device.store.close()


def test_a_version_that_ends_the_process_15_s_after_its_swap_falls_back(night: Night) -> None:
    night.take(1)
    night.run(HEALTHY + 1)
    assert night.device.store.record.proven
    night.run(1e6)  # the process is old; the version that comes now is not
    night.take(2)
    assert 29 < night.health.due_in() <= HEALTHY
    for _ in range(LIMITS.trial_attempts):
        night.run(15)
        assert not night.device.store.record.proven
        night.crash_and_start()
        assert night.device.version == "2"
    night.run(15)
    night.crash_and_start()
    assert night.device.version == "1"
    assert "did not run for 30 s in 3 starts; going back to 1" in night.incidents[0]


def test_a_version_that_has_run_for_30_s_is_proven_and_stays(night: Night) -> None:
    night.take(1)
    night.take(2)
    night.run(HEALTHY - 1)
    assert not night.device.store.record.proven
    night.run(1)
    assert night.device.store.record.proven
    assert night.health.due_in() == float("inf")
    for _ in range(2 * LIMITS.trial_attempts):  # a bad power supply
        night.crash_and_start(hurried=False)
        assert night.device.version == "2"


def test_a_version_that_is_on_disk_but_not_live_yet_is_not_proven_by_the_one_before(
    night: Night,
) -> None:
    night.take(1)
    before = night.device.live.identity
    assert before is not None
    night.take(2)
    store = night.device.store
    store.prove(before.manifest_sha256)  # it was about to, as the swap was committed
    assert not store.record.proven


def test_a_disk_that_takes_no_mark_is_said_once_and_asked_ever_more_seldom(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    night.take(1)

    tried: list[Path] = []

    def full(path: Path, data: bytes) -> None:
        tried.append(path)
        raise StorageError(f"{path} could not be written: the disk is full; free some space.")

    with monkeypatch.context() as patched:
        patched.setattr(atomic, "write", full)
        for _ in range(24 * 60 * 60):  # a second each, a day long
            night.run(1)
        assert len(night.incidents) == 1 and "disk is full" in night.incidents[0]
        # Each writes once, and once more in case the first came through; an hour apart in the end.
        assert 2 * 24 <= len(tried) <= 2 * 32
    night.run(3600)
    assert night.device.store.record.proven


def test_a_sole_version_that_is_never_up_for_long_is_left_out(night: Night) -> None:
    night.take(1)
    for _ in range(LIMITS.trial_attempts):
        night.crash_and_start()
        assert night.device.version == "1"
    assert night.crash_and_start()
    assert night.device.version is None
    assert "in 3 starts; there is no other one" in night.incidents[0]
    night.take(2)
    assert night.device.version == "2"


def test_a_proven_version_that_is_never_up_for_long_any_more_comes_after_the_network(
    night: Night,
) -> None:
    night.take(1)
    night.run(HEALTHY)
    for _ in range(LIMITS.trial_attempts):
        assert night.crash_and_start()
    assert not night.crash_and_start()
    assert night.device.version is None and "after the network was asked" in night.incidents[0]
    assert night.device.store.record.active is not None
    assert night.crash_and_start(hurried=False)
    assert night.device.version == "1"


@pytest.fixture
def cut_short(broker: Broker, tmp_path: Path) -> Config:
    """A device whose proven version 1 was started in vain again and again."""
    config = Config(
        broker=broker.url, fleet=FLEET, device="pi-1", models=(Followed(MODEL),),
        store=tmp_path / "store", notice_seconds=0.5, retry_seconds=3.0, stage_seconds=40.0,
    )  # fmt: skip
    publish(real_package(tmp_path, 1), broker.url, FLEET, "stable")
    with Device(config) as device:
        assert device.wait_ready(120)
    store = Store(config.store / MODEL)
    store.save(boots=LIMITS.trial_attempts, proven=True)
    store.close()
    return config


def test_a_newer_version_replaces_one_that_would_end_the_process_before_it_is_loaded(
    cut_short: Config, broker: Broker, tmp_path: Path
) -> None:
    publish(real_package(tmp_path, 2), broker.url, FLEET, "stable")
    watcher = Watcher(broker.url)
    with Device(cut_short) as device:
        assert device.live().identity is None
        assert device.wait_ready(120)
        assert device.predict(X).version == "2"
        watcher.event("pi-1", "incident", "it is loaded after the network was asked")
        assert "No model is loaded." in watcher.event("pi-1", "started", "").message
    watcher.close()


def test_where_the_network_brings_nothing_the_stored_one_is_loaded(cut_short: Config) -> None:
    begin = time.monotonic()
    with Device(replace(cut_short, broker="mqtt://127.0.0.1:1")) as device:
        assert device.live().identity is None
        assert device.wait_ready(120)
        assert device.predict(X).version == "1" and time.monotonic() - begin > 0.5
