"""HTTP server: uvicorn on a socket that is open already, or as soon as its port is free."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable

import uvicorn
from starlette.types import ASGIApp

from teleward_gateway.api.connections import BoundedProtocol, OnceAMinute
from teleward_gateway.process.startup import listen_when_free

log = logging.getLogger(__name__)

AGAIN_S = 1.0
ACCEPTED_AT_ONCE = 64
"""Connections that one turn of the event loop accepts, 26 ms at most: asyncio would take as many as
may wait for it, and a burst of them stopped health and everything else for 0.7 s. With 8, those
that wait made health wait longer."""
WAITING = 2048
"""Connections that the system holds until they are accepted."""
HANDSHAKE_S = 10.0
"""The longest greeting of TLS: a connection that never greets costs a file descriptor."""
Listen = Callable[[str, int, str], Awaitable[socket.socket]]


class Server(uvicorn.Server):
    """uvicorn without signal handlers of its own; with ``tls`` it serves HTTPS."""

    def __init__(
        self, app: ASGIApp, listener: socket.socket, tls: ssl.SSLContext | None = None
    ) -> None:
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            lifespan="off",  # the gateway opens and closes its application itself
            http=BoundedProtocol,
            ws="websockets-sansio",
            ws_max_size=2**20,  # as requests; pages send some hundred octets
            ws_per_message_deflate=False,  # wave frames are dense already: it only costs CPU
            timeout_graceful_shutdown=1,
            backlog=ACCEPTED_AT_ONCE,
            ssl_context_factory=None if tls is None else lambda config, default: tls,
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
        if self.config.ssl is None:
            await super().startup(sockets)
        else:
            await self._start_tls(self.config.ssl)
        self._listener.listen(WAITING)  # asyncio takes one number for both

    async def _start_tls(self, tls: ssl.SSLContext) -> None:
        """Begin to serve HTTPS; uvicorn itself sets no limit to the greeting of TLS."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            self._protocol,
            sock=self._listener,
            ssl=tls,
            backlog=self.config.backlog,
            ssl_handshake_timeout=HANDSHAKE_S,
        )
        self.servers, self.started = [server], True

    def _protocol(self) -> BoundedProtocol:
        return BoundedProtocol(self.config, self.server_state, {})

    def stop(self) -> None:
        """End serving soon."""
        self.should_exit = True


class Pages:
    """Serves an application at an address, from when its port is free until `stop`.

    ``setting`` is the key of the port in the settings file, ``tls`` makes it HTTPS.
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        *,
        setting: str = "api.port",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._app, self._host, self.port = app, host, port
        self._setting, self._tls = setting, tls
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
        listener = await listen(self._host, self.port, self._setting)
        try:
            host, port = listener.getsockname()[:2]
            self.port = port  # a port chosen by the system stays the same
            scheme = "http" if self._tls is None else "https"
            self.address = (
                f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
            )
            self._server = Server(self._app, listener, self._tls)
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
        waiting = self._failure or f"port {self.port} on {self._host} is in use by another program"
        served = self._server is not None
        return {"ok": served, "error": None if served else waiting, "address": self.address}
