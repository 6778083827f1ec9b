"""What devices say, into tables: each message once, whatever is repeated, late or garbage."""

import sqlite3
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import numpy as np

from edgeml import documents, latency, names, telemetry
from edgeml.errors import VerificationError
from edgeml.telemetry import Event, Report, State
from edgeml.topics import Topics

MESSAGE_MAX_BYTES = 65_536
_INT64 = 1 << 63


@dataclass(frozen=True)
class Message:
    """One message as it came from the broker."""

    topic: str
    payload: bytes


def parse(topics: Topics, message: Message) -> State | Event | Report:
    """The document in a message; raises VerificationError for anything that may not be stored."""
    where = topics.parse_device(message.topic)
    if where is None or not names.NAME.fullmatch(where.device):
        raise VerificationError("The topic names no device; drop it.")
    if len(message.payload) > MESSAGE_MAX_BYTES:
        raise VerificationError(f"It has more than {MESSAGE_MAX_BYTES} bytes; drop it.")
    document: State | Event | Report
    if where.kind == "state":
        document = documents.decode(message.payload, State, "A state")
    elif where.kind == "event":
        document = documents.decode(message.payload, Event, "An event")
    else:
        document = telemetry.unpack(message.payload)
        _check_counts(document)
    if document.device != where.device:
        raise VerificationError("It speaks for another device than its topic; drop it.")
    parts = (document, *document.models) if isinstance(document, State) else (document,)
    values = (value for part in parts for value in msgspec.structs.astuple(part))
    if any(isinstance(value, int) and not -_INT64 <= value < _INT64 for value in values):
        raise VerificationError("It holds a number beyond 64 bits; drop it.")
    return document


def _check_counts(report: Report) -> None:
    counts = (report.window_ms, report.predictions, report.failed, report.refused, *report.latency)
    if len(report.latency) != latency.BINS or not all(0 <= n < _INT64 >> 10 for n in counts):
        raise VerificationError("A report's counts are not counts over edgeml's bins; drop it.")


class Ingest:
    """Writes batches of messages, each in one transaction."""

    def __init__(self, connection: sqlite3.Connection, topics: Topics) -> None:
        self._db = connection
        self._topics = topics

    def write(self, messages: Iterable[Message]) -> None:
        """Raises sqlite3.Error and then has written nothing, so the batch can be tried again."""
        now_ms = time.time_ns() // 1_000_000
        with self._db:
            for message in messages:
                try:
                    document = parse(self._topics, message)
                except VerificationError as error:
                    self._malformed(message.topic, str(error), now_ms)
                    continue
                match document:
                    case State():
                        self._state(document, now_ms)
                    case Event():
                        self._event(document, now_ms)
                    case Report():
                        self._report(document, now_ms)

    def _state(self, state: State, now_ms: int) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO boots (device, boot) VALUES (?, ?)", (state.device, state.boot)
        )
        (latest,) = self._db.execute(
            "SELECT boot FROM boots WHERE device = ? ORDER BY id DESC LIMIT 1", (state.device,)
        ).fetchone()
        if state.boot != latest:  # the will of an earlier boot, late
            return
        known = self._db.execute(
            "SELECT sequence FROM devices WHERE device = ? AND boot = ?", (state.device, state.boot)
        ).fetchone()
        is_will = state.sequence == 0
        if known is not None and is_will:  # only "offline" is news
            self._db.execute("UPDATE devices SET online = 0 WHERE device = ?", (state.device,))
            return
        if known is not None and state.sequence <= known[0]:  # sent again after what came later
            return
        self._db.execute(
            "INSERT OR REPLACE INTO devices VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                state.device, state.boot, state.sequence, state.time_ms, state.online,
                state.report_seconds, now_ms,
            ),
        )  # fmt: skip
        if is_will:
            return
        self._db.execute("DELETE FROM models WHERE device = ?", (state.device,))
        self._db.executemany(
            "INSERT OR REPLACE INTO models VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    state.device, model.model, model.channel, model.swap_state, model.version,
                    model.generation, model.engine, model.variant, model.previous,
                    msgspec.json.encode(model.refused_releases),
                )
                for model in state.models
            ],
        )  # fmt: skip

    def _event(self, event: Event, now_ms: int) -> None:
        self._seen(event, now_ms)
        self._db.execute(
            "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                event.device, event.boot, event.sequence, event.time_ms, event.kind, event.model,
                event.message, event.version, event.generation, event.live, event.category,
                event.duration_ms,
            ),
        )  # fmt: skip

    def _report(self, report: Report, now_ms: int) -> None:
        self._seen(report, now_ms)
        inserted = self._db.execute(
            "INSERT OR IGNORE INTO reports VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                report.device, report.boot, report.sequence, report.model, report.version,
                report.generation, report.start_ms, report.window_ms, report.predictions,
                report.failed, report.refused, pack_counts(report.latency),
            ),
        )  # fmt: skip
        if inserted.rowcount == 0:
            return
        self._db.execute(
            "INSERT INTO totals VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
            "predictions = predictions + excluded.predictions, "
            "failed = failed + excluded.failed, refused = refused + excluded.refused",
            (
                report.device, report.model, report.version, report.generation,
                report.predictions, report.failed, report.refused,
            ),
        )  # fmt: skip

    def _seen(self, document: Event | Report, now_ms: int) -> None:
        """A device that has not told its state yet is listed too, as offline."""
        self._db.execute(
            "INSERT INTO devices VALUES (?, '', 0, 0, 0, NULL, ?) "
            "ON CONFLICT DO UPDATE SET seen_ms = excluded.seen_ms",
            (document.device, now_ms),
        )
        if document.model:
            self._db.execute(
                "INSERT OR IGNORE INTO models VALUES "
                "(?, ?, '', 'unknown', NULL, 0, NULL, NULL, NULL, '[]')",
                (document.device, document.model),
            )

    def _malformed(self, topic: str, reason: str, now_ms: int) -> None:
        where = self._topics.parse_device(topic)
        device = where.device if where and names.NAME.fullmatch(where.device) else "?"
        self._db.execute(
            "INSERT INTO malformed VALUES (?, ?, 1, ?, ?) ON CONFLICT DO UPDATE SET "
            "count = count + 1, reason = excluded.reason, seen_ms = excluded.seen_ms",
            (device, where.kind if where else "?", reason[:500], now_ms),
        )


def pack_counts(counts: Iterable[int]) -> bytes:
    """Counts as `reports.latency` holds them."""
    return zlib.compress(np.fromiter(counts, dtype="<i8").tobytes())


def unpack_counts(blob: bytes) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.frombuffer(zlib.decompress(blob), dtype="<i8").astype(np.int64)
