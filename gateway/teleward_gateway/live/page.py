"""One open page: what it watches, and a queue that forgets rather than grows.

When the page is too slow, its queue is emptied, what was lost is counted, and the page gets the
whole present state instead of the changes that it missed: newest wins.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
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
    """Numerics every two seconds and alarms within half a second, no waves: `live.numbers_only`."""


PERIOD_TICKS = {Rung.FULL: 1, Rung.LEAN: 5, Rung.NUMBERS: 20}


class Page:
    """The queue of one WebSocket; ``subjects`` of ``None`` means all.

    ``past`` are frames of the last sweep: sent once, behind the first whole state. ``lowered`` is
    called when the page goes over to numbers only.
    """

    def __init__(
        self,
        subjects: frozenset[str] | None,
        snapshot: Callable[[int], str],
        past: bytes = b"",
        lowered: Callable[[], None] = lambda: None,
    ) -> None:
        self.subjects = subjects
        self._rung = Rung.FULL
        self._lowered = lowered
        self.dropped = 0
        self._snapshot = snapshot
        self._past = past
        self._queue: deque[str | bytes] = deque()
        self._stale = True
        self._ready = asyncio.Event()
        self._ready.set()

    @property
    def rung(self) -> Rung:
        """How much the page asks for."""
        return self._rung

    @rung.setter
    def rung(self, rung: Rung) -> None:
        before, self._rung = self._rung, rung
        if rung is Rung.NUMBERS and before is not rung:
            self._lowered()
        elif before is Rung.NUMBERS and rung is not before:
            self.refresh()  # what changed since the last turn has no other way

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


class Held:
    """What waits for a page's next turn; at most one second, the slowest rung."""

    __slots__ = ("changes", "frames", "turns")

    def __init__(self) -> None:
        self.turns = 1
        self.changes: list[str] = []
        self.frames: list[bytes] = []

    def add(self, page: Page, changes: Mapping[str, str], frames: Mapping[str, bytes]) -> None:
        self.changes += [text for subject, text in changes.items() if page.watches(subject)]
        self.frames += [frame for subject, frame in frames.items() if page.watches(subject)]
