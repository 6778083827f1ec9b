"""What a device says about itself: state (retained JSON), event (JSON), report (packed)."""

import zlib
from typing import Literal

import msgspec

from edgeml.documents import SCHEMA, Open, check_schema
from edgeml.errors import VerificationError

EventKind = Literal[
    "started",
    "fetching",
    "staging",
    "swapped",
    "rejected",
    "postponed",
    "stalled",
    "connection-lost",
    "connection-restored",
    "stopped",
    "incident",
]


class RefusedRelease(Open, frozen=True, kw_only=True):
    """A release that a device did not take up.

    version, generation: which.
    message: why, one sentence for people.
    category: of the error.
    final: whether the same never passes; else it is tried again.
    """

    version: str
    generation: int
    message: str
    category: str
    final: bool


class ModelState(Open, frozen=True, kw_only=True):
    """One model of a device.

    model, channel: what it follows.
    swap_state: where the swap is in its table; "idle" when nothing is under way.
    version, generation: what predicts now; null and 0 before the first version.
    engine, variant: what it predicts with; null before the first version.
    previous: the version kept on disk for a rollback.
    refused_releases: the latest last.
    """

    model: str
    channel: str
    swap_state: str = "idle"
    version: str | None = None
    generation: int = 0
    engine: str | None = None
    variant: str | None = None
    previous: str | None = None
    refused_releases: tuple[RefusedRelease, ...] = ()


class State(Open, frozen=True, kw_only=True):
    """Birth, will and every change of state; retained, so that a late monitor knows the fleet.

    device: its name in the fleet.
    boot: drawn anew at every start of the daemon.
    sequence: counts from 1 at every boot and is the order of states, whatever a clock says; 0 in
        the will, which is written ahead of its time and says nothing but that it is offline.
    time_ms: Unix time in milliseconds, by the device's clock.
    online: false in the will and at a clean end.
    report_seconds: how often it promises a report; null in a will.
    models: by name.
    """

    device: str
    boot: str
    sequence: int
    time_ms: int
    online: bool
    report_seconds: float | None = None
    models: tuple[ModelState, ...] = ()
    schema: int = SCHEMA


class Event(Open, frozen=True, kw_only=True):
    """One thing that happened; (device, boot, sequence) is unique.

    device, boot: as in the state.
    sequence: counts from 0 at every boot.
    time_ms: Unix time in milliseconds, by the device's clock.
    kind: what happened; a newer device may say what this edgeml does not know.
    model: which of its models; empty for the device as a whole.
    message: one sentence for people.
    version, generation: what the event is about, for example the version that was refused.
    live: the version that went on predicting when the event was written.
    category: set on incidents and refusals.
    duration_ms: how long the thing took, where that makes sense.
    """

    device: str
    boot: str
    sequence: int
    time_ms: int
    kind: str
    message: str
    model: str = ""
    version: str | None = None
    generation: int | None = None
    live: str | None = None
    category: str | None = None
    duration_ms: float | None = None
    schema: int = SCHEMA


class Report(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """Counts of one window; positional msgpack under zlib. (device, boot, sequence) is unique.

    device, boot: as in the state.
    sequence: counts from 0 at every boot.
    model, version, generation: what predicted in this window.
    start_ms: Unix time of the window's start in milliseconds.
    window_ms: its length in milliseconds.
    predictions: requests that were answered.
    failed: requests that ended in an error of the engine.
    refused: requests that did not satisfy the contract.
    latency: counts of `predictions` per bin of edgeml.latency.EDGES_US, one below and one above.
    """

    schema: int = SCHEMA
    device: str
    boot: str
    sequence: int
    model: str
    version: str
    generation: int
    start_ms: int
    window_ms: int
    predictions: int
    failed: int
    refused: int
    latency: tuple[int, ...]


def pack(report: Report) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(report))


def unpack(data: bytes, max_bytes: int = 1 << 20) -> Report:
    """The report in `data`; raises VerificationError for anything else, a zip bomb included."""
    try:
        stream = zlib.decompressobj()
        plain = stream.decompress(data, max_bytes)
        if not stream.eof or stream.unused_data:
            raise VerificationError(
                f"A report is cut off, above {max_bytes} bytes or followed by something; drop it."
            )
        report = msgspec.msgpack.decode(plain, type=Report)
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise VerificationError(f"A report could not be read: {error}; drop it.") from error
    check_schema(Report, report.schema, "A report", VerificationError)
    return report
