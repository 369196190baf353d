"""Records that damage destroyed: health is degraded, and each bed has an alarm, until it is read.

A journal that heals itself goes on as if nothing had been; who looks at its history later must know
that some of it is gone. A person reads the notice by acknowledging the alarm of any bed, or by
`POST /api/v1/losses/read`. What was read is remembered beside the journal.
"""

import asyncio
import json
import logging
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from teleward_gateway.journal.audit import Audit
from teleward_gateway.process.startup import in_daemon_thread
from teleward_gateway.ward.ward_state import WardState
from teleward_signal.alarms.board import AlarmBoard
from teleward_signal.model import Presence

log = logging.getLogger(__name__)

CONDITION = "records_lost"
STOP_S = 2.0
"""A disk that takes longer does not hold the stop: the notice is shown again at the next start."""


class LossNotice:
    """Watches the journal's count of destroyed records; belongs to the event loop."""

    def __init__(
        self,
        path: Path,
        damaged: Callable[[], int],
        subjects: Callable[[], Iterable[str]],
        board: AlarmBoard,
        state: WardState,
        audit: Audit,
    ) -> None:
        self._path, self._damaged, self._subjects = path, damaged, subjects
        self._board, self._state, self._audit = board, state, audit
        self._read = _load(path)
        self._alarmed: set[str] = set()
        self._saving: asyncio.Task[None] | None = None

    @property
    def unread(self) -> int:
        """Records lost since a person last read of it; a new journal counts from zero."""
        damaged = self._damaged()
        return damaged - self._read if damaged >= self._read else damaged

    def health(self) -> dict[str, Any]:
        """Return what nobody has read yet."""
        count, error = self.unread, None
        if count:
            error = f"{_text(count)}; acknowledge the alarm of a bed once you have read this"
        return {"ok": not count, "error": error, "unread_records": count}

    def read(self, author: str) -> int:
        """Remember that ``author`` read the notice; return of how many records."""
        count, self._read = self.unread, self._damaged()
        if count:
            self._audit.note("read of lost records", author, records=count)
            if self._saving is None or self._saving.done():
                self._saving = asyncio.get_running_loop().create_task(self._save())
        self.tick()
        return count

    def tick(self) -> None:
        """Raise the alarm on beds that lack it, end it once somebody has acknowledged it."""
        if self.unread and (author := self._acknowledged()) is not None:
            self.read(author)
            return
        if not self.unread:
            for subject in self._alarmed:
                self._state.technical(subject, CONDITION, False, "")
            self._alarmed = set()
            return
        there = set(self._subjects())
        for subject in there - self._alarmed:
            self._state.technical(subject, CONDITION, True, _text(self.unread))
        self._alarmed = there

    def _acknowledged(self) -> str | None:
        for subject in self._alarmed:
            for event in self._board.active(subject):
                if event.condition == CONDITION and event.presence is Presence.ACKNOWLEDGED:
                    return event.author or "unknown"
        return None

    async def close(self) -> None:
        """Wait until what was read is remembered, but not for a disk that hangs."""
        if self._saving is not None:
            await asyncio.wait([self._saving], timeout=STOP_S)
            self._saving.cancel()

    async def _save(self) -> None:
        """Write the newest count beside the event loop: a slow disk holds no tick."""
        written = -1
        while written != self._read:
            written = self._read
            await in_daemon_thread(partial(_write, self._path, written))


def _write(path: Path, count: int) -> None:
    new = path.with_suffix(".new")
    try:
        new.write_text(json.dumps({"read": count}), encoding="ascii")
        os.replace(new, path)
    except OSError as error:
        log.warning("%s cannot be written: %s", path.name, error.strerror)


def _text(count: int) -> str:
    return f"{count} record{'s' if count > 1 else ''} lost to a damaged disk"


def _load(path: Path) -> int:
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        return max(0, int(json.loads(path.read_text(encoding="ascii"))["read"]))
    return 0
