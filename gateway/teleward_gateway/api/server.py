"""HTTP server: uvicorn on a socket that is open already, or as soon as its port is free."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable

import uvicorn
from starlette.types import ASGIApp

from teleward_gateway.api.connections import BoundedProtocol, OnceAMinute
from teleward_gateway.process.startup import listen_when_free

log = logging.getLogger(__name__)

AGAIN_S = 1.0
ACCEPTED_AT_ONCE = 8
"""Connections that one turn of the event loop accepts, 2 ms: asyncio would take as many as may wait
for it, and a burst of them stopped health and everything else for a second."""
WAITING = 2048
"""Connections that the system holds until they are accepted."""
Listen = Callable[[str, int], Awaitable[socket.socket]]


class Server(uvicorn.Server):
    """uvicorn without signal handlers of its own."""

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            lifespan="off",  # the gateway opens and closes its application itself
            http=BoundedProtocol,
            ws="websockets-sansio",
            ws_per_message_deflate=False,  # wave frames are dense already: it only costs CPU
            timeout_graceful_shutdown=1,
            backlog=ACCEPTED_AT_ONCE,
        )
        super().__init__(config)
        noisy = logging.getLogger("uvicorn.error")
        if not any(isinstance(known, OnceAMinute) for known in noisy.filters):
            noisy.addFilter(OnceAMinute())
        self._listener = listener

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until `stop`."""
        await self._serve([self._listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept, a few connections a turn, while many may wait."""
        await super().startup(sockets)
        self._listener.listen(WAITING)  # asyncio takes one number for both

    def stop(self) -> None:
        """End serving soon."""
        self.should_exit = True


class Pages:
    """Serves an application at an address, from when its port is free until `stop`."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self._app, self._host, self._port = app, host, port
        self._server: Server | None = None
        self._listening = asyncio.Event()
        self._stopped = False
        self._failure: str | None = None
        self.address = ""

    async def run(self, listen: Listen = listen_when_free) -> None:
        """Serve until `stop`; a server that fails is started again."""
        while not self._stopped:
            try:
                await self._serve(listen)
            except Exception as error:
                self._failure = f"{type(error).__name__}: {error}"
                log.exception("pages and API failed; started again")
                await asyncio.sleep(AGAIN_S)

    async def _serve(self, listen: Listen) -> None:
        listener = await listen(self._host, self._port)
        try:
            host, port = listener.getsockname()[:2]
            self._port = port  # a port chosen by the system stays the same
            self.address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
            self._server = Server(self._app, listener)
            self._listening.set()
            if not self._stopped:
                await self._server.serve()
            self._failure = None
        finally:
            self._server = None
            listener.close()

    async def listening(self) -> str:
        """Return the address, once it is served."""
        await self._listening.wait()
        return self.address

    def stop(self) -> None:
        """End serving soon."""
        self._stopped = True
        if self._server is not None:
            self._server.stop()

    def health(self) -> dict[str, object]:
        """Return whether pages are served, and where."""
        waiting = self._failure or f"port {self._port} on {self._host} is in use by another program"
        served = self._server is not None
        return {"ok": served, "error": None if served else waiting, "address": self.address}
