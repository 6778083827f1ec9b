"""The monitor: everything that a fleet's devices say, from the broker into SQLite."""

import queue
import secrets
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

from edgeml.errors import StorageError
from edgeml.mqtt import Link
from edgeml.topics import Topics
from edgeml_devices import schema
from edgeml_devices.ingest import Ingest, Message

KINDS = ("state", "event", "report")
COMMIT_SECONDS = 0.25  # between two commits
BATCH_MESSAGES = 5_000  # in one commit
QUEUE_MESSAGES = 50_000  # above it the broker has to wait
RETRY_SECONDS = 1.0


class Monitor:
    """Ingests while its block runs; afterwards all that was received is in the database.

    The network thread only queues; one writer thread commits a few times a second. A lost broker is
    sought again for ever, and a database that cannot be written is tried again, see `problem`.
    """

    def __init__(self, broker_url: str, fleet: str, db: Path) -> None:
        """Raises InputError for a bad URL, fleet or database, StorageError if it cannot be made."""
        self._topics = Topics(fleet)
        self._link = Link(broker_url, f"edgeml-monitor-{secrets.token_hex(4)}")
        self._connection = schema.open_to_write(db, fleet) if db.exists() else None
        self._queue: queue.Queue[Message] = queue.Queue(QUEUE_MESSAGES)
        self._closing = threading.Event()  # a full queue no longer holds the network thread
        self._silent = threading.Event()  # nothing will be queued any more
        self._committed = threading.Event()
        self._writer = threading.Thread(target=self._write, name="monitor-writer", daemon=True)
        self.db = db
        self.problem: str | None = None

    def __enter__(self) -> Self:
        """Connects; raises BrokerError when the broker cannot be reached."""
        try:
            self._link.subscribe([self._topics.all_devices(k) for k in KINDS], self._receive)
            self._link.connect()
            if self._connection is None:  # no file is left behind by a fleet that was mistyped
                self._connection = schema.open_to_write(self.db, self._topics.fleet)
            self._ingest = Ingest(self._connection, self._topics)
        except BaseException:
            self._link.close()
            if self._connection is not None:
                self._connection.close()
            raise
        self._writer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connected(self) -> bool:
        return self._link.connected

    def wait(self, seconds: float) -> bool:
        """Returns after the next commit with True, or after `seconds` with False."""
        committed = self._committed.wait(seconds)
        self._committed.clear()
        return committed

    def close(self) -> None:
        """Writes what was received; raises StorageError when that is not possible."""
        self._closing.set()
        self._link.close()
        self._silent.set()
        self._writer.join()
        if self._connection is not None:
            self._connection.close()
        if self.problem is not None:
            raise StorageError(
                f"{self.problem}; free the disk or the file, what came last is lost."
            )

    def _receive(self, topic: str, payload: bytes) -> None:
        message = Message(topic, payload)
        while True:
            try:
                return self._queue.put(message, timeout=COMMIT_SECONDS)
            except queue.Full:
                if self._closing.is_set():
                    return

    def _write(self) -> None:
        while batch := self._batch():
            while not self._commit(batch) and not self._silent.wait(RETRY_SECONDS):
                pass

    def _batch(self) -> list[Message]:
        """What comes within COMMIT_SECONDS of the first message; empty only at the end."""
        batch: list[Message] = []
        while not batch and not (self._silent.is_set() and self._queue.empty()):
            with suppress(queue.Empty):
                batch.append(self._queue.get(timeout=COMMIT_SECONDS))
        if batch:
            self._silent.wait(COMMIT_SECONDS)
        with suppress(queue.Empty):
            while batch and len(batch) < BATCH_MESSAGES:
                batch.append(self._queue.get_nowait())
        return batch

    def _commit(self, batch: list[Message]) -> bool:
        try:
            self._ingest.write(batch)
        except sqlite3.Error as error:
            self.problem = f"The database {self.db} cannot be written: {error}"
            return False
        self.problem = None
        self._committed.set()
        return True
