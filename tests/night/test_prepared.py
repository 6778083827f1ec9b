"""What an engine made of a version is made again where it is damaged or of another; where time
or memory is short for that, it is the device's fault and not the version's."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from edgeml.errors import Category, EdgemlError, EngineError, HoldoutError, StageError
from edgeml_devices.broker import Broker
from edgeml_devices.publish import publish
from edgeml_runtime import child
from edgeml_runtime.config import Config, Followed
from edgeml_runtime.device import Device
from edgeml_runtime.engines import environment
from edgeml_runtime.serving.live import LoadedModel
from edgeml_runtime.store.opened import Opened
from edgeml_runtime.store.record import Installed, Staged
from edgeml_runtime.store.refusals import Refusals
from edgeml_runtime.swap import boot as booting
from edgeml_runtime.swap.boot import Left, boot, prepare
from tests.flow.conversions import data
from tests.flow.conversions import package as real_package
from tests.flow.fleet import FLEET
from tests.live import wait_for
from tests.runtime_doubles import (
    MODEL,
    MemoryLink,
    Rig,
    fake_load,
    fake_stage,
    package,
    release_of,
)

SLOW = StageError("Staging took longer than 120 s; use a smaller model or raise --stage-seconds.")


class Moved:
    """A card with version 2, and 1 before it, in another device: nothing that was prepared fits."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "store"
        self._later = 0.0
        self.errors: Mapping[str, EdgemlError] = {}
        self.staged: list[str] = []
        self.link = MemoryLink()
        self.device = Rig(self._folder, self.link)
        for number in (1, 2):
            path = package(folder, str(number))
            self.link.offer(path)
            assert self.device.swap.take(release_of(path, number))

    def start(self) -> Left:
        self.device.store.close()
        self.device = Rig(self._folder, self.link)
        slot = self.device.slot
        refusals = Refusals(slot.store, "here", 60, spread=lambda: 1.0, clock=lambda: self._later)
        self.slot = replace(slot, refusals=refusals)
        return boot(self.slot, fake_load)

    def prepare(self, after: float = 0.0) -> Left:
        self._later += after
        return prepare(self.slot, lambda: False, fake_load)

    def stage(self, opened: Opened, engine: str, *rest: object) -> Staged:
        version = opened.manifest.version
        self.staged.append(version)
        if version in self.errors:
            raise self.errors[version]
        return fake_stage(opened, engine, child.Limits(1, 1), lambda: False)

    @property
    def record(self) -> tuple[str | None, str | None]:
        """The active version and the one before, on the disk."""
        record = self.device.store.record
        return tuple(  # type: ignore[return-value]
            installed and installed.release.version
            for installed in (record.active, record.previous)
        )

    @property
    def said(self) -> list[str]:
        return [kind for kind, _ in self.device.said]


@pytest.fixture
def moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Moved]:
    moved = Moved(tmp_path)
    monkeypatch.setattr(environment, "processor", lambda: "another")
    monkeypatch.setattr(booting, "stage", moved.stage)
    yield moved
    moved.device.store.close()


def test_it_is_prepared_again_and_kept_so(moved: Moved) -> None:
    assert moved.start() is Left.PREPARING
    assert moved.device.version is None and not moved.staged
    assert moved.prepare() is Left.NOTHING
    assert moved.device.version == "2" and moved.staged == ["2"] and moved.record == ("2", "1")
    assert moved.start() is Left.NOTHING and moved.device.version == "2"


def test_short_of_time_the_version_before_predicts_and_the_active_one_comes_later(
    moved: Moved,
) -> None:
    moved.errors = {"2": SLOW}
    moved.start()
    assert moved.prepare() is Left.PREPARING
    assert moved.device.version == "1" and moved.record == ("2", "1")
    assert moved.device.said[-1][0] == "postponed" and "in 10 min" in moved.device.said[-1][1]
    assert moved.prepare(599) is Left.PREPARING and moved.staged == ["2", "1"]  # not again yet
    assert moved.prepare(1) is Left.PREPARING and moved.staged == ["2", "1", "2"]
    assert moved.prepare(600) is Left.PREPARING and len(moved.staged) == 3  # ever later
    moved.errors = {}
    assert moved.prepare(600) is Left.NOTHING
    assert moved.device.version == "2" and moved.record == ("2", "1")
    assert not moved.slot.refusals.known and not moved.device.store.record.refused


def test_what_does_not_pass_here_any_more_goes_back_for_good_and_is_not_tried_again(
    moved: Moved,
) -> None:
    moved.errors = {"2": HoldoutError("The holdout does not come out as promised: 'y' is 0.")}
    moved.start()
    assert moved.prepare() is Left.NOTHING
    assert moved.device.version == "1" and moved.record == ("1", None)
    assert moved.said[-1] == "rejected"
    (refusal,) = moved.device.store.record.refused
    assert refusal.final and refusal.release.version == "2"


def test_without_a_version_before_it_is_tried_again_all_the_same(moved: Moved) -> None:
    moved.device.store.save(previous=None)
    moved.errors = {"2": SLOW}
    moved.start()
    assert moved.prepare() is Left.PREPARING and moved.device.version is None
    moved.errors = {}
    assert moved.prepare(600) is Left.NOTHING and moved.device.version == "2"


def test_no_memory_to_load_it_at_the_start_costs_no_version(
    moved: Moved, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one before took its place for good, and the active one was collected."""
    moved.start()
    moved.prepare()
    moved.device.store.close()
    moved.device = device = Rig(moved.device.store.folder, moved.link)

    def load(installed: Installed, opened: Opened, threads: int) -> LoadedModel:
        if installed.release.version == "2":
            raise EngineError(
                "onnxruntime could not load it: bad_alloc.", category=Category.MEMORY_ALLOCATION
            )
        return fake_load(installed, opened, threads)

    assert boot(device.slot, load) is Left.PREPARING
    assert moved.record == ("2", "1") and device.said[-1][0] == "postponed"
    assert prepare(device.slot, lambda: False, load) is Left.PREPARING
    assert device.version == "1" and moved.record == ("2", "1")


def test_an_engine_that_is_not_to_be_used_is_said_and_costs_no_version(moved: Moved) -> None:
    moved.device.store.close()
    moved.device = device = Rig(moved.device.store.folder, moved.link)
    other = replace(device.slot, followed=Followed(MODEL, engine="tflite-runtime"))
    assert boot(other, fake_load) is Left.NOTHING
    assert device.version is None and moved.record == ("2", "1")
    assert "the only engine to use is tflite-runtime" in device.said[0][1]


def test_a_device_gets_there_by_itself(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config(
        broker=broker.url, fleet=FLEET, device="pi-1", models=(Followed(MODEL),),
        store=tmp_path / "store", retry_seconds=0.02,
    )  # fmt: skip
    with Device(config) as device:
        publish(real_package(tmp_path, 1), broker.url, FLEET, "stable")
        wait_for(device, "1")
    tried: list[str] = []
    stage = booting.stage

    def slow_at_first(
        opened: Opened, engine: str, limits: child.Limits, stopped: Callable[[], bool]
    ) -> Staged | None:
        tried.append(opened.manifest.version)
        if len(tried) < 3:
            raise SLOW
        return stage(opened, engine, limits, stopped)

    monkeypatch.setattr(environment, "processor", lambda: "another")
    monkeypatch.setattr(booting, "stage", slow_at_first)
    with Device(replace(config, broker="mqtt://127.0.0.1:1")) as device:
        wait_for(device, "1")
        assert tried == ["1"] * 3
        assert device.predict({"x": data(16, 1)}).version == "1"
