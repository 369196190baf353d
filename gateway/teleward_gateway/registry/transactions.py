"""The registry's file: transactions, listeners, and what the clock makes of its intervals.

Every method may be called from any thread. A change is on disk (fsync) when the method returns,
and the listeners are called after it, in the same thread.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from teleward_gateway.clock import Clock, Stamp
from teleward_gateway.clock.corrections import Correction
from teleward_gateway.clock.kernel import boot_id
from teleward_gateway.registry.answers import Answers
from teleward_gateway.registry.database import (
    clamp_future,
    explain,
    keep_correction,
    open_database,
    open_in_memory,
    written_out,
)
from teleward_gateway.registry.history import History
from teleward_gateway.registry.model import Change, RegistryConflict, RegistryError
from teleward_signal.model import Provenance

log = logging.getLogger(__name__)

Listener = Callable[[Change], None]


class RegistryDatabase(Answers):
    """Persistent; `close` it at the end. ``damaged`` names a broken file that was set aside.

    ``problem`` is why changes are kept in memory only, ``copy_of`` the file that the disk did not
    open: see `open_registry`.
    """

    def __init__(
        self,
        path: Path | str,
        mode: Provenance,
        now_ns: Callable[[], int] = time.time_ns,
        *,
        clock: Clock | None = None,
        problem: str | None = None,
        copy_of: Path | None = None,
    ) -> None:
        self.mode, self.problem = mode, problem
        self._lock = threading.RLock()
        self._listeners: list[Listener] = []
        self._now_ns, self._clock = now_ns, clock
        self._boot = boot_id() if clock is None else clock.boot
        self.damaged: Path | None = None
        self._file: Path | None = None
        """Where to what is in memory belongs."""
        if copy_of is None:
            self._connection, self.damaged = open_database(path, mode)
        else:
            self._connection, whole = open_in_memory(mode, copy_of)
            self._file = copy_of if whole else None
        self._clamp()
        super().__init__(History.load(self._connection))

    def correct(self, correction: Correction) -> None:
        """Keep a correction of the clock: intervals follow it as records do."""
        with self._lock:
            keep_correction(self._connection, correction)
        self.clock_corrected()

    def clock_corrected(self) -> None:
        """Read all intervals again by what is known of the clock now."""
        with self._lock:
            self._clamp()
            self._history = History.load(self._connection)

    def write_out(self) -> bool:
        """Move what is in memory to its file; return whether it lies there, or nowhere else can.

        False while the disk takes no writes: call again.
        """
        with self._lock:
            if self._file is None:
                return True
            try:
                connection = written_out(self._connection, self._file, self.mode)
            except (OSError, sqlite3.Error, RegistryError):
                return False
            self._connection.close()
            self._connection, self.problem, self._file = connection, None, None
        log.warning("registry: beds and devices are kept on the disk again")
        return True

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def health(self) -> dict[str, Any]:
        """Return how many subjects and devices there are, and a file that was set aside."""
        damaged = f"damaged, set aside: {self.damaged}" if self.damaged else None
        error = self.problem or damaged
        return {
            "ok": error is None,
            "error": error,
            "subjects": len(self.subjects()),
            "devices": len(self.devices()),
        }

    def on_change(self, listener: Listener) -> None:
        """Have ``listener`` called after each change, in the thread that made it."""
        self._listeners.append(listener)

    # What the settings file asked for last time (see `ensure`)

    def applied(self, what: str) -> str | None:
        """Return the settings file's entry about ``what`` that was applied last."""
        with self._lock:
            row = self._connection.execute(
                "SELECT value FROM meta WHERE key = ?", (f"wish {what}",)
            ).fetchone()
        return None if row is None else str(row[0])

    def all_applied(self) -> dict[str, str]:
        """Return every entry of the settings file that was applied, by what it is about."""
        with self._lock:
            rows = self._connection.execute("SELECT key, value FROM meta WHERE key LIKE 'wish %'")
            return {str(row[0]).removeprefix("wish "): str(row[1]) for row in rows}

    def forget_applied(self, *about: str) -> None:
        """Forget entries of the settings file: they would be applied again."""
        with self._lock:
            keys = [(f"wish {what}",) for what in about]
            self._connection.executemany("DELETE FROM meta WHERE key = ?", keys)

    def note_applied(self, what: str, entry: str) -> None:
        """Record that an entry of the settings file has been applied."""
        with self._lock:
            self._note(self._connection, {what: entry})

    @staticmethod
    def _note(db: sqlite3.Connection, noted: Mapping[str, str]) -> None:
        rows = [(f"wish {what}", entry) for what, entry in noted.items()]
        db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)

    @contextmanager
    def _change(self) -> Iterator[tuple[sqlite3.Connection, Stamp]]:
        """Run one transaction; memory follows the disk, or both stay as they were."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection, self._stamp()
                self._connection.execute("COMMIT")
            except sqlite3.IntegrityError as error:
                self._connection.execute("ROLLBACK")
                raise RegistryConflict(explain(error)) from error
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._history = History.load(self._connection)

    def _stamp(self) -> Stamp:
        if self._clock is not None:
            return self._clock.now()
        return Stamp(self._now_ns(), 0, time.monotonic_ns(), self._boot)

    def _clamp(self) -> None:
        """Clamp edges in the future, unless the time of now is itself a guess."""
        if self._clock is None or self._clock.confirmed:
            clamp_future(self._connection, self._stamp().time_ns)

    @staticmethod
    def _edge(stamp: Stamp) -> tuple[int, str, int]:
        return stamp.time_ns, stamp.boot, stamp.monotonic_ns

    def _close(
        self, db: sqlite3.Connection, table: str, column: str, value: str, stamp: Stamp
    ) -> None:
        """End what lasts of a subject or a device."""
        db.execute(
            f"UPDATE {table} SET until_ns = ?, until_boot = ?, until_monotonic_ns = ? "
            f"WHERE {column} = ? AND until_ns IS NULL",
            (*self._edge(stamp), value),
        )

    def _publish(self, change: Change) -> None:
        for listener in self._listeners:
            listener(change)
