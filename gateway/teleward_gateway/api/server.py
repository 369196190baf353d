"""The HTTP server: uvicorn on a socket that is already open."""

import socket

import uvicorn
from fastapi import FastAPI


class Server(uvicorn.Server):
    """uvicorn on a socket that we opened, without its own signal handlers."""

    def __init__(self, app: FastAPI, listener: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            ws="websockets-sansio",
            ws_per_message_deflate=False,  # wave frames are dense already: it only costs CPU
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)
        self._listener = listener

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until `stop`."""
        await self._serve([self._listener])

    def stop(self) -> None:
        """End serving soon."""
        self.should_exit = True
