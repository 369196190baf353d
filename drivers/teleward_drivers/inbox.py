"""Where a link puts what arrives until the session reads it: bounded, the oldest goes first."""

import asyncio
import time
from collections import deque

from teleward_drivers.errors import LinkError
from teleward_drivers.link import Received

CAPACITY = 1024
"""Pieces kept: 8 s of a device that notifies 130 times a second, far above any stall of the loop
that still counts as running."""


class Inbox:
    """One reader, fed from callbacks of the loop's thread.

    What arrived before the end of the link is read before the end is raised: a cuff sends its
    result and hangs up at once. ``n_overflowed`` counts pieces thrown away because nobody read.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.n_overflowed = 0
        self._pieces: deque[Received] = deque()
        self._capacity = capacity
        self._end: LinkError | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def ended(self) -> LinkError | None:
        """Why the link is over, or None while it lives."""
        return self._end

    def put(self, data: bytes, channel: str = "") -> None:
        """Stamp and keep ``data``; after the end nothing is kept."""
        if self._end is not None or not data:
            return
        if len(self._pieces) >= self._capacity:
            self._pieces.popleft()
            self.n_overflowed += 1
        self._pieces.append(Received(data, time.time_ns(), time.monotonic_ns(), channel))
        self._wake()

    def end(self, error: LinkError) -> None:
        """Have `get` raise ``error`` once everything that arrived is read; the first end counts."""
        if self._end is None:
            self._end = error
            self._wake()

    async def get(self) -> Received:
        """Return the oldest piece, waiting for one if needed."""
        while not self._pieces:
            if self._end is not None:
                raise self._end
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._pieces.popleft()

    def last(self, channel: str) -> Received | None:
        """Return the newest unread piece of ``channel``."""
        return next((p for p in reversed(self._pieces) if p.channel == channel), None)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
