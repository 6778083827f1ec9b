"""The device through its Python API on a real broker, and without one."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeml.errors import ContractError, InputError
from edgeml.mqtt import Link
from edgeml.package import Package
from edgeml.telemetry import Report, unpack
from edgeml.topics import Topics
from edgeml_devices.broker import Broker
from edgeml_devices.publish import publish
from edgeml_runtime.config import Config, Followed
from edgeml_runtime.device import Device
from edgeml_runtime.serving.live import NoModelError
from tests.flow.conversions import data, package
from tests.flow.fleet import FLEET, MODEL, Watcher

X = {"x": data(16, 1)}
NOWHERE = "mqtt://127.0.0.1:1"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(
        broker=NOWHERE, fleet=FLEET, device="pi-1", models=(Followed(MODEL),),
        store=tmp_path / "store", report_seconds=0.2,
    )  # fmt: skip


def test_without_broker_and_model_it_starts_and_says_so(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    with Device(config) as device:
        assert not device.wait_ready(0.1)
        with pytest.raises(NoModelError):
            device.predict(X)
    assert "no model" in capsys.readouterr().err


def test_a_bad_url_leaves_the_store_free(config: Config) -> None:
    for _ in range(2):
        with pytest.raises(InputError, match="mqtt://HOST:PORT"):
            Device(replace(config, broker="nowhere"))
    Device(config).stop()
    Device(config).stop()


def test_a_model_that_nobody_published_is_said(
    broker: Broker, config: Config, watcher: Watcher
) -> None:
    with Device(replace(config, broker=broker.url, notice_seconds=0.3)) as device:
        said = watcher.event("pi-1", "stalled", f"no release of {MODEL} on channel stable")
        assert (said.category, said.live) == ("configuration", None)
        assert not device.wait_ready(0)


def test_it_predicts_reports_and_starts_again_without_a_broker(
    broker: Broker, config: Config, tmp_path: Path, watcher: Watcher
) -> None:
    reports: list[Report] = []
    listener = Link(broker.url, "listener")
    topic = Topics(FLEET).all_devices("report")
    listener.subscribe(topic, lambda _topic, payload: reports.append(unpack(payload)))
    listener.connect()
    publish(package(tmp_path, 1), broker.url, FLEET, "stable")
    with Device(replace(config, broker=broker.url)) as device:
        assert device.wait_ready(60)
        watcher.version("pi-1", "1")
        for _ in range(25):
            assert device.predict(X).outputs["logits"].argmax() == 1
        with pytest.raises(ContractError):
            device.predict({"x": np.zeros((1, 3), np.float32)})
        watcher.wait(lambda: sum(r.predictions for r in reports) == 25, "25 reported predictions")
        assert sum(r.refused for r in reports) == 1
        assert sum(sum(r.latency) for r in reports) == 25
        assert {r.version for r in reports} == {"1"}
    watcher.wait(lambda: not watcher.states["pi-1"].online, "a goodbye")
    watcher.event("pi-1", "stopped")
    listener.close()
    events = [e for e in watcher.events if e.device == "pi-1"]
    assert [e.sequence for e in events] == list(range(len(events)))
    assert [e.kind for e in events] == ["started", "fetching", "staging", "swapped", "stopped"]
    with Device(config) as device:  # the store alone is enough
        assert device.predict(X).version == "1"


def test_a_refused_release_is_not_tried_again_after_a_restart(
    broker: Broker, config: Config, tmp_path: Path, watcher: Watcher
) -> None:
    here = replace(config, broker=broker.url)
    publish(package(tmp_path, 1), broker.url, FLEET, "stable")
    with Device(here) as device:
        assert device.wait_ready(60)
        publish(package(tmp_path, 3, damaged=True), broker.url, FLEET, "stable")
        watcher.event("pi-1", "rejected", "holdout")
    with Device(here) as device:
        watcher.event("pi-1", "rejected", "It was not taken up before: The shipped holdout")
        publish(package(tmp_path, 2), broker.url, FLEET, "stable")
        watcher.version("pi-1", "2")
        assert device.predict(X).version == "2"
    assert [e.version for e in watcher.events if e.kind == "staging"] == ["1", "3", "2"]


def test_predictions_go_on_through_many_swaps(
    broker: Broker, config: Config, tmp_path: Path, watcher: Watcher
) -> None:
    versions: list[str] = []
    wrong: list[str] = []
    done = threading.Event()
    with Device(replace(config, broker=broker.url)) as device:

        def predict() -> None:
            while not done.wait(0.001):
                answer = device.predict(X)
                versions.append(answer.version)
                if str(answer.outputs["logits"].argmax()) != answer.version:
                    wrong.append(answer.version)

        publish(package(tmp_path, 1), broker.url, FLEET, "stable")
        assert device.wait_ready(60)
        threads = [threading.Thread(target=predict) for _ in range(2)]
        for thread in threads:
            thread.start()
        for version in (2, 3, 4):
            publish(package(tmp_path, version), broker.url, FLEET, "stable")
            watcher.version("pi-1", str(version))
            watcher.wait(lambda v=version: str(v) in versions, "an answer of that version")
        done.set()
        for thread in threads:
            thread.join()
    assert not wrong
    assert set(versions) == {"1", "2", "3", "4"}


def test_a_silent_broker_is_a_stall_and_not_a_refusal(
    broker: Broker, config: Config, tmp_path: Path, watcher: Watcher
) -> None:
    path = package(tmp_path, 1)
    publish(path, broker.url, FLEET, "stable")
    gone = Link(broker.url, "remover")
    gone.connect()
    topics = Topics(FLEET)
    with Package(path) as opened:
        victim = topics.blob(opened.manifest.variants[0].files[0].blobs[0])
    gone.publish(victim, b"", retain=True, wait_seconds=10)
    gone.close()
    with Device(replace(config, broker=broker.url, stall_seconds=0.3)):
        watcher.event("pi-1", "stalled", "publish the package again")
        publish(path, broker.url, FLEET, "stable")
        watcher.version("pi-1", "1")
    assert not any(e.kind == "rejected" for e in watcher.events)
