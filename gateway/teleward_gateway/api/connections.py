"""HTTP connections that cost nothing for long: those that ask nothing make room and end.

1100 connections on which nothing was asked took all file descriptors, and nobody got a page. At
most `MOST_OPEN` stay; a further one ends the oldest that waits for its request. A request that does
not come, header by header or in its body, within `REQUEST_S` ends its connection. What is no HTTP
fills no log.
"""

import asyncio
import logging
import time

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

MOST_OPEN = 512
"""A ward has some 20 pages; the usual limit of file descriptors is 1024."""
REQUEST_S = 10.0
QUIET_S = 60.0


class OnceAMinute(logging.Filter):
    """Passes a warning of the server once a minute, however often somebody causes it."""

    def __init__(self) -> None:
        super().__init__()
        self._passed_s: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether ``record`` is written."""
        now_s = time.monotonic()
        if now_s - self._passed_s.get(str(record.msg), -QUIET_S) < QUIET_S:
            return False
        self._passed_s[str(record.msg)] = now_s
        return True


def _idle_of(server: ServerState) -> "dict[BoundedProtocol, None]":
    """Return the connections of a server that may wait for a request, the oldest first.

    Looking for it among all of them took 190 ms for a burst of 2000 connections.
    """
    idle: dict[BoundedProtocol, None] | None = getattr(server, "idle", None)
    if idle is None:
        idle = {}
        server.idle = idle  # type: ignore[attr-defined]
    return idle


class BoundedProtocol(H11Protocol):
    """uvicorn's HTTP with a longest wait for a request, among a bounded number of connections."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection; the oldest that waits makes room."""
        super().connection_made(transport)
        self._idle = _idle_of(self.server_state)
        self._wait()
        self._timer = self.loop.call_later(REQUEST_S, self._look)
        if len(self.connections) > MOST_OPEN:
            self._make_room()

    def _wait(self) -> None:
        """Begin to wait for a request: the last to make room."""
        self._since_s = time.monotonic()
        self._idle.pop(self, None)
        self._idle[self] = None

    def _make_room(self) -> None:
        """End the oldest connection that waits; at most each of them is looked at once."""
        while self._idle:
            oldest = next(iter(self._idle))
            del self._idle[oldest]  # one that is being answered waits again afterwards
            if oldest.is_waiting():
                oldest.transport.abort()
                return

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection that ended."""
        self._timer.cancel()
        self._idle.pop(self, None)
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Wait for the next request on the same connection."""
        self._wait()
        super().on_response_complete()

    def is_waiting(self) -> bool:
        """Return whether it is open and waits for a request, or for the rest of one."""
        if self.transport.is_closing():
            return False
        cycle = self.cycle
        return cycle is None or cycle.response_complete or cycle.more_body

    def _look(self) -> None:
        """End a connection whose request does not come, and look again later."""
        if self not in self.connections:  # it became a WebSocket, which has pings of its own
            return
        if self.is_waiting() and time.monotonic() - self._since_s >= REQUEST_S - 0.1:
            self.transport.abort()
            return
        self._timer = self.loop.call_later(REQUEST_S, self._look)
