"""What devices say comes back, and what only looks like it is dropped with a reason."""

import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml import latency, telemetry
from edgeml.errors import VerificationError
from edgeml.telemetry import Report

counts = st.integers(0, 2**40)
text = st.text(max_size=20)
reports = st.builds(
    Report,
    device=text, boot=text, sequence=counts, model=text, version=text, generation=counts,
    start_ms=counts, window_ms=counts, predictions=counts, failed=counts, refused=counts,
    latency=st.lists(counts, max_size=latency.BINS).map(tuple), schema=st.just(1),
)  # fmt: skip


def report(**changes: object) -> Report:
    sound = Report(
        device="pi-1", boot="b", sequence=1, model="digits", version="1", generation=1, start_ms=0,
        window_ms=1000, predictions=3, failed=0, refused=0, latency=(0,) * latency.BINS,
    )  # fmt: skip
    return msgspec.structs.replace(sound, **changes)


@given(reports)
def test_a_report_comes_back(document: Report) -> None:
    assert telemetry.unpack(telemetry.pack(document)) == document


def test_a_report_is_small() -> None:
    assert len(telemetry.pack(report())) < 100


def test_positions_are_fixed() -> None:
    """A field that moved would be read as another; new ones go to the end."""
    fields = [field.name for field in msgspec.structs.fields(Report)]
    assert fields == [
        "schema", "device", "boot", "sequence", "model", "version", "generation", "start_ms",
        "window_ms", "predictions", "failed", "refused", "latency",
    ]  # fmt: skip


def test_a_field_that_a_newer_device_added_is_ignored() -> None:
    plain = [*msgspec.structs.astuple(report()), "new"]
    assert telemetry.unpack(zlib.compress(msgspec.msgpack.encode(plain))) == report()


@given(st.binary(max_size=300))
def test_no_bytes_are_a_report(data: bytes) -> None:
    for garbage in (data, zlib.compress(data)):
        with pytest.raises(VerificationError):
            telemetry.unpack(garbage)


@given(reports, st.data())
def test_a_changed_report_is_the_same_or_refused(document: Report, data: st.DataObject) -> None:
    """zlib's checksum sees all but the unused bits between two blocks."""
    packed = bytearray(telemetry.pack(document))
    position = data.draw(st.integers(2, len(packed) - 1))
    packed[position] ^= data.draw(st.integers(1, 255))
    try:
        assert telemetry.unpack(bytes(packed)) == document
    except VerificationError:
        pass  # refused


@given(reports, st.binary(min_size=1, max_size=20))
def test_nothing_may_follow_or_be_missing(document: Report, more: bytes) -> None:
    packed = telemetry.pack(document)
    for wrong in (packed + more, packed[: -len(more)]):
        with pytest.raises(VerificationError, match=r"cut off, above|could not be read"):
            telemetry.unpack(wrong)


def test_a_zip_bomb_is_not_unpacked() -> None:
    bomb = zlib.compress(bytes(20_000_000), 9)
    assert len(bomb) < 25_000
    with pytest.raises(VerificationError, match="above 1048576 bytes"):
        telemetry.unpack(bomb)


@pytest.mark.parametrize(
    "packed",
    [
        msgspec.msgpack.encode([1, "pi"]),
        b"\x91" * 100_000,
        b"\xdd\xff\xff\xff\xff",
        msgspec.msgpack.encode(report()).replace(b"pi-1", b"\xff\xff\xff\xff"),
        msgspec.msgpack.encode(report(schema=3)),
    ],
    ids=["too_short", "nested", "huge_length", "no_utf8", "another_schema"],
)
def test_well_compressed_garbage(packed: bytes) -> None:
    with pytest.raises(VerificationError, match="A report"):
        telemetry.unpack(zlib.compress(packed))
