"""How many messages a second a broker gets: what is set, what its service allows, what it bears."""

import asyncio
import time

_LOWEST_PER_S = 0.5
"""One message of all subjects every two seconds: slower would only build a backlog."""
_RECOVER_S = 60.0
"""After so long without a complaint the pace rises by a fifth."""
_BURST_SHARE = 0.1
"""What of a second's messages may go at once; the rest is spread, so that no second has more."""


class Pace:
    """A limit of messages a second that halves when the broker complains; ``None``: no limit."""

    def __init__(self, per_s: float | None) -> None:
        self._most = per_s
        self._per_s = per_s
        self._tokens = self._burst
        self._at_s = self._changed_s = time.monotonic()
        self._window: list[float] = [0.0, 0.0]

    @property
    def per_s(self) -> float | None:
        """The limit now."""
        return self._per_s

    @property
    def _burst(self) -> float:
        return max(1.0, (self._per_s or 0.0) * _BURST_SHARE)

    async def take(self) -> None:
        """Wait until one more message may go."""
        self._earn()
        self._tokens -= 1.0
        if self._tokens < 0 and self._per_s is not None:
            await asyncio.sleep(-self._tokens / (self._per_s * (1.0 - _BURST_SHARE)))

    def spare(self, wanted: int) -> int:
        """Return how many of ``wanted`` messages beside the records may go now, and count them."""
        self._earn()
        if self._per_s is None:
            return wanted
        granted = min(wanted, max(0, int(self._tokens)))
        self._tokens -= granted
        return granted

    def _earn(self) -> None:
        now_s = time.monotonic()
        self._count(now_s)
        if self._per_s is None:
            self._tokens = 1.0
            return
        if now_s - self._changed_s >= _RECOVER_S:
            self._recover(now_s)
        rate = (self._per_s or 0.0) * (1.0 - _BURST_SHARE)
        self._tokens = min(self._burst, self._tokens + (now_s - self._at_s) * rate)
        self._at_s = now_s

    def slower(self) -> None:
        """Halve the pace: the broker reports that messages come too fast."""
        now_s = time.monotonic()
        if now_s - self._changed_s < 1.0 and self._per_s is not None:
            return  # the answers to one burst are one complaint
        recent = self._per_s or max(self._window[1] - self._window[0], 2.0)
        self._per_s = max(_LOWEST_PER_S, recent / 2)
        self._tokens, self._at_s, self._changed_s = 0.0, now_s, now_s

    def _recover(self, now_s: float) -> None:
        self._changed_s = now_s
        faster = (self._per_s or 0.0) * 1.2
        if self._most is not None:
            self._per_s = min(self._most, faster)
        else:
            self._per_s = faster if faster < 1000.0 else None

    def _count(self, now_s: float) -> None:
        """Count the messages of this second, from which a first complaint is judged."""
        second = float(int(now_s))
        if self._window[0] != second:
            self._window = [second, second]
        self._window[1] += 1.0
