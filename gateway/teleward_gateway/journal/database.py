"""The one seam to SQLite: connections that the journal uses, replaceable to model a disk."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

PAGE_BYTES = 2048  # a commit fills few pages: 2.6x write amplification, 3.1x with 4096 (measured)
BUSY_S = 10.0  # a checkpoint on a slow card, measured under 1 s


class Database(Protocol):
    """What the journal needs of a connection; errors are `sqlite3.Error`."""

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        ...

    def executemany(self, sql: str, values: Iterable[Sequence[Any]]) -> object:
        """Run one statement for each of ``values``."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


Connect = Callable[[Path], Database]


def connect(path: Path) -> sqlite3.Connection:
    """Open ``path``, creating it if need be, with no transaction of Python's own."""
    connection = sqlite3.connect(
        path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )
    # Debian's SQLite zeroes deleted content, which would write every freed page once more
    connection.execute("PRAGMA secure_delete = OFF")
    return connection


def prepare_for_writing(database: Database) -> None:
    """Make commits durable: WAL, synced at each commit, checkpoints when the writer asks."""
    list(database.execute(f"PRAGMA page_size = {PAGE_BYTES}"))
    list(database.execute("PRAGMA journal_mode = WAL"))
    list(database.execute("PRAGMA synchronous = FULL"))
    list(database.execute("PRAGMA wal_autocheckpoint = 0"))
    list(database.execute("PRAGMA cache_size = -4096"))
