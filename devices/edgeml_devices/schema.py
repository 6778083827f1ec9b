"""The monitor's SQLite file: its tables, and how it is made and opened.

One file belongs to one fleet; `PRAGMA user_version` is the schema's version. Times are Unix time in
milliseconds by the device's clock, `seen_ms` by the monitor's.

about       fleet
devices     one row a device: its last state, and whether it is online
models      one row a model of a device, as in that state; refused_releases: JSON
boots       every boot whose state was seen, in the order seen: a late will of an earlier boot of a
            device does not put its present boot offline
events      unique by (device, boot, sequence)
reports     unique by (device, boot, sequence); latency: zlib over BINS little-endian int64 counts
            of edgeml.latency.EDGES_US
totals      sums over the reports of a device and a generation of a version
malformed   what could not be read, by device ('?' where even that is not a name) and kind
"""

import os
import sqlite3
import tempfile
from pathlib import Path

from edgeml.errors import InputError, StorageError

VERSION = 2
BUSY_SECONDS = 5.0

_TABLES = """
CREATE TABLE about (fleet TEXT NOT NULL);
CREATE TABLE devices (
    device TEXT PRIMARY KEY, boot TEXT NOT NULL, sequence INTEGER NOT NULL,
    time_ms INTEGER NOT NULL, online INTEGER NOT NULL, report_seconds REAL, seen_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE models (
    device TEXT NOT NULL, model TEXT NOT NULL, channel TEXT NOT NULL, swap_state TEXT NOT NULL,
    version TEXT, generation INTEGER NOT NULL, engine TEXT, variant TEXT, previous TEXT,
    refused_releases BLOB NOT NULL, PRIMARY KEY (device, model)
) WITHOUT ROWID;
CREATE TABLE boots (
    id INTEGER PRIMARY KEY, device TEXT NOT NULL, boot TEXT NOT NULL, UNIQUE (device, boot)
);
CREATE TABLE events (
    device TEXT NOT NULL, boot TEXT NOT NULL, sequence INTEGER NOT NULL, time_ms INTEGER NOT NULL,
    kind TEXT NOT NULL, model TEXT NOT NULL, message TEXT NOT NULL, version TEXT,
    generation INTEGER, live TEXT, category TEXT, duration_ms REAL,
    UNIQUE (device, boot, sequence)
);
CREATE INDEX events_by_time ON events (device, time_ms);
CREATE TABLE reports (
    device TEXT NOT NULL, boot TEXT NOT NULL, sequence INTEGER NOT NULL, model TEXT NOT NULL,
    version TEXT NOT NULL, generation INTEGER NOT NULL, start_ms INTEGER NOT NULL,
    window_ms INTEGER NOT NULL, predictions INTEGER NOT NULL, failed INTEGER NOT NULL,
    refused INTEGER NOT NULL, latency BLOB NOT NULL,
    UNIQUE (device, boot, sequence)
);
CREATE INDEX reports_by_time ON reports (device, model, start_ms);
CREATE TABLE totals (
    device TEXT NOT NULL, model TEXT NOT NULL, version TEXT NOT NULL, generation INTEGER NOT NULL,
    predictions INTEGER NOT NULL, failed INTEGER NOT NULL, refused INTEGER NOT NULL,
    PRIMARY KEY (device, model, version, generation)
) WITHOUT ROWID;
CREATE TABLE malformed (
    device TEXT NOT NULL, kind TEXT NOT NULL, count INTEGER NOT NULL, reason TEXT NOT NULL,
    seen_ms INTEGER NOT NULL, PRIMARY KEY (device, kind)
) WITHOUT ROWID;
"""


def open_to_read(path: Path) -> sqlite3.Connection:
    """Raises InputError when there is no such file or it is not a monitor's of this schema."""
    if not path.is_file():
        raise InputError(f"There is no database at {path}; 'edgeml monitor --db' makes one.")
    return _checked(path, "ro")


def open_to_write(path: Path, fleet: str) -> sqlite3.Connection:
    """Makes the file when it is missing; raises InputError when it belongs to another fleet."""
    if not path.exists():
        _create(path, fleet)
    connection = _checked(path, "rw")
    (found,) = connection.execute("SELECT fleet FROM about").fetchone()
    if found != fleet:
        connection.close()
        raise InputError(
            f"{path} holds the fleet {found!r} and not {fleet!r}; give each fleet a file of its "
            "own by --db."
        )
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _create(path: Path, fleet: str) -> None:
    """The file appears whole: a reader never sees it without its tables."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".edgeml-", dir=path.parent) as folder:
            temporary = Path(folder) / "new.db"
            connection = sqlite3.connect(temporary)
            connection.executescript(_TABLES)
            connection.execute("INSERT INTO about VALUES (?)", (fleet,))
            connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.commit()
            connection.execute("PRAGMA journal_mode = WAL")
            connection.close()
            os.replace(temporary, path)
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise StorageError(
            f"The database {path} could not be made: {reason}; choose a folder that can be written."
        ) from error


def _checked(path: Path, mode: str) -> sqlite3.Connection:
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY_SECONDS,
            check_same_thread=False,
        )
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        tables = connection.execute(
            "SELECT count(*) FROM sqlite_schema WHERE name IN ('about', 'devices')"
        ).fetchone()
        problem = None if tables == (2,) else "it has other tables or none"
        if problem is None and version != VERSION:
            problem = f"it has schema {version} where this edgeml reads schema {VERSION}"
    except sqlite3.Error as error:
        problem = str(error)
    if connection is None or problem is not None:
        if connection is not None:
            connection.close()
        raise InputError(
            f"{path} is not a database of this 'edgeml monitor' ({problem}); name another by --db."
        )
    return connection
