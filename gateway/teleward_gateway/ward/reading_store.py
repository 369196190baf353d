"""What is kept of devices with a calendar, over restarts: one SQLite file beside the journal.

    known     readings that are on record already, by device and key
    held      readings that wait for a person or that nobody claims
    clocks    settings of each device's clock
    users     whom a user number of a cuff or scale stands for
    meta      how far the journal has been looked through

Changes wait in memory until `flush`, which any thread may call. A reading is known for good only
after the journal has it; what a crash cuts off is found in the journal at the next start.
"""

import asyncio
import json
import logging
import sqlite3
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from teleward_gateway.clock.reading_time import ClockHistory, Setting
from teleward_gateway.journal.memory_copy import read_file, write_file
from teleward_gateway.ward.held_reading import HeldReading

log = logging.getLogger(__name__)

MOST_KNOWN = 30_000
"""Readings remembered of a device: a sensor that measures each minute for 14 days makes 20,160."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS known (
    number INTEGER PRIMARY KEY, device TEXT NOT NULL, key TEXT NOT NULL,
    UNIQUE (device, key)) STRICT;
CREATE TABLE IF NOT EXISTS held (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS clocks (device TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS users (
    device TEXT NOT NULL, user INTEGER NOT NULL, subject TEXT NOT NULL,
    from_ns INTEGER NOT NULL, until_ns INTEGER) STRICT;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
"""


@dataclass(frozen=True, slots=True)
class UserBinding:
    """Whom one user number of a device stands for, from when until when (UTC ns)."""

    device: str
    user: int
    subject: str
    from_ns: int
    until_ns: int | None = None

    def covers(self, time_ns: int) -> bool:
        """Return whether it was in force at ``time_ns``."""
        return self.from_ns <= time_ns and (self.until_ns is None or time_ns < self.until_ns)


class ReadingStore:
    """The file and its contents in memory; ``problem`` is the reason why it does not last."""

    def __init__(self, path: Path | str) -> None:
        self.problem: str | None = None
        self._path = path
        self._file: Path | None = None
        """Where to what is in memory belongs, once the disk takes it."""
        self._lock = threading.Lock()
        # the disk has a lock of its own: the event loop never waits for a commit
        self._writing = threading.Lock()
        self._pending: list[tuple[str, tuple[Any, ...]]] = []
        self._connection = self._open(path)
        self.known: dict[str, dict[str, None]] = {}
        self.held: dict[int, HeldReading] = {}
        self.clocks: dict[str, ClockHistory] = {}
        self.users: list[UserBinding] = []
        self._next_id = 1
        self._load()

    @property
    def journal_number(self) -> int:
        """Up to which record the journal has been looked through."""
        with self._writing:
            row = self._connection.execute("SELECT value FROM meta WHERE key = 'journal'")
            found = row.fetchone()
        return 0 if found is None else int(found[0])

    def close(self) -> None:
        """Write what waits and close the file."""
        self.flush()
        with self._writing:
            self._connection.close()

    async def run(self) -> None:
        """Write what waits once a second until cancelled; a slow disk delays nothing else."""
        while True:
            await asyncio.sleep(1.0)
            await asyncio.to_thread(self.flush)

    def flush(self) -> bool:
        """Write what waits; return whether all of it is on the disk."""
        with self._writing:
            with self._lock:
                pending, self._pending = self._pending, []
            if self._file is not None:
                self._write_out(self._file)
            elif self.problem is not None and self._lasts:
                self._open_again()
            if not pending:
                return self.problem is None
            try:
                with self._connection:
                    self._connection.execute("BEGIN IMMEDIATE")
                    for statement, values in pending:
                        self._connection.execute(statement, values)
            except sqlite3.Error as error:
                with self._lock:
                    self._pending = pending + self._pending
                self._note(str(error))
                return False
            if self.problem is not None and self._lasts:
                self.problem = None
            return self.problem is None

    def is_known(self, device: str, key: str) -> bool:
        """Return whether a reading of ``device`` is on record, on its way there, or held."""
        return key in self.known.get(device, ())

    def know(self, device: str, key: str) -> None:
        """Note a reading in memory."""
        kept = self.known.setdefault(device, {})
        kept[key] = None
        while len(kept) > MOST_KNOWN:
            oldest = next(iter(kept))
            del kept[oldest]
            self._do("DELETE FROM known WHERE device = ? AND key = ?", device, oldest)

    def keep_known(self, device: str, key: str) -> None:
        """Note for good that the journal, or `held`, has a reading."""
        self.know(device, key)
        self._do("INSERT OR IGNORE INTO known (device, key) VALUES (?, ?)", device, key)

    def note_journal(self, number: int) -> None:
        """Note up to which record the journal has been looked through."""
        self._do("INSERT OR REPLACE INTO meta VALUES ('journal', ?)", number)

    def new_id(self) -> int:
        """Return an id for a reading that is held."""
        self._next_id += 1
        return self._next_id - 1

    def hold(self, held: HeldReading) -> None:
        """Keep a reading that is not filed, or what is known of it now."""
        self.held[held.id] = held
        self._do("INSERT OR REPLACE INTO held VALUES (?, ?)", held.id, held.dump())

    def drop_held(self, number: int) -> None:
        """Drop a reading that was filed or discarded."""
        if self.held.pop(number, None) is not None:
            self._do("DELETE FROM held WHERE id = ?", number)

    def keep_clock(self, device: str, history: ClockHistory) -> None:
        """Keep what is known of a device's clock."""
        if self.clocks.get(device) != history:
            self.clocks[device] = history
            body = json.dumps(asdict(history))
            self._do("INSERT OR REPLACE INTO clocks VALUES (?, ?)", device, body)

    def forget_clocks(self) -> None:
        """Drop what is known of all clocks: the gateway's own was wrong."""
        self.clocks.clear()
        self._do("DELETE FROM clocks")

    def bind_user(self, device: str, user: int, subject: str | None, now_ns: int) -> None:
        """Bind a user number to ``subject`` from now on, or to nobody."""
        kept = []
        for binding in self.users:
            mine = (binding.device, binding.user) == (device, user) and binding.until_ns is None
            if mine and binding.subject == subject:
                return
            ended = UserBinding(device, user, binding.subject, binding.from_ns, now_ns)
            kept.append(ended if mine else binding)
        self.users = kept
        self._do(
            "UPDATE users SET until_ns = ? WHERE device = ? AND user = ? AND until_ns IS NULL",
            now_ns, device, user,
        )  # fmt: skip
        if subject is not None:
            self.users.append(UserBinding(device, user, subject, now_ns))
            self._do("INSERT INTO users VALUES (?, ?, ?, ?, NULL)", device, user, subject, now_ns)

    def _do(self, statement: str, *values: Any) -> None:
        with self._lock:
            self._pending.append((statement, values))

    def _open(self, path: Path | str) -> sqlite3.Connection:
        """Open the file, a new one when it is damaged, or memory when there is no room for one."""
        self._lasts = True
        for attempt in (path, path, ":memory:"):
            try:
                return self._connect(attempt)
            except sqlite3.OperationalError as error:
                self._note(str(error))
                return self._in_memory(Path(path))
            except sqlite3.DatabaseError as error:
                aside = Path(path).with_name(f"{Path(path).name}.damaged-{time.time_ns()}")
                log.error("%s is damaged (%s); set aside as %s", path, error, aside)
                with suppress(OSError):
                    Path(path).rename(aside)
        raise AssertionError("memory can always be opened")

    def _in_memory(self, path: Path) -> sqlite3.Connection:
        """Return a database with what the file holds, to be written back once there is room."""
        self._lasts = False
        memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        if read_file(path, memory):
            self._file = path
        memory.executescript(SCHEMA)
        return memory

    def _write_out(self, path: Path) -> None:
        """Move what is in memory to the file, if the disk takes it by now."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = self._connect(path)
        except (OSError, sqlite3.Error):
            return
        try:
            write_file(self._connection, connection)
        except sqlite3.Error:
            connection.close()
            return
        self._connection.close()
        self._connection, self._file, self.problem = connection, None, None
        self._lasts = True
        log.warning("readings are remembered over a restart again")

    def _open_again(self) -> None:
        """Open the file again: connections share what a read-only disk made of the first."""
        self._connection.close()
        try:
            self._connection = self._connect(self._path)
        except sqlite3.Error:
            self._connection = self._in_memory(Path(self._path))

    @staticmethod
    def _connect(path: Path | str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, timeout=5.0
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(SCHEMA)
        except BaseException:
            connection.close()
            raise
        return connection

    def _load(self) -> None:
        db = self._connection
        for device, key in db.execute("SELECT device, key FROM known ORDER BY number"):
            self.known.setdefault(device, {})[key] = None
        for number, body in db.execute("SELECT id, body FROM held ORDER BY id"):
            self.held[number] = HeldReading.load(number, body)
        for device, body in db.execute("SELECT device, body FROM clocks"):
            kept = json.loads(body)
            loose = kept["loose"]
            self.clocks[device] = ClockHistory(
                tuple(Setting(**setting) for setting in kept["settings"]),
                None if loose is None else (loose[0], loose[1]),
            )
        self.users = [UserBinding(*row) for row in db.execute("SELECT * FROM users ORDER BY rowid")]
        self._next_id = max(self.held, default=0) + 1

    def _note(self, problem: str) -> None:
        if self.problem is None:
            log.error("readings are not remembered over a restart: %s", problem)
        self.problem = problem
