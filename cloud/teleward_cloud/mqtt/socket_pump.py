"""paho's socket on the asyncio loop: reading, writing, keepalive, and reading held back.

paho offers its socket to foreign loops (``loop_read``, ``loop_write``, ``loop_misc``); with its own
thread every window of messages waits for the interpreter lock to change hands (measured: a third
of the throughput in a busy gateway).

Whatever goes wrong in paho while it reads or writes (a topic that is no UTF-8, a packet that is no
MQTT) ends the connection once: an exception in a reader would come again in each turn of the loop.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from teleward_cloud.mqtt.client import QuickClient

_KEEP_ALIVE_CHECK_S = 1.0
"""paho's own loop looks after its keepalive once a second."""
_QUICK_ACK = getattr(socket, "TCP_QUICKACK", None)
"""Brokers send PUBACKs one by one, each waiting for TCP's answer to the last; an answer that the
kernel delays by 40 ms holds up the end of every batch. Linux forgets it, hence each time."""


class SocketPump:
    """Serves the socket of one client; ``on_error`` gets what went wrong, once."""

    def __init__(self, client: QuickClient, on_error: Callable[[str], None]) -> None:
        self._client = client
        self._on_error = on_error
        self._loop = asyncio.get_running_loop()
        self._keeper: asyncio.TimerHandle | None = None
        self._socket: Any = None
        self._raw: socket.socket | None = None
        self._paused = False

    def attach(self) -> bool:
        """Register the socket with the loop; return whether there is one."""
        client = self._client
        self._socket = client.socket()
        client.on_socket_close = lambda *_: self.detach()
        client.on_socket_register_write = lambda *_: self._want_write(True)
        client.on_socket_unregister_write = lambda *_: self._want_write(False)
        if self._socket is None:
            return False
        # a websocket of paho's wraps the socket whose options these are
        raw = getattr(self._socket, "_socket", self._socket)
        self._raw = raw if isinstance(raw, socket.socket) else None
        if self._raw is not None:
            self._raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop.add_reader(self._socket, self._read)
        self._keep_alive()
        return True

    def detach(self) -> None:
        """Take the socket from the loop and close it; idempotent."""
        if self._keeper is not None:
            self._keeper.cancel()
        connection, self._socket = self._socket, None
        if connection is not None:
            self._loop.remove_reader(connection)
            self._loop.remove_writer(connection)
            connection.close()

    def pause(self) -> None:
        """Stop reading: what the broker sends waits in the network, and then in the broker."""
        if not self._paused and self._socket is not None:
            self._paused = True
            self._loop.remove_reader(self._socket)

    def resume(self) -> None:
        """Read again."""
        if self._paused and self._socket is not None:
            self._paused = False
            self._loop.add_reader(self._socket, self._read)
            self._loop.call_soon(self._read)  # TLS may hold packets that are already decrypted

    def _read(self) -> None:
        if self._socket is None or self._paused:
            return
        if _QUICK_ACK is not None and self._raw is not None:
            self._raw.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)
        self._guard(self._client.loop_read)
        # TLS may hold decrypted packets that the socket no longer announces
        while self._socket is not None and not self._paused and self._pending():
            self._guard(self._client.loop_read)

    def _pending(self) -> int:
        return int(getattr(self._socket, "pending", int)())

    def _want_write(self, wanted: bool) -> None:
        if self._socket is None:
            return
        if wanted:
            self._loop.add_writer(self._socket, self._guard, self._client.loop_write)
        else:
            self._loop.remove_writer(self._socket)

    def _keep_alive(self) -> None:
        self._keeper = self._loop.call_later(_KEEP_ALIVE_CHECK_S, self._keep_alive)
        if self._paused:
            self._client.unread()
        self._guard(self._client.loop_misc)

    def _guard(self, step: Callable[[], Any]) -> None:
        try:
            step()
        except Exception as error:
            self.detach()
            self._on_error(f"{type(error).__name__}: {error}"[:200])
