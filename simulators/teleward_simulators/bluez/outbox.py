"""The outbox of the D-Bus facade: property changes sent in order, no faster than the bus takes."""

import asyncio
import select
from collections import deque
from collections.abc import Callable

from dbus_fast.aio import MessageBus


class Outbox:
    """Sends changed values while the bus takes them, in order.

    dbus-fast 5.2 drops the whole connection when the socket is full (its writer takes EAGAIN for
    an error), which 200 notifications at once achieve. A socket that says it is writable has half
    of its buffer free, enough for `AT_ONCE` values.
    """

    AT_ONCE = 8
    AGAIN_S = 0.002

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self._fd = bus._fd or 0
        self._queue: deque[Callable[[], None]] = deque()
        self._waiting = False

    def put(self, send: Callable[[], None]) -> None:
        """Call ``send`` when its turn comes."""
        self._queue.append(send)
        if not self._waiting:
            self._drain()

    def _drain(self) -> None:
        self._waiting = False
        while self._queue:
            if not select.select([], [self._fd], [], 0)[1]:
                self._waiting = True
                asyncio.get_running_loop().call_later(self.AGAIN_S, self._drain)
                return
            for _ in range(min(self.AT_ONCE, len(self._queue))):
                self._queue.popleft()()
