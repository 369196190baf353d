"""When to try a connection again."""

import asyncio
import random
import time

_STEADY_S = 30.0
"""A connection that ended sooner is a failed attempt: two clients of one id would disconnect
each other twice a second without end."""


class Retry:
    """Doubling waits with jitter, from ``first_s`` up to ``longest_s``."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s, self._longest_s = first_s, longest_s
        self._attempt = 0
        self._connected_s: float | None = None

    def connected(self) -> None:
        """Note that an attempt succeeded; how well shows when it ends."""
        self._connected_s = time.monotonic()

    @property
    def is_steady(self) -> bool:
        """Return whether the connection has lasted; one that ends at once is no success."""
        began_s = self._connected_s
        return began_s is not None and time.monotonic() - began_s >= _STEADY_S

    def next_s(self) -> float:
        """Return the seconds to wait after an attempt, or a connection, has ended."""
        if self.is_steady:
            self._attempt = 0
        self._connected_s = None
        wait_s = min(self._longest_s, self._first_s * 2**self._attempt)
        self._attempt = min(self._attempt + 1, 16)
        return float(wait_s * random.uniform(0.5, 1.0))

    async def wait(self) -> None:
        """Wait for the next attempt."""
        await asyncio.sleep(self.next_s())
