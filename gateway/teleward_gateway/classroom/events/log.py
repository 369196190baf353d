"""The append-only log of all classes of a gateway: ``classroom.db``.

    append --drafts--> queue --one writer thread--> SQLite (WAL, synced) --> numbers of the events

An event is acknowledged when its commit is synced to disk; what waits meanwhile is committed
together. Triggers refuse every change and removal, so abandoned branches, left seats and closed
classes stay. Credentials (sha256 of keys and seat tokens) have a table of their own: they are no
part of what a debrief, an export or an exchange may read.
"""

import asyncio
import contextlib
import json
import logging
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path

from teleward_gateway.classroom.events.event import SCHEMA, Draft, Event
from teleward_gateway.classroom.texts import refusal
from teleward_signal.errors import Unavailable

log = logging.getLogger(__name__)

FILE = "classroom.db"
MOST_WAITING = 10_000
"""Drafts in the queue; forty seats write some twenty events a second."""

BUSY_S = 2.0
"""How long a commit waits for another program that has locked the file."""

_TABLES = """
CREATE TABLE IF NOT EXISTS events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  class_id TEXT NOT NULL, room TEXT, seat TEXT,
  at_case_ms INTEGER, at_wall_ms INTEGER NOT NULL, branch INTEGER NOT NULL,
  kind TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_of_class ON events (class_id, seq);
CREATE TABLE IF NOT EXISTS credentials (
  class_id TEXT NOT NULL, holder TEXT NOT NULL, sha256 TEXT NOT NULL, code TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (class_id, holder, sha256)
);
"""
_TRIGGER = """
CREATE TRIGGER IF NOT EXISTS {table}_no_{name} BEFORE {action} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;
"""
_INSERT = (
    "INSERT INTO events (class_id, room, seat, at_case_ms, at_wall_ms, branch, kind, body) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_SELECT = "SELECT seq, class_id, room, seat, at_case_ms, at_wall_ms, branch, kind, body FROM events"


@dataclass(frozen=True, slots=True)
class Credential:
    """The sha256 of what a holder (``teacher``, ``class`` or a seat) shows; ``code`` of a class."""

    class_id: str
    holder: str
    sha256: str
    code: str = ""


@dataclass(slots=True)
class _Batch:
    drafts: Sequence[Draft]
    credentials: Sequence[Credential]
    done: "Future[list[Event]]" = field(default_factory=Future)


class EventLog:
    """The log in ``folder``; one writer thread until `close`.

    A damaged file is set aside (``damaged`` names it) and a new log begins. Raises OSError or
    sqlite3.Error where the disk is full or read-only: then the file is left as it is.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(PermissionError):  # of another user, who may use it as it is
            folder.chmod(0o700)  # logs of rooms hold the case and the true state
        self.path = folder / FILE
        self.damaged: Path | None = None
        self.error: str | None = None
        self._queue: queue.Queue[_Batch | None] = queue.Queue(MOST_WAITING)
        self._prepare()
        self._thread = threading.Thread(target=self._write, name="class log", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what waits, then close."""
        self._queue.put(None)
        self._thread.join()

    async def append(
        self, drafts: Sequence[Draft], credentials: Sequence[Credential] = ()
    ) -> list[Event]:
        """Append events together; return them numbered once they are on disk.

        Raises Unavailable when they cannot be written; then none of them is.
        """
        now_ms = time.time_ns() // 1_000_000
        stamped = [d if d.at_wall_ms else replace(d, at_wall_ms=now_ms) for d in drafts]
        batch = _Batch(stamped, credentials)
        try:
            self._queue.put_nowait(batch)
        except queue.Full:
            raise refusal(Unavailable, "log_behind") from None
        # a request that is given up must not take its event out of the batch
        return await asyncio.shield(asyncio.wrap_future(batch.done))

    def read(self, class_id: str | None = None, after: int = 0) -> list[Event]:
        """Return the events of a class (of all without one) with numbers above ``after``."""
        with _opened(self.path) as connection:
            return list(_rows(connection, class_id, after))

    def credentials(self) -> list[Credential]:
        """Return all credentials, oldest first."""
        with _opened(self.path) as connection:
            rows = connection.execute(
                "SELECT class_id, holder, sha256, code FROM credentials ORDER BY rowid"
            )
            return [Credential(*row) for row in rows]

    def _prepare(self) -> None:
        try:
            self._create()
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            self.damaged = self.path.with_name(f"{FILE}.damaged-{time.time_ns()}")
            log.error("class log %s: %s; set aside as %s", self.path, error, self.damaged.name)
            self.path.rename(self.damaged)
            for suffix in ("-wal", "-shm"):
                self.path.with_name(FILE + suffix).unlink(missing_ok=True)
            self._create()

    def _create(self) -> None:
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        os.chmod(self.path, 0o600)
        with _opened(self.path) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            [version] = connection.execute("PRAGMA user_version").fetchone()
            if version > SCHEMA:
                raise Unavailable(
                    f"{self.path} was written by a later version (schema {version}): upgrade "
                    "Teleward"
                )
            connection.executescript(_TABLES)
            for table in ("events", "credentials"):
                for name in ("update", "delete"):
                    connection.executescript(
                        _TRIGGER.format(table=table, name=name, action=name.upper())
                    )
            connection.execute(f"PRAGMA user_version = {SCHEMA}")
            [found] = connection.execute("PRAGMA quick_check").fetchone()
            if found != "ok":
                raise sqlite3.DatabaseError(found)

    def _write(self) -> None:
        connection: sqlite3.Connection | None = None
        while (batches := self._waiting()) is not None:
            batches = [batch for batch in batches if batch.done.set_running_or_notify_cancel()]
            try:
                connection = connection or _connected(self.path)
                written = self._commit(connection, batches)
            except sqlite3.Error as error:
                if connection is not None:  # an open transaction ends with its connection
                    connection.close()
                    connection = None
                self._refuse(batches, error)
                continue
            self.error = None
            for batch, events in zip(batches, written, strict=True):
                batch.done.set_result(events)
        if connection is not None:
            connection.close()

    def _refuse(self, batches: list[_Batch], error: sqlite3.Error) -> None:
        self.error = str(error)
        refusal = Unavailable(f"the class log cannot be written now ({error}); free some space")
        for batch in batches:
            batch.done.set_exception(refusal)

    def _waiting(self) -> list[_Batch] | None:
        """Return all batches that wait, at least one; None at the end."""
        first = self._queue.get()
        if first is None:
            return None
        batches = [first]
        while not self._queue.empty():
            more = self._queue.get_nowait()
            if more is None:
                self._queue.put(None)
                break
            batches.append(more)
        return batches

    def _commit(self, connection: sqlite3.Connection, batches: list[_Batch]) -> list[list[Event]]:
        connection.execute("BEGIN IMMEDIATE")
        written = [self._insert(connection, batch) for batch in batches]
        connection.execute("COMMIT")
        return written

    def _insert(self, connection: sqlite3.Connection, batch: _Batch) -> list[Event]:
        events = []
        for draft in batch.drafts:
            body = draft.body.model_dump_json()
            row = (
                draft.class_id, draft.room, draft.seat, draft.at_case_ms, draft.at_wall_ms,
                draft.branch, draft.kind, body,
            )  # fmt: skip
            seq = connection.execute(_INSERT, row).lastrowid
            events.append(Event.of(draft, seq or 0))
        connection.executemany(
            "INSERT OR IGNORE INTO credentials VALUES (?, ?, ?, ?)",
            [(c.class_id, c.holder, c.sha256, c.code) for c in batch.credentials],
        )
        return events


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, BUSY_S, isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _is_damage(error: sqlite3.Error) -> bool:
    """Return whether the file is damaged, rather than the disk full, read-only or away."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class _opened:
    """A connection for one use."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)

    def __enter__(self) -> sqlite3.Connection:
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def _rows(connection: sqlite3.Connection, class_id: str | None, after: int) -> Iterator[Event]:
    where, values = " WHERE seq > ?", [after]
    if class_id is not None:
        where, values = f"{where} AND class_id = ?", [after, class_id]  # type: ignore[list-item]
    names = ("seq", "class_id", "room", "seat", "at_case_ms", "at_wall_ms", "branch", "kind")
    for row in connection.execute(_SELECT + where + " ORDER BY seq", values):
        fields = dict(zip(names, row[:8], strict=True))
        yield Event.from_json({"v": SCHEMA, **fields, "body": json.loads(row[8])})
