"""Several models in one device: each is taken up, refused and gone back to without the others."""

import json
import threading
import urllib.request
from collections import Counter
from pathlib import Path
from urllib.error import HTTPError

import pytest

from edgeml.errors import InputError
from edgeml_devices.broker import Broker
from edgeml_devices.database import read_fleet
from edgeml_devices.monitor import Monitor
from edgeml_devices.publish import publish
from edgeml_runtime.config import Config, Followed
from edgeml_runtime.device import Device, client_id
from edgeml_runtime.serving.server import Server
from tests.flow.conversions import data
from tests.flow.conversions import package as real_package
from tests.flow.fleet import FLEET, Watcher

A, B = "bell", "wake"
X = {A: {"x": data(16, 1)}, B: {"x": data(24, 1)}}
FEATURES = {A: 16, B: 24}


@pytest.fixture
def config(broker: Broker, tmp_path: Path) -> Config:
    return Config(
        broker=broker.url, fleet=FLEET, device="pi-1", models=(Followed(A), Followed(B)),
        store=tmp_path / "store", report_seconds=0.2, stage_seconds=40.0,
    )  # fmt: skip


def release(broker: Broker, folder: Path, model: str, version: int, damaged: bool = False) -> None:
    path = real_package(folder, version, name=model, features=FEATURES[model], damaged=damaged)
    publish(path, broker.url, FLEET, "stable")


class Load:
    """Asks every model without a pause; counts what answered and what was wrong."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._done = threading.Event()
        self.answers: dict[str, Counter[str]] = {A: Counter(), B: Counter()}
        self.wrong: list[str] = []
        self._threads = [threading.Thread(target=self._ask, args=(model,)) for model in (A, B)]

    def _ask(self, model: str) -> None:
        while not self._done.wait(0.0005):
            try:
                answer = self._device.predict(X[model], model)
            except Exception as error:
                self.wrong.append(f"{model}: {error}")
                continue
            self.answers[model][answer.version] += 1
            if str(answer.outputs["logits"].argmax()) != answer.version:
                self.wrong.append(f"{model} {answer.version}: another answer")

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()


def test_two_models_swap_under_load_and_one_of_them_is_refused(
    broker: Broker, config: Config, tmp_path: Path, watcher: Watcher
) -> None:
    with Device(config) as device:
        for model in (A, B):
            release(broker, tmp_path, model, 1)
        assert device.wait_ready(120)
        with Load(device) as load:
            release(broker, tmp_path, A, 2)
            release(broker, tmp_path, B, 3, damaged=True)
            watcher.version("pi-1", "2", A)
            refused = watcher.event("pi-1", "rejected", "holdout")
            assert (refused.model, refused.version, refused.live) == (B, "3", "1")
            release(broker, tmp_path, B, 4)
            watcher.version("pi-1", "4", B)
            watcher.wait(lambda: load.answers[B]["4"] > 100, "answers of the newest")
        assert load.wrong == []
        assert set(load.answers[A]) == {"1", "2"} and set(load.answers[B]) == {"1", "4"}
    a, b = watcher.states["pi-1"].models
    assert (a.model, a.version, a.previous, a.refused_releases) == (A, "2", "1", ())
    assert (b.model, b.version, b.previous) == (B, "4", "1")
    (kept,) = b.refused_releases
    assert (kept.version, kept.final) == ("3", True) and "holdout" in kept.message


def test_each_starts_from_its_own_store_and_is_named_by_who_asks(
    broker: Broker, config: Config, tmp_path: Path
) -> None:
    with Device(config) as device:
        release(broker, tmp_path, A, 1)
        assert device.wait_ready(120, A) and not device.wait_ready(0)
        with Server(device.models, "127.0.0.1:0") as server:
            url = f"http://127.0.0.1:{server.port}/v2"
            assert status(f"{url}/models/{A}/ready") == 200
            assert status(f"{url}/models/{B}/ready") == status(f"{url}/health/ready") == 503
            release(broker, tmp_path, B, 2)
            assert device.wait_ready(120)
            assert status(f"{url}/health/ready") == 200
            with urllib.request.urlopen(f"{url}/models/{B}") as answer:
                assert json.load(answer)["inputs"][0]["shape"] == [-1, 24]
        with pytest.raises(InputError, match=f"None is none of {A}, {B}"):
            device.predict(X[A])
    with Device(config) as device:
        assert device.predict(X[A], A).version == "1" and device.predict(X[B], B).version == "2"


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def test_the_monitor_knows_each(broker: Broker, config: Config, tmp_path: Path) -> None:
    """T4: one row, and the version and the rate of whoever spoke last."""
    with Monitor(broker.url, FLEET, tmp_path / "m.db") as monitor, Device(config) as device:
        release(broker, tmp_path, A, 1)
        release(broker, tmp_path, B, 2)
        assert device.wait_ready(120)
        for _ in range(7):
            device.predict(X[A], A)
        for _ in range(11):
            device.predict(X[B], B)
        device.stop()
        while not monitor.wait(1.0) or read_fleet(monitor.db)[0].online:
            pass
    (row,) = read_fleet(tmp_path / "m.db")
    assert [(m.model, m.version, m.predictions) for m in row.models] == [(A, "1", 7), (B, "2", 11)]


@pytest.mark.parametrize("models", [(), (Followed(A), Followed(A, "canary"))])
def test_none_and_the_same_twice_are_refused(config: Config, models: tuple[Followed, ...]) -> None:
    with pytest.raises(InputError, match="each once"):
        Device(Config(broker="mqtt://h", fleet="f", device="d", models=models, store=config.store))


def test_fleets_and_devices_with_hyphens_are_told_apart(tmp_path: Path) -> None:
    """T5: fleet home, device a-b and fleet home-a, device b threw each other off once a second."""
    configs = [
        Config(broker="mqtt://h", fleet=fleet, device=name, models=(Followed(A),), store=tmp_path)
        for fleet, name in (("home", "a-b"), ("home-a", "b"))
    ]
    assert len({client_id(config) for config in configs}) == 2
