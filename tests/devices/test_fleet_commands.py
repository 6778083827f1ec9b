"""`edgeml publish`, `monitor` and `devices` as a person meets them."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from edgeml.mqtt import Link
from edgeml_devices.broker import Broker
from edgeml_devices.database import read_all
from edgeml_devices.ingest import Ingest, Message
from edgeml_devices.schema import open_to_write
from edgeml_devices.table import duration, line, table
from tests.devices.sayings import FLEET, TOPICS, event, message, report, state
from tests.packages import tiny_package


def edgeml(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edgeml.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """Two devices, one of them refused a version; one message was garbage."""
    path = tmp_path / "monitor.db"
    connection = open_to_write(path, FLEET)
    Ingest(connection, TOPICS).write(
        [
            message(state("pi-1", version="2")),
            message(report("pi-1", failed=3, refused=4)),
            message(event("pi-1", kind="rejected", message="the holdout \x1b[31m[red]differs")),
            message(state("pi-2", online=False, version=None)),
            Message(TOPICS.event("pi-2"), b"garbage"),
        ]
    )
    connection.close()
    return path


def test_devices_as_json(db: Path) -> None:
    done = edgeml("devices", "--db", db, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert (found["fleet"], found["malformed"]) == (FLEET, 1)
    one, two = found["devices"]
    (model,) = one["models"]
    assert (one["device"], model["version"], model["failed"], model["refused"]) == (
        "pi-1",
        "2",
        3,
        4,
    )
    assert model["predictions_per_second"] == 10.0
    assert one["last_event"]["kind"] == "rejected"
    (model,) = two["models"]
    assert (two["online"], two["malformed"]) == (False, 1)
    assert (model["version"], model["p50_us"]) == (None, None)


def test_devices_as_a_table(db: Path) -> None:
    done = edgeml("devices", "--db", db)
    assert (done.returncode, done.stderr) == (0, "")
    assert "pi-1" in done.stdout and "pi-2" in done.stdout
    assert "1 malformed" in done.stdout


@pytest.mark.parametrize("width", [80, 200])
def test_a_table_of_any_width_shows_what_matters(db: Path, width: int) -> None:
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(table(read_all(db), "the broker is away", width))
    text = console.export_text()
    assert "\x1b" not in text and "\N{HORIZONTAL ELLIPSIS}" not in text
    for shown in ("pi-1", "pi-2", "10.0", "103 µs", "rejected: the holdout", "[red]differs"):
        assert shown in text
    assert "the broker is away" in text and "1 malformed" in text


def test_a_line_says_the_same(db: Path) -> None:
    one, two = read_all(db).devices
    assert line(one).startswith("pi-1: online yes, model m, version 2, generation 7, state idle")
    assert line(one).endswith("differs")
    assert "\x1b" not in line(one)
    assert line(two).startswith("pi-2: online no")


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [(None, "-"), (1.234, "1.23 µs"), (56_789.0, "56.8 ms"), (2e6, "2 s"), (999.0, "999 µs")],
)
def test_durations(microseconds: float | None, text: str) -> None:
    assert duration(microseconds) == text


def test_publish_then_monitor_then_devices(broker: Broker, tmp_path: Path) -> None:
    package = tiny_package(tmp_path)
    where = ("--broker", broker.url, "--fleet", FLEET)
    published = edgeml("publish", package, *where, "--json")
    assert published.returncode == 0, published.stderr
    release = json.loads(published.stdout)["release"]
    assert (release["model"], release["version"], release["channel"]) == ("tiny", "1", "stable")
    link = Link(broker.url, "pi-1")
    link.connect()
    link.publish(TOPICS.state("pi-1"), message(state()).payload, retain=True, wait_seconds=5)
    db = tmp_path / "monitor.db"
    watched = edgeml("monitor", *where, "--db", db, "--seconds", "2")
    assert watched.returncode == 0, watched.stderr
    assert "pi-1: online yes" in watched.stdout
    link.close()
    shown = edgeml("devices", "--db", db, "--json")
    assert json.loads(shown.stdout)["devices"][0]["models"][0]["generation"] == 7


def test_bad_input_is_one_sentence_and_a_code(tmp_path: Path) -> None:
    text = tmp_path / "text.db"
    text.write_text("no database " * 100)
    open_to_write(tmp_path / "nobody.db", FLEET).close()
    cases: list[tuple[tuple[str | Path, ...], int, str]] = [
        (("devices", "--db", tmp_path / "missing.db"), 2, "edgeml monitor"),
        (("devices", "--db", text), 2, "not a database"),
        (("devices", "--db", tmp_path / "nobody.db"), 2, "knows no device yet"),
        (("monitor", "--broker", "x", "--fleet", "f", "--db", text), 2, "mqtt://HOST:PORT"),
        (
            ("publish", tmp_path / "no.edgeml", "--broker", "mqtt://127.0.0.1:1", "--fleet", "f"),
            2,
            "edgeml package",
        ),
        (("broker", "--engine", "rabbit"), 2, "embedded or mosquitto"),
    ]
    for arguments, code, says in cases:
        done = edgeml(*arguments)
        assert done.returncode == code, done.stderr
        assert done.stdout == ""
        assert says in done.stderr and "Traceback" not in done.stderr
        assert done.stderr.startswith("edgeml: ") and done.stderr.count("\n") == 1
