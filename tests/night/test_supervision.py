"""A bug of ours ends no thread: it is told of, the thread begins again, and a service manager hears
that all is well only while it is."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeml.mqtt import Link
from edgeml_devices.broker import Broker
from edgeml_devices.publish import publish
from edgeml_runtime import systemd
from edgeml_runtime.__main__ import watch
from edgeml_runtime.config import Config, Followed
from edgeml_runtime.device import Device
from edgeml_runtime.supervise import Supervisor
from edgeml_runtime.swap.steps import Swap
from edgeml_runtime.telemetry.outbox import Outbox
from edgeml_runtime.telemetry.reporter import ModelReporter, Reporter
from tests.flow.conversions import package as real_package
from tests.flow.fleet import FLEET, Watcher
from tests.runtime_doubles import MODEL


def _until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_thread_that_raises_is_told_of_and_begins_again() -> None:
    ending, told, begun = threading.Event(), list[str](), list[float]()
    supervisor = Supervisor(ending, lambda name, error: told.append(f"{name}: {error}"))

    def body() -> None:
        begun.append(time.monotonic())
        if len(begun) < 3:
            raise ValueError("a bug")
        ending.wait()

    supervisor.add("report", body)
    assert supervisor.dead == ()
    supervisor.start()
    _until(lambda: len(begun) == 3)
    assert told == ["report: a bug"] * 2
    assert begun[2] - begun[1] > 1.5 * (begun[1] - begun[0])  # ever later
    assert supervisor.dead == ()
    ending.set()
    supervisor.join("report")
    assert supervisor.dead == ("report",)


def test_who_cannot_even_tell_begins_again() -> None:
    ending, begun = threading.Event(), list[int]()

    def body() -> None:
        begun.append(1)
        if len(begun) < 2:
            raise ValueError("a bug")

    def tell(_name: str, _error: Exception) -> None:
        raise OSError("the disk is full")

    supervisor = Supervisor(ending, tell)
    supervisor.add("report", body)
    supervisor.start()
    supervisor.join("report")
    assert len(begun) == 2


def test_a_handler_that_raises_ends_no_network_thread(broker: Broker) -> None:
    told: list[Exception] = []
    arrived: list[bytes] = []

    def handler(_topic: str, payload: bytes) -> None:
        if payload == b"bad":
            raise ValueError("a bug")
        arrived.append(payload)

    link = Link(broker.url, "clumsy", on_error=told.append)
    assert link.alive  # as far as it was started
    link.connect()
    link.subscribe("a/topic", handler)
    for payload in (b"bad", b"good"):
        link.publish("a/topic", payload, wait_seconds=5)
    _until(lambda: arrived == [b"good"])
    assert [str(error) for error in told] == ["a bug"] and link.alive
    link.close()


@pytest.fixture
def config(broker: Broker, tmp_path: Path) -> Config:
    return Config(
        broker=broker.url, fleet=FLEET, device="pi-1", models=(Followed(MODEL),),
        store=tmp_path / "store", report_seconds=0.2, retry_seconds=0.1, stage_seconds=40.0,
    )  # fmt: skip


def test_bugs_in_every_thread_of_a_device(
    config: Config, broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each thread raises once; afterwards it updates, reports and says so."""
    watcher = Watcher(broker.url)
    once: set[str] = set()

    def raising(kind: type, name: str) -> None:
        right = getattr(kind, name)

        def call(self: object, *arguments: object, **named: object) -> object:
            if name not in once:
                once.add(name)
                raise ZeroDivisionError(f"in {name}")
            return right(self, *arguments, **named)

        monkeypatch.setattr(kind, name, call)

    raising(ModelReporter, "report")
    raising(Outbox, "send")
    raising(Reporter, "connection")
    raising(Swap, "take")
    with Device(config) as device:
        publish(real_package(tmp_path, 1), broker.url, FLEET, "stable")
        watcher.version("pi-1", "1")
        for name, thread in (("report", "report"), ("send", "sender"), ("connection", "network")):
            watcher.event(
                "pi-1", "incident", f"in the {thread} thread, which begins again: in {name}"
            )
        watcher.event(
            "pi-1", "postponed", "An unforeseen ZeroDivisionError ended the swap: in take"
        )
        assert device.dead == ()
    assert once == {"report", "send", "connection", "take"}
    watcher.close()


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    """What a service manager hears."""
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    channel.bind(str(tmp_path / "notify"))
    channel.settimeout(60)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    return channel


def test_systemd_hears_that_it_is_ready_that_it_lives_and_that_it_ends(
    config: Config, manager: socket.socket
) -> None:
    command = [
        sys.executable, "-m", "edgeml_runtime", "--broker", config.broker, "--fleet", FLEET,
        "--device", "pi-1", "--model", MODEL, "--store", str(config.store),
    ]  # fmt: skip
    environment = {**os.environ, "WATCHDOG_USEC": "300000"}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        heard = [manager.recv(100).decode() for _ in range(4)]
        assert heard == ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"]
        process.send_signal(signal.SIGTERM)
        while heard[-1] != "STOPPING=1":
            heard.append(manager.recv(100).decode())
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        manager.close()


_ASKED = """
import os, signal
from edgeml_runtime.signals import EndSignals
ended = EndSignals()
assert not ended.wait(0.01)
os.kill(os.getpid(), signal.SIGTERM)  # between the last look and the sleep
assert ended.wait(None)
assert ended.wait(None)
"""


def test_who_is_asked_to_end_sees_it_whenever_it_comes() -> None:
    """Three starts of 25 slept through it, where a lock was waited for."""
    subprocess.run([sys.executable, "-c", _ASKED], check=True, timeout=60)


def test_the_watchdog_is_fed_only_while_all_threads_live(
    config: Config, manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000")
    ended = threading.Event()
    with Device(config) as device:
        watching = threading.Thread(target=watch, args=(device, ended.wait))
        watching.start()
        assert manager.recv(100) == b"WATCHDOG=1"
        monkeypatch.setattr(Supervisor, "dead", ("swap",))
        manager.settimeout(0.3)
        with pytest.raises(TimeoutError):
            for _ in range(100):
                manager.recv(100)
        monkeypatch.undo()
        ended.set()
        watching.join()
    manager.close()


def test_without_a_service_manager_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    systemd.notify(READY=1)
    assert systemd.watchdog_seconds() is None
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/at/all")
    systemd.notify(READY=1)
    monkeypatch.setenv("WATCHDOG_USEC", "20000000")
    assert systemd.watchdog_seconds() == 20.0
    monkeypatch.setenv("WATCHDOG_PID", "1")  # of another process
    assert systemd.watchdog_seconds() is None
