"""`edgeml broker` and its Python form: bound here only, ended with its parent, clear in failure."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edgeml.errors import BrokerError, InputError
from edgeml.mqtt import BrokerUrl, Link
from edgeml_devices import engines
from edgeml_devices.broker import Broker, choose, start_broker
from tests.brokers import BROKERS, need

DEADLINE_SECONDS = 15.0
EDGEML = [sys.executable, "-m", "edgeml.cli"]


def port_is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        threading.Event().wait(0.02)


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.broker) for name in BROKERS])
def command(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`edgeml broker` on a free port, and its port; what it leaves when it is killed is ours."""
    need(request.param)
    process = subprocess.Popen(
        [*EDGEML, "broker", "--engine", request.param, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    with process:
        assert process.stdout
        url = process.stdout.readline().strip()
        assert url, process.stderr.read() if process.stderr else ""
        yield process, BrokerUrl.parse(url).port
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_both(command: tuple[subprocess.Popen[str], int], number: int) -> None:
    process, port = command
    assert port_is_open(port)
    process.send_signal(number)
    assert process.wait(DEADLINE_SECONDS) == 0
    assert not port_is_open(port)


def test_the_broker_dies_with_its_parent(command: tuple[subprocess.Popen[str], int]) -> None:
    process, port = command
    process.kill()
    process.wait()
    until(lambda: not port_is_open(port), "the broker to end after its parent was killed")


def test_a_port_in_use(command: tuple[subprocess.Popen[str], int]) -> None:
    _, port = command
    second = subprocess.run(
        [*EDGEML, "broker", "--port", str(port)], capture_output=True, text=True
    )
    assert second.returncode == InputError.exit_code
    assert re.fullmatch(
        rf"edgeml: The broker cannot listen on 127\.0\.0\.1:{port}: .*--port.*\n", second.stderr
    )


def test_bound_to_this_machine_only(broker: Broker) -> None:
    listening = [
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{broker.port:04X}")
    ]
    assert listening == [f"0100007F:{broker.port:04X}"]


@pytest.mark.broker
@pytest.mark.parametrize("name", BROKERS)
def test_a_free_port_is_held_until_its_broker_listens(name: str) -> None:
    """Another process tries to take it each time before the broker is started."""
    need(name)
    engine = engines.ENGINES[name]
    tried: list[int] = []

    def command(port: int, data: Path) -> list[str]:
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
        tried.append(port)
        return engine.command(port, data)

    with Broker(replace(engine, command=command), 0, None) as broker:
        broker.restart()
        assert tried == [broker.port, broker.port]
        assert broker.exit_code is None
    with socket.socket() as other:  # given back
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", broker.port))
        other.listen()


def retained(url: str, seconds: float) -> bool:
    """Whether the topic `t` has a retained message, then gives it one."""
    arrived = threading.Event()
    link = Link(url, "reader")
    link.connect()
    link.subscribe("t", lambda _topic, _payload: arrived.set())
    found = arrived.wait(seconds)
    link.publish("t", b"kept?", retain=True, wait_seconds=5)
    link.close()
    return found


def test_what_a_restart_keeps(broker: Broker) -> None:
    """docs/decisions/0003-brokers.md rests on this."""
    assert not retained(broker.url, 0.2)
    assert retained(broker.url, 5.0)
    broker.restart()
    keeps = broker.engine.persistent
    assert retained(broker.url, 5.0 if keeps else 1.0) == keeps


def test_a_restart_from_another_thread_lives_on(broker: Broker) -> None:
    """The kernel's tie is to a thread, so children are started from one that does not end."""
    thread = threading.Thread(target=broker.restart)
    thread.start()
    thread.join()
    link = Link(broker.url, "after")
    link.connect()
    link.publish("t", b"still here", wait_seconds=5)
    link.close()
    assert broker.exit_code is None


@pytest.mark.broker
def test_retained_messages_in_a_folder(tmp_path: Path) -> None:
    need("mosquitto")
    with start_broker("mosquitto", data=tmp_path / "data") as broker:
        assert not retained(broker.url, 0.2)
    with start_broker("mosquitto", data=tmp_path / "data") as broker:
        assert retained(broker.url, 5.0)


def test_a_broker_that_ends_by_itself_is_told(
    command: tuple[subprocess.Popen[str], int],
) -> None:
    process, _ = command
    tasks = Path(f"/proc/{process.pid}/task").iterdir()
    children = [pid for task in tasks for pid in (task / "children").read_text().split()]
    assert len(children) == 1
    os.kill(int(children[0]), signal.SIGKILL)
    _, said = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == BrokerError.exit_code
    assert "ended by itself" in said


def test_auto_takes_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def installed(*names: str) -> None:
        for engine in engines.ENGINES.values():
            monkeypatch.setitem(engine.__dict__, "found", lambda e=engine: e.name in names)

    installed("embedded", "mosquitto")
    assert choose("auto").name == "embedded"
    installed("mosquitto")
    assert choose("auto").name == "mosquitto"
    with pytest.raises(BrokerError, match=r"install edgeml\[broker\]"):
        choose("embedded")
    installed()
    with pytest.raises(BrokerError, match=r"edgeml\[broker\].*apt-get install mosquitto"):
        choose("auto")


def test_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="auto, embedded or mosquitto"):
        start_broker("rabbit")
    with pytest.raises(InputError, match="cannot listen"):
        start_broker(port=70_000)
    file = tmp_path / "file"
    file.touch()
    need("mosquitto")
    with pytest.raises(InputError, match="choose a folder"):
        start_broker("mosquitto", data=file / "below")
    need("embedded")
    with pytest.raises(InputError, match="takes no data folder"):
        start_broker("embedded", data=tmp_path)
