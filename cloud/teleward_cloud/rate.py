"""A token bucket: how fast a backlog may flow."""

import asyncio
import time


class Rate:
    """Token bucket: ``per_s`` tokens a second, with a burst of a tenth of a second."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._burst = max(1.0, per_s / 10)
        self._tokens = self._burst
        self._at_s = time.monotonic()

    async def take(self, tokens: float) -> None:
        """Wait until ``tokens`` are there, and take them; more than the burst becomes a debt."""
        now_s = time.monotonic()
        earned = (now_s - self._at_s) * self._per_s
        self._tokens = min(self._burst, self._tokens + earned) - tokens
        self._at_s = now_s
        if self._tokens < 0:
            await asyncio.sleep(-self._tokens / self._per_s)
