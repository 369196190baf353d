"""The file of access: accounts, sessions, links and the access log in one SQLite database.

Commands at the console change it beside a running gateway, which notices within a second. Rows of
the access log cannot be changed, and only the oldest of very many can be deleted.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from teleward_signal.errors import Unavailable

FILE = "access.sqlite"
SCHEMA_VERSION = 1
LOG_ROWS = 400_000
"""Rows of the access log that are kept: a busy clinic's year, some 60 MB."""

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS accounts (
    key TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, password TEXT NOT NULL,
    created_s REAL NOT NULL, until_s REAL) STRICT;
CREATE TABLE IF NOT EXISTS sessions (
    hash BLOB PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts (key) ON DELETE CASCADE,
    address TEXT NOT NULL, browser TEXT NOT NULL, begun_s REAL NOT NULL, seen_s REAL NOT NULL)
    STRICT;
CREATE TABLE IF NOT EXISTS browsers (
    hash BLOB PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts (key) ON DELETE CASCADE,
    since_s REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS links (
    hash BLOB PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, label TEXT NOT NULL,
    author TEXT NOT NULL, created_s REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS log (
    number INTEGER PRIMARY KEY AUTOINCREMENT, time_s REAL NOT NULL, name TEXT NOT NULL,
    role TEXT NOT NULL, address TEXT NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL,
    answer INTEGER NOT NULL) STRICT;
CREATE TRIGGER IF NOT EXISTS log_is_not_changed BEFORE UPDATE ON log
    BEGIN SELECT RAISE(ABORT, 'the access log is not changed'); END;
CREATE TRIGGER IF NOT EXISTS log_is_not_deleted BEFORE DELETE ON log
    WHEN OLD.number > (SELECT max(number) FROM log) - {LOG_ROWS}
    BEGIN SELECT RAISE(ABORT, 'the access log is not deleted'); END;
"""


class AccessFile:
    """The open file; one connection to write and one that notices what others write.

    Raises Unavailable where it cannot be opened; the message names the file and the remedy.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        try:
            self._writer = _open(self.path)
            self._reader = _open(self.path)
        except (sqlite3.Error, OSError) as error:
            raise Unavailable(
                f"accounts cannot be read: {self.path}: {error}; restore the file, or move it away "
                "and add the accounts again"
            ) from None
        self._writing, self._reading = threading.Lock(), threading.Lock()
        self._version = -1

    def read(self, query: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Return the rows of a query."""
        with self._reading:
            return self._reader.execute(query, values).fetchall()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write all or nothing."""
        with self._writing:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")

    def has_changed(self) -> bool:
        """Return whether anything was written since the last call."""
        with self._reading:
            version = int(self._reader.execute("PRAGMA data_version").fetchone()[0])
        changed, self._version = version != self._version, version
        return changed

    def close(self) -> None:
        """Close the file."""
        with self._writing, self._reading:
            self._writer.close()
            self._reader.close()


def has_accounts(folder: Path) -> bool:
    """Return whether a gateway's file has an account, without making one; raises Unavailable."""
    if not (folder / FILE).exists():
        return False
    file = AccessFile(folder)
    try:
        return bool(file.read("SELECT 1 FROM accounts LIMIT 1"))
    finally:
        file.close()


def _open(path: Path) -> sqlite3.Connection:
    if not path.exists():
        path.touch(mode=0o600)
    connection = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version > SCHEMA_VERSION:
            raise sqlite3.DatabaseError("a later version of Teleward wrote it")
        if version < SCHEMA_VERSION:
            connection.executescript(_SCHEMA)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except BaseException:
        connection.close()
        raise
    return connection
