"""Starting is no stricter and no blinder than running: what is good predicts and SIGTERM is obeyed
while the rest is made again."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.error import HTTPError

import pytest

from edgeml.errors import InputError
from edgeml_devices.broker import Broker
from edgeml_devices.publish import publish
from edgeml_runtime.config import Config, Followed
from edgeml_runtime.device import Device
from edgeml_runtime.store.disk import Store
from tests.disks import small
from tests.flow.conversions import data
from tests.flow.conversions import package as real_package
from tests.flow.fleet import FLEET
from tests.live import wait_for
from tests.ports import free_port
from tests.processes import staging_children
from tests.runtime_doubles import MODEL

X = {"x": data(16, 1)}


@pytest.fixture
def config(broker: Broker, tmp_path: Path) -> Config:
    """Of a device with version 1, and 2 after it."""
    config = Config(
        broker=broker.url, fleet=FLEET, device="pi-1", models=(Followed(MODEL),),
        store=tmp_path / "store", notice_seconds=0.5, retry_seconds=3.0,
    )  # fmt: skip
    with Device(config) as device:
        for version in (1, 2):
            publish(real_package(tmp_path, version), broker.url, FLEET, "stable")
            wait_for(device, str(version))
    return replace(config, broker="mqtt://127.0.0.1:1")


def _damage_what_was_prepared(config: Config) -> None:
    store = Store(config.store / MODEL)
    active = store.record.active
    assert active is not None
    for path in active.staged.files:
        file = store.package(active.release.manifest_sha256) / path
        if "prepared" in path:
            file.write_bytes(file.read_bytes()[:-1] + b"?")
    store.close()


def test_the_version_before_predicts_while_the_active_one_is_prepared_again(config: Config) -> None:
    _damage_what_was_prepared(config)
    with Device(config) as device:
        assert device.predict(X).version == "1"  # at once
        wait_for(device, "2")
        assert device.predict(X).version == "2"
    store = Store(config.store / MODEL)
    active, previous = store.record.active, store.record.previous
    assert active is not None and active.release.version == "2"
    assert previous is not None and previous.release.version == "1"
    store.close()


@pytest.mark.parametrize("before", [True, False])
def test_a_damaged_file_and_a_child_that_is_stuck(config: Config, before: bool) -> None:
    """T18: no answer, no version before and no SIGTERM until --stage-seconds were over."""
    _damage_what_was_prepared(config)
    if not before:
        store = Store(config.store / MODEL)
        store.save(previous=None)
        store.close()
    port = free_port()
    command = [
        sys.executable, "-m", "edgeml_runtime", "--broker", config.broker, "--fleet", FLEET,
        "--device", "pi-1", "--model", MODEL, "--store", str(config.store),
        "--http", f"127.0.0.1:{port}",
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    ending = threading.Event()
    stopping = threading.Thread(target=_stop_children, args=(process.pid, ending))
    stopping.start()
    try:
        assert _ready(port) == (200 if before else 503)
        begin = time.monotonic()
        process.terminate()
        assert process.wait(60) == 0 and time.monotonic() - begin < 20
    finally:
        ending.set()
        stopping.join()
        process.kill()
        process.wait()


def _stop_children(parent: int, ending: threading.Event) -> None:
    """Every staging child of that process, as soon as it is there."""
    while not ending.wait(0.02):
        for child in staging_children(parent):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGSTOP)


def _ready(port: int) -> int:
    """The status of the model, as soon as there is an answer."""
    deadline = time.monotonic() + 120
    while True:
        try:
            url = f"http://127.0.0.1:{port}/v2/models/{MODEL}/ready"
            with urllib.request.urlopen(url, timeout=20) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_what_is_refused_leaves_no_thread_and_no_lock(config: Config, tmp_path: Path) -> None:
    before = threading.active_count()
    descriptors = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        for wrong in (
            {"broker": "http://x"},
            {"models": (Followed(MODEL, "other/channel"),)},
            {"device": "a/b"},
        ):
            with pytest.raises(InputError):
                Device(replace(config, **wrong))  # type: ignore[arg-type]
    assert threading.active_count() == before
    assert len(os.listdir("/proc/self/fd")) <= descriptors
    shutil.copytree(config.store, tmp_path / "copy")
    Store(config.store / MODEL).close()


def test_a_card_that_takes_nothing_any_more_predicts_with_what_is_on_it(
    config: Config, tmp_path: Path
) -> None:
    """T17: exit code 9, and no predictions."""
    with small(tmp_path / "card", "8m") as card:
        shutil.copytree(config.store, card / "store")
        subprocess.run(["mount", "-o", "remount,ro", card], check=True)
        here = replace(config, store=card / "store")
        with Device(here) as device:
            assert device.predict(X).version == "2"
            with pytest.raises(InputError, match="is in use by another"):
                Store(here.store / MODEL)
