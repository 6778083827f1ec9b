"""The monitor's database, read: the fleet as rows, and the events."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np

from edgeml import latency
from edgeml.documents import Open
from edgeml.errors import StorageError
from edgeml.telemetry import Event, RefusedRelease
from edgeml_devices.ingest import unpack_counts
from edgeml_devices.schema import open_to_read

RATE_SECONDS = 30.0
# By the device's own count, whatever its clock says and however late a message comes.
_NEWEST = (
    "(SELECT id FROM boots WHERE boots.device = ?1 AND boots.boot = {0}.boot) DESC, sequence DESC"
)


class ModelRow(Open, frozen=True, kw_only=True):
    """One model of one device.

    model, channel, version, generation, swap_state, engine, variant, previous, refused_releases: as
        in the device's last state.
    predictions_per_second: over the reports of the last 30 s before the device's newest one; null
        before the first.
    p50_us, p99_us: of the same reports, in microseconds; null before the first prediction.
    predictions, failed, refused: since the database was made, over all versions.
    """

    model: str
    channel: str
    version: str | None
    generation: int
    swap_state: str
    engine: str | None
    variant: str | None
    previous: str | None
    refused_releases: tuple[RefusedRelease, ...]
    predictions_per_second: float | None
    p50_us: float | None
    p99_us: float | None
    predictions: int
    failed: int
    refused: int


class DeviceRow(Open, frozen=True, kw_only=True):
    """One device as the monitor knows it.

    device, boot, online, report_seconds: as in its last state.
    seen_ms: Unix time in milliseconds, by the monitor's clock, of the last message.
    models: by name.
    malformed: messages of this device that could not be read.
    missing: reports that never came, by the gaps in their numbers: the monitor was away, or the
        device's queue ran over.
    last_event: null before the first.
    """

    device: str
    online: bool
    boot: str
    report_seconds: float | None
    seen_ms: int
    models: tuple[ModelRow, ...]
    malformed: int
    missing: int
    last_event: Event | None


class Fleet(Open, frozen=True, kw_only=True):
    """`edgeml devices --json`: the fleet as the monitor last saw it.

    fleet: its name.
    devices: by name.
    malformed: unreadable messages of the whole fleet.
    malformed_reason: why the last of them could not be read; null before the first.
    """

    fleet: str
    devices: tuple[DeviceRow, ...]
    malformed: int
    malformed_reason: str | None


def read_fleet(db: Path, rate_seconds: float = RATE_SECONDS) -> list[DeviceRow]:
    """The devices by name.

    Rates and latencies are over the reports of the last `rate_seconds` before the end of each
    device's newest report, so a fleet that ended shows how it was at its end. Raises InputError
    when `db` is missing or not a monitor's, StorageError when it cannot be read.
    """
    return list(read_all(db, rate_seconds).devices)


def read_all(db: Path, rate_seconds: float = RATE_SECONDS) -> Fleet:
    """The same with what concerns the whole fleet."""
    with closing(open_to_read(db)) as connection:
        try:
            connection.execute("BEGIN")  # one snapshot for all queries
            return _fleet(connection, rate_seconds)
        except sqlite3.Error as error:
            raise _unreadable(db, error) from error


def read_events(db: Path, device: str | None = None, kind: str | None = None) -> list[Event]:
    """Events, the oldest first; raises as `read_fleet` does."""
    where = "WHERE (?1 IS NULL OR device = ?1) AND (?2 IS NULL OR kind = ?2)"
    with closing(open_to_read(db)) as connection:
        try:
            return _events(connection, f"{where} ORDER BY time_ms, rowid", (device, kind))
        except sqlite3.Error as error:
            raise _unreadable(db, error) from error


def _fleet(connection: sqlite3.Connection, rate_seconds: float) -> Fleet:
    (fleet,) = connection.execute("SELECT fleet FROM about").fetchone()
    malformed = connection.execute(
        "SELECT device, count, reason FROM malformed ORDER BY seen_ms"
    ).fetchall()
    rows = connection.execute(
        "SELECT device, online, boot, report_seconds, seen_ms FROM devices ORDER BY device"
    ).fetchall()
    return Fleet(
        fleet=fleet,
        devices=tuple(
            _device(connection, row, sum(m[1] for m in malformed if m[0] == row[0]), rate_seconds)
            for row in rows
        ),
        malformed=sum(m[1] for m in malformed),
        malformed_reason=malformed[-1][2] if malformed else None,
    )


def _device(
    connection: sqlite3.Connection,
    row: tuple[str, int, str, float | None, int],
    malformed: int,
    rate_seconds: float,
) -> DeviceRow:
    device, online, boot, report_seconds, seen_ms = row
    last = _events(
        connection, f"WHERE device = ?1 ORDER BY {_NEWEST.format('events')} LIMIT 1", (device,)
    )
    models = connection.execute(
        "SELECT model, channel, version, generation, swap_state, engine, variant, previous, "
        "refused_releases FROM models WHERE device = ? ORDER BY model",
        (device,),
    ).fetchall()
    return DeviceRow(
        device=device,
        online=bool(online),
        boot=boot,
        report_seconds=report_seconds,
        seen_ms=seen_ms,
        models=tuple(_model(connection, device, model, rate_seconds) for model in models),
        malformed=malformed,
        missing=_missing(connection, device),
        last_event=last[0] if last else None,
    )


def _model(
    connection: sqlite3.Connection,
    device: str,
    row: tuple[str, str, str | None, int, str, str | None, str | None, str | None, bytes],
    rate_seconds: float,
) -> ModelRow:
    model, channel, version, generation, swap_state, engine, variant, previous, refused = row
    predictions, failed, refused_inputs = connection.execute(
        "SELECT total(predictions), total(failed), total(refused) FROM totals "
        "WHERE device = ? AND model = ?",
        (device, model),
    ).fetchone()
    rate, counts = _recent(connection, device, model, rate_seconds)
    return ModelRow(
        model=model,
        channel=channel,
        version=version,
        generation=generation,
        swap_state=swap_state,
        engine=engine,
        variant=variant,
        previous=previous,
        refused_releases=msgspec.json.decode(refused, type=tuple[RefusedRelease, ...]),
        predictions_per_second=rate,
        p50_us=latency.quantile(counts, 0.50),
        p99_us=latency.quantile(counts, 0.99),
        predictions=int(predictions),
        failed=int(failed),
        refused=int(refused_inputs),
    )


def _missing(connection: sqlite3.Connection, device: str) -> int:
    (count,) = connection.execute(
        "SELECT total(gap) FROM (SELECT max(sequence) - min(sequence) + 1 - count(*) AS gap "
        "FROM reports WHERE device = ? GROUP BY boot)",
        (device,),
    ).fetchone()
    return int(count)


def _recent(
    connection: sqlite3.Connection, device: str, model: str, rate_seconds: float
) -> tuple[float | None, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Predictions per second and merged latency counts of the last reports on a model."""
    reports = connection.execute(
        "SELECT window_ms, predictions, latency FROM reports WHERE device = ?1 AND model = ?2 "
        "AND abs((SELECT start_ms + window_ms FROM reports WHERE device = ?1 AND model = ?2 "
        f"ORDER BY {_NEWEST.format('reports')} LIMIT 1) - (start_ms + window_ms)) < ?3",
        (device, model, int(rate_seconds * 1000)),
    ).fetchall()
    merged = np.zeros(latency.BINS, np.int64)
    for _, _, counts in reports:
        merged += unpack_counts(counts)
    milliseconds = sum(window_ms for window_ms, _, _ in reports)
    if milliseconds == 0:
        return None, merged
    return sum(predictions for _, predictions, _ in reports) * 1000 / milliseconds, merged


def _events(
    connection: sqlite3.Connection, where: str, values: tuple[str | None, ...]
) -> list[Event]:
    rows = connection.execute(
        "SELECT device, boot, sequence, time_ms, kind, model, message, version, generation, live, "
        f"category, duration_ms FROM events {where}",
        values,
    ).fetchall()
    return [
        Event(
            device=row[0], boot=row[1], sequence=row[2], time_ms=row[3], kind=row[4], model=row[5],
            message=row[6], version=row[7], generation=row[8], live=row[9],
            category=row[10], duration_ms=row[11],
        )
        for row in rows
    ]  # fmt: skip


def _unreadable(db: Path, error: sqlite3.Error) -> StorageError:
    return StorageError(f"The database {db} cannot be read: {error}; try again or name another.")
