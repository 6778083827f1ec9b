"""Messages into tables, without a broker: each once, whatever is repeated, late or garbage."""

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeml import latency
from edgeml.errors import VerificationError
from edgeml.telemetry import Event, ModelState, RefusedRelease, Report, State
from edgeml_devices.database import DeviceRow, ModelRow, read_all, read_events, read_fleet
from edgeml_devices.ingest import Ingest, Message, pack_counts, parse, unpack_counts
from edgeml_devices.schema import open_to_write
from tests.devices.sayings import (
    FLEET,
    START_MS,
    TOPICS,
    event,
    message,
    model,
    of,
    report,
    state,
    will,
)

Say = Callable[..., None]


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "monitor.db"


@pytest.fixture
def say(db: Path) -> Iterator[Say]:
    connection = open_to_write(db, FLEET)
    ingest = Ingest(connection, TOPICS)

    def say(*spoken: State | Event | Report | Message) -> None:
        ingest.write([m if isinstance(m, Message) else message(m) for m in spoken])

    yield say
    connection.close()


def only(db: Path) -> DeviceRow:
    (device,) = read_fleet(db)
    return device


def test_a_device_as_it_says(db: Path, say: Say) -> None:
    say(state(swap_state="fetch", previous="0"), event(), report(latencies_us=[100.0] * 50))
    device = only(db)
    model = of(device)
    assert (device.device, device.online, model.version, model.generation) == (
        "pi-1",
        True,
        "1",
        7,
    )
    assert (model.swap_state, model.previous, model.engine) == ("fetch", "0", "onnxruntime")
    assert model.predictions_per_second == 50.0
    assert model.p50_us == pytest.approx(100.0, rel=0.03)
    assert device.last_event == event()


@settings(max_examples=20)
@given(st.lists(st.integers(1, 20), max_size=60))
def test_repeats_and_order_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, order: list[int]
) -> None:
    db = tmp_path_factory.mktemp("db") / "monitor.db"
    connection = open_to_write(db, FLEET)
    ingest = Ingest(connection, TOPICS)
    for i in order:
        ingest.write([message(report(sequence=i, latencies_us=[10.0 * i] * i, failed=i))])
        ingest.write([message(event(sequence=i))])
    connection.close()
    assert [e.sequence for e in read_events(db)] == sorted(set(order))
    if order:
        device = only(db)
        assert of(device).predictions == of(device).failed == sum(set(order))
        assert device.last_event == event(sequence=max(order))


def test_another_boot_may_count_from_the_start(db: Path, say: Say) -> None:
    say(report(), report(boot="b2"), event(), event(boot="b2"))
    assert of(only(db)).predictions == 20
    assert len(read_events(db)) == 2


def test_quantiles_are_of_the_merged_windows(db: Path, say: Say) -> None:
    say(report(sequence=1, latencies_us=[100.0] * 99), report(sequence=2, latencies_us=[9000.0]))
    model = of(only(db))
    assert model.p50_us == pytest.approx(100.0, rel=0.03)
    assert model.p99_us == pytest.approx(100.0, rel=0.03)
    say(report(sequence=3, latencies_us=[9000.0]))
    p99 = of(only(db)).p99_us
    assert p99 == pytest.approx(9000.0, rel=0.03)


def test_rates_look_only_at_the_last_reports(db: Path, say: Say) -> None:
    say(*(report(sequence=i, latencies_us=[50.0] * (2 if i <= 50 else 8)) for i in range(1, 101)))
    (device,) = read_fleet(db, rate_seconds=10)
    assert of(device).predictions_per_second == 8.0
    assert of(device).predictions == 50 * 2 + 50 * 8


def test_a_will_says_offline_and_nothing_else(db: Path, say: Say) -> None:
    say(state(), will())
    device = only(db)
    assert not device.online
    assert (of(device).version, of(device).generation) == ("1", 7)
    say(state())  # the same, late
    assert not only(db).online
    say(state(sequence=2))
    assert only(db).online


def test_a_late_will_of_an_earlier_boot_changes_nothing(db: Path, say: Say) -> None:
    say(state(), state(boot="b2", version="2"), will(boot="b1"))
    device = only(db)
    assert (device.online, device.boot, of(device).version) == (True, "b2", "2")


def test_the_will_of_a_boot_that_was_missed_counts(db: Path, say: Say) -> None:
    say(state(), will(boot="b2"))
    assert not only(db).online


def test_a_device_that_never_told_its_state_is_listed_offline(db: Path, say: Say) -> None:
    say(event(message="hello"))
    device = only(db)
    assert (device.online, of(device).swap_state) == (False, "unknown")
    say(state())
    assert only(db).online


def garbage() -> dict[str, Message]:
    deep = b"[" * 100_000
    bomb = zlib.compress(bytes(50_000_000))
    values = {
        "state_empty": Message(TOPICS.state("pi-1"), b""),
        "state_not_json": Message(TOPICS.state("pi-1"), b"\xff\x00"),
        "state_deep": Message(TOPICS.state("pi-1"), deep[:60_000]),
        "state_too_large": Message(TOPICS.state("pi-1"), deep),
        "state_of_another_device": Message(TOPICS.state("pi-1"), message(state("pi-2")).payload),
        "state_of_another_schema": message(state(schema=3)),
        "state_beyond_64_bits": message(state(generation=1 << 63)),
        "event_without_fields": Message(TOPICS.event("pi-1"), b"{}"),
        "event_beyond_64_bits": message(event(sequence=1 << 70)),
        "report_not_compressed": Message(TOPICS.report("pi-1"), b"hello"),
        "report_cut_off": Message(TOPICS.report("pi-1"), message(report()).payload[:-9]),
        "report_bomb": Message(TOPICS.report("pi-1"), bomb),
        "report_other_bins": message(report(latency=(1, 2, 3))),
        "report_negative_counts": message(report(failed=-1)),
        "report_huge_counts": message(report(predictions=1 << 62)),
        "topic_device_no_name": Message("edgeml/v1/f/dev/\x1b[31m/state", b"{}"),
        "topic_of_something_else": Message("edgeml/v1/f/rel/m/stable", b"{}"),
    }
    return values


@pytest.mark.parametrize("fault", garbage())
def test_garbage_is_counted_and_harms_nothing(db: Path, say: Say, fault: str) -> None:
    say(state(), garbage()[fault], event())
    fleet = read_all(db)
    assert fleet.malformed == 1
    assert fleet.malformed_reason
    (device,) = fleet.devices
    assert device.online and device.last_event == event() and of(device).predictions == 0
    assert device.malformed == (0 if fault.startswith("topic") else 1)


@given(kind=st.sampled_from(["state", "event", "report"]), payload=st.binary(max_size=300))
def test_no_bytes_are_a_document_or_another_error(kind: str, payload: bytes) -> None:
    with pytest.raises(VerificationError):
        parse(TOPICS, Message(TOPICS.device("pi-1", kind), payload))


@given(st.lists(st.integers(0, 1 << 40), min_size=latency.BINS, max_size=latency.BINS))
def test_counts_come_back(counts: list[int]) -> None:
    assert unpack_counts(pack_counts(counts)).tolist() == counts


def test_events_by_device_and_kind(db: Path, say: Say) -> None:
    say(event("pi-1", 1), event("pi-2", 2), event("pi-1", 3, kind="rejected"))
    assert [e.sequence for e in read_events(db, device="pi-1")] == [1, 3]
    assert [e.sequence for e in read_events(db, kind="swapped")] == [1, 2]
    assert [e.sequence for e in read_events(db, "pi-1", "rejected")] == [3]


def test_every_field_of_a_state_is_shown() -> None:
    """A new field of State needs a column, or a reason not to have one."""
    without = {"time_ms", "sequence", "schema"}
    assert set(State.__struct_fields__) - without <= set(DeviceRow.__struct_fields__)
    assert set(ModelState.__struct_fields__) <= set(ModelRow.__struct_fields__)


def test_the_models_of_a_device_are_apart(db: Path, say: Say) -> None:
    """T4: two models under one name overwrote each other."""
    refused = RefusedRelease(
        version="3", generation=9, message="it differs", category="execution", final=True
    )
    say(
        state(models=(model("a"), model("b", version="2", refused_releases=(refused,)))),
        report(sequence=1, model="a", latencies_us=[100.0] * 10),
        report(sequence=2, model="b", latencies_us=[9000.0] * 30, failed=1),
    )
    device = only(db)
    a, b = device.models
    assert [(m.model, m.version, m.predictions, m.failed) for m in (a, b)] == [
        ("a", "1", 10, 0),
        ("b", "2", 30, 1),
    ]
    assert (a.predictions_per_second, b.predictions_per_second) == (10.0, 30.0)
    assert a.p50_us == pytest.approx(100.0, rel=0.03) and a.refused_releases == ()
    assert b.p50_us == pytest.approx(9000.0, rel=0.03) and b.refused_releases == (refused,)
    assert device.missing == 0
    say(state(sequence=2, models=(model("b"),)))  # it runs one alone now
    assert [m.model for m in only(db).models] == ["b"]


def test_a_clock_that_is_set_back_hides_nothing(db: Path, say: Say) -> None:
    """T1: the version shown froze, and a clean stop did not show."""
    hour_ms = 3_600_000
    say(state(time_ms=START_MS + hour_ms), state(sequence=2, version="2", time_ms=START_MS))
    assert of(only(db)).version == "2"
    say(state(sequence=3, time_ms=START_MS, online=False))
    assert not only(db).online


def test_what_a_newer_device_says_is_kept_as_it_says_it(db: Path, say: Say) -> None:
    """T44: a newer device's kinds of event counted as malformed, against the docs."""
    newer = event(kind="danced", category="boredom", schema=2)
    said = message(newer).payload.replace(b"{", b'{"tempo":180,', 1)
    say(state(schema=2), Message(TOPICS.event("pi-1"), said))
    fleet = read_all(db)
    assert fleet.malformed == 0
    (device,) = fleet.devices
    assert device.last_event is not None
    assert (device.last_event.kind, device.last_event.category) == ("danced", "boredom")
    assert [found.kind for found in read_events(db, kind="danced")] == ["danced"]
