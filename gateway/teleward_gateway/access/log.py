"""The access log: who saw and did what, append-only, written beside the requests."""

import asyncio
import logging
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from teleward_gateway.access.database import LOG_ROWS, AccessFile

log = logging.getLogger(__name__)

WRITE_S = 0.5
VIEW_S = 3600.0
"""What somebody looks at is written once an hour."""
MOST_WAITING = 10_000
MOST_VIEWS = 4096


@dataclass(frozen=True, slots=True)
class Access:
    """One line: who, from where, what, of whom; ``answer`` is the HTTP status, 0 for none."""

    time_s: float
    name: str
    role: str
    address: str
    action: str
    subject: str = ""
    answer: int = 0


def shown(text: str) -> str:
    """Return at most 120 characters of what others sent, none of which moves a cursor."""
    return "".join(c if c.isprintable() else "?" for c in text[:120])


class AccessLog:
    """Writes lines in a task of its own; no request waits for the disk."""

    def __init__(self, file: AccessFile, now_s: Callable[[], float] = time.time) -> None:
        self._file, self._now_s = file, now_s
        self._waiting: list[Access] = []
        self._views: OrderedDict[tuple[str, ...], float] = OrderedDict()
        self.lost = 0
        self.error: str | None = None

    def note(
        self, name: str, role: str, address: str, action: str, subject: str = "", answer: int = 0
    ) -> None:
        """Keep one line."""
        if len(self._waiting) >= MOST_WAITING:
            self.lost += 1
            return
        who, action, subject = shown(name), shown(action), shown(subject)
        self._waiting.append(Access(self._now_s(), who, role, address, action, subject, answer))

    def view(self, name: str, role: str, address: str, action: str, subject: str) -> None:
        """Keep that somebody looked at something, once in `VIEW_S`."""
        key, now_s = (name, role, address, action, subject), time.monotonic()
        if now_s - self._views.get(key, -VIEW_S) < VIEW_S:
            return
        self._views[key] = now_s
        self._views.move_to_end(key)
        if len(self._views) > MOST_VIEWS:
            self._views.popitem(last=False)
        self.note(name, role, address, action, subject)

    def write(self) -> None:
        """Write what waits; blocks. A disk that takes nothing keeps it waiting."""
        batch = self._waiting[:]
        if not batch:
            return
        rows = [(a.time_s, a.name, a.role, a.address, a.action, a.subject, a.answer) for a in batch]
        try:
            with self._file.transaction() as database:
                database.executemany(
                    "INSERT INTO log (time_s, name, role, address, action, subject, answer)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    rows,
                )
                database.execute(
                    "DELETE FROM log WHERE number <= (SELECT max(number) FROM log) - ?", (LOG_ROWS,)
                )
        except sqlite3.Error as error:
            if self.error is None:
                log.warning("the access log cannot be written: %s", error)
            self.error = f"the access log cannot be written: {error}"
            return
        self.error = None
        del self._waiting[: len(batch)]

    async def run(self) -> None:
        """Write twice a second."""
        while True:
            await asyncio.sleep(WRITE_S)
            await asyncio.to_thread(self.write)

    def read(self, before: int | None = None, limit: int = 200) -> list[tuple[int, Access]]:
        """Return lines and their numbers, the newest first, before number ``before``; blocks."""
        rows = self._file.read(
            "SELECT * FROM log WHERE number < ? ORDER BY number DESC LIMIT ?",
            (before if before is not None else 2**62, limit),
        )
        return [(row["number"], Access(*tuple(row)[1:])) for row in rows]
