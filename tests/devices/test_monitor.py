"""The monitor on both brokers, and what it does without one."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgeml.errors import BrokerError, InputError, StorageError
from edgeml.mqtt import Link
from edgeml.telemetry import Event, Report, State
from edgeml_devices.broker import Broker
from edgeml_devices.database import DeviceRow, read_all, read_events, read_fleet
from edgeml_devices.ingest import Ingest, Message
from edgeml_devices.monitor import Monitor
from edgeml_devices.schema import open_to_write
from tests.devices.sayings import FLEET, START_MS, TOPICS, event, message, of, report, state, will

DEADLINE_SECONDS = 20.0


@pytest.fixture
def device(broker: Broker) -> Iterator[Link]:
    link = Link(broker.url, "a-device")
    link.connect()
    yield link
    link.close()


def say(link: Link, *spoken: State | Event | Report | Message) -> None:
    for document in spoken:
        m = document if isinstance(document, Message) else message(document)
        link.publish(m.topic, m.payload, retain=isinstance(document, State), wait_seconds=10)


def until(monitor: Monitor, found: Callable[[list[DeviceRow]], bool]) -> list[DeviceRow]:
    """Waits commit by commit until the fleet is as wanted."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not found(devices := read_fleet(monitor.db)):
        assert time.monotonic() < deadline, f"waited in vain; the fleet is {devices}"
        monitor.wait(0.2)
    return devices


def test_all_that_devices_say_is_stored(broker: Broker, device: Link, tmp_path: Path) -> None:
    say(device, state("pi-1"))  # before the monitor: retained
    with Monitor(broker.url, FLEET, tmp_path / "m.db") as monitor:
        until(monitor, lambda devices: len(devices) == 1)  # so it has subscribed
        say(device, state("pi-2", version="2"), Message(TOPICS.event("pi-1"), b"garbage"))
        for _ in range(2):  # QoS 1 may deliver twice
            say(device, *(report("pi-1", i) for i in range(5)), event("pi-1"))
        say(device, event("pi-1", sequence=2))
        until(monitor, lambda _: len(read_events(monitor.db)) == 2)
    fleet = read_all(monitor.db)
    assert [(d.device, of(d).version, of(d).predictions) for d in fleet.devices] == [
        ("pi-1", "1", 50),
        ("pi-2", "2", 0),
    ]
    assert fleet.malformed == 1
    assert read_events(monitor.db) == [event("pi-1"), event("pi-1", sequence=2)]


def test_a_vanished_device_is_offline(broker: Broker, tmp_path: Path) -> None:
    last = message(will())
    link = Link(broker.url, "pi-1", will=(last.topic, last.payload))
    link.connect()
    with Monitor(broker.url, FLEET, tmp_path / "m.db") as monitor:
        say(link, state())
        until(monitor, lambda devices: any(d.online for d in devices))
        thief = Link(broker.url, "pi-1")  # the same client id: the broker drops the first
        thief.connect()
        (row,) = until(monitor, lambda devices: not devices[0].online)
        thief.close()
    link.close()
    assert of(row).version == "1"


def test_a_lost_broker_is_sought_again(broker: Broker, device: Link, tmp_path: Path) -> None:
    with Monitor(broker.url, FLEET, tmp_path / "m.db") as monitor:
        say(device, state("pi-1"))
        until(monitor, lambda devices: len(devices) == 1)
        broker.restart()
        device.publish(TOPICS.state("pi-2"), message(state("pi-2")).payload, retain=True)
        until(monitor, lambda devices: len(devices) == 2)
        assert monitor.connected


def test_started_again_it_goes_on(broker: Broker, device: Link, tmp_path: Path) -> None:
    def run(sequence: int) -> None:
        with Monitor(broker.url, FLEET, tmp_path / "m.db") as monitor:
            say(device, state(sequence=sequence, version=str(sequence)))
            until(monitor, lambda devices: [of(d).version for d in devices] == [str(sequence)])
            say(device, report(sequence=1), report(sequence=sequence))
            until(monitor, lambda devices: of(devices[0]).predictions == 10 * sequence)

    run(1)
    run(2)


def test_a_database_of_another_fleet(tmp_path: Path) -> None:
    open_to_write(tmp_path / "m.db", FLEET).close()
    with pytest.raises(InputError, match="holds the fleet 'f' and not 'g'"):
        Monitor("mqtt://127.0.0.1:1", "g", tmp_path / "m.db")


def test_an_unreachable_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Link.connect, "__defaults__", (0.3,))
    with (
        pytest.raises(BrokerError, match="cannot be reached"),
        Monitor("mqtt://127.0.0.1:1", FLEET, tmp_path / "m.db"),
    ):
        pass


def test_bad_input(tmp_path: Path) -> None:
    text = tmp_path / "text.db"
    text.write_text("not a database " * 100)
    empty = tmp_path / "empty.db"
    empty.touch()
    url = "mqtt://127.0.0.1:1"
    for database, says in ((text, "not a database"), (empty, "tables"), (tmp_path, "not a data")):
        with pytest.raises(InputError, match=says):
            Monitor(url, FLEET, database)
    with pytest.raises(InputError, match="mqtt://HOST:PORT"):
        Monitor("localhost", FLEET, tmp_path / "m.db")
    with pytest.raises(InputError, match="fleet '#'"):
        Monitor(url, "#", tmp_path / "m.db")
    with (
        pytest.raises(BrokerError, match="Connection refused"),
        Monitor(url, FLEET, tmp_path / "m"),
    ):
        pass
    assert not (tmp_path / "m").exists(), "a mistyped fleet leaves no database behind"


def test_a_database_that_cannot_be_made(broker: Broker, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(StorageError, match="could not be made"),
        Monitor(broker.url, FLEET, tmp_path / "file" / "below.db"),
    ):
        pass


def test_what_comes_late_does_not_hide_what_came_first(tmp_path: Path) -> None:
    """A state that was under way over a lost connection; reports that never came; a clock ahead."""
    connection = open_to_write(tmp_path / "m.db", FLEET)
    ahead_ms = START_MS + 365 * 86_400_000
    Ingest(connection, TOPICS).write(
        map(
            message,
            (
                state(sequence=2, version="2", time_ms=START_MS),
                state(sequence=1, version="1", time_ms=ahead_ms),
                report(sequence=0, start_ms=ahead_ms, window_ms=10, latencies_us=[9.0] * 5000),
                report(sequence=3, start_ms=START_MS, window_ms=60_000),
            ),
        )
    )
    connection.close()
    (row,) = read_fleet(tmp_path / "m.db")
    assert of(row).version == "2"
    assert row.missing == 2
    assert of(row).predictions_per_second == pytest.approx(10 / 60)
    assert of(row).p50_us == pytest.approx(100, rel=0.03)


def test_a_database_that_cannot_be_written_is_tried_again(
    broker: Broker, device: Link, tmp_path: Path
) -> None:
    with Monitor(broker.url, FLEET, tmp_path / "m.db") as monitor:
        other = sqlite3.connect(monitor.db, isolation_level=None)
        other.execute("DROP TABLE boots")
        say(device, state())
        deadline = time.monotonic() + DEADLINE_SECONDS
        while monitor.problem is None:
            assert time.monotonic() < deadline
            monitor.wait(0.1)
        assert "cannot be written: no such table" in monitor.problem
        other.execute(
            "CREATE TABLE boots (id INTEGER PRIMARY KEY, device, boot, UNIQUE (device, boot))"
        )
        other.close()
        until(monitor, lambda devices: len(devices) == 1)
        assert monitor.problem is None
