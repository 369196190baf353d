"""A limit on wrong codes of rooms, so that six letters cannot be tried until one fits."""

import time
from collections import OrderedDict
from collections.abc import Callable

from teleward_signal.errors import TooMany

BURST = 20
"""Wrong codes at once: a class that mistypes."""
PER_S = 0.5
"""Wrong codes a second for good; 40 rooms among a thousand million codes then take years."""
_MOST_CLIENTS = 1024


class CodeGuard:
    """Counts wrong codes by the address of who tries them."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def check(self, client: str) -> None:
        """Raise TooMany when ``client`` has tried too many wrong codes, whatever comes now."""
        if self._left(client) < 1.0:
            raise TooMany("too many wrong codes from here; try again in a few seconds")

    def wrong(self, client: str) -> None:
        """Count a wrong code."""
        left = self._left(client) - 1.0
        self._spent[client] = (left, self._now_s())
        self._spent.move_to_end(client)
        if len(self._spent) > _MOST_CLIENTS:
            self._spent.popitem(last=False)

    def _left(self, client: str) -> float:
        left, at_s = self._spent.get(client, (float(BURST), self._now_s()))
        return min(float(BURST), left + (self._now_s() - at_s) * PER_S)
