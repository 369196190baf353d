"""One open page: what it watches, and a queue that forgets rather than grows.

When the page is too slow, its queue is emptied, what was lost is counted, and the page gets the
whole present state instead of the changes that it missed: newest wins.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from enum import StrEnum

QUEUE_LIMIT = 40
"""Messages that wait for a slow page: 2 s of text and waves at 10 ticks a second."""


class Rung(StrEnum):
    """How much a page asks for; it climbs down on a poor link."""

    FULL = "full"
    """Waves ten times a second."""
    LEAN = "lean"
    """The same waves, gathered twice a second: fewer, larger messages."""
    NUMBERS = "numbers"
    """Numerics and alarms once a second, no waves."""


PERIOD_TICKS = {Rung.FULL: 1, Rung.LEAN: 5, Rung.NUMBERS: 10}


class Page:
    """The queue of one WebSocket; ``subjects`` of ``None`` means all.

    ``past`` are frames of the last sweep: sent once, behind the first whole state.
    """

    def __init__(
        self, subjects: frozenset[str] | None, snapshot: Callable[[int], str], past: bytes = b""
    ) -> None:
        self.subjects = subjects
        self.rung = Rung.FULL
        self.dropped = 0
        self._snapshot = snapshot
        self._past = past
        self._queue: deque[str | bytes] = deque()
        self._stale = True
        self._ready = asyncio.Event()
        self._ready.set()

    def watches(self, subject: str) -> bool:
        """Return whether the page shows ``subject``."""
        return self.subjects is None or subject in self.subjects

    def put(self, message: str | bytes) -> None:
        """Queue a message; a full queue is emptied and counted instead."""
        if self._stale and not self._queue:
            self._ready.set()
            return
        if len(self._queue) >= QUEUE_LIMIT:
            self.dropped += len(self._queue) + 1
            self._queue.clear()
            self._stale = True
        else:
            self._queue.append(message)
        self._ready.set()

    def refresh(self) -> None:
        """Send the whole state again, in place of what waits."""
        self._queue.clear()
        self._stale = True
        self._ready.set()

    async def next(self) -> str | bytes:
        """Return the next message to send."""
        while True:
            if self._stale:
                self._stale = False
                past, self._past = self._past, b""
                if past:
                    self._queue.appendleft(past)
                return self._snapshot(self.dropped)
            if self._queue:
                return self._queue.popleft()
            self._ready.clear()
            await self._ready.wait()
