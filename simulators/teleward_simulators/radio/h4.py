"""HCI over a socket: the H4 framing of Bluetooth Core 5.4, Vol 4 Part A, as a stream.

    +------+----------------+---------+
    | type | header         | payload |      all little endian
    +------+----------------+---------+
    01 command   opcode u16, length u8
    02 data      handle and flags u16, length u16
    04 event     code u8, length u8

A byte that is no type cannot be skipped safely (there is no check sum): the connection is closed.
Writes are gathered and leave once per turn of the event loop, which costs a busy hub half as much.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from teleward_signal.errors import Invalid

_LAYOUT = {1: (3, 1), 2: (3, 2), 3: (3, 1), 4: (2, 1), 5: (3, 2)}
"""Packet type -> (offset of the length, its size in bytes)."""


class BadPacketType(Invalid):
    """The stream is not HCI."""


class H4Splitter:
    """Cuts a byte stream into HCI packets."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the packets that are complete; raises `BadPacketType`."""
        stream = self._rest + data if self._rest else data
        packets, start, end = [], 0, len(stream)
        while start < end:
            layout = _LAYOUT.get(stream[start])
            if layout is None:
                raise BadPacketType(f"{stream[start]:#04x} is no HCI packet type")
            offset, size = layout
            body = start + offset + size
            if body > end:
                break
            stop = body + int.from_bytes(stream[start + offset : body], "little")
            if stop > end:
                break
            packets.append(stream[start:stop])
            start = stop
        self._rest = stream[start:]
        return packets


class H4Connection(asyncio.Protocol):
    """One end of a socket that carries HCI packets."""

    def __init__(self) -> None:
        self.on_packet: Callable[[bytes], None] = lambda packet: None
        self.on_lost: Callable[[], None] = lambda: None
        self._splitter = H4Splitter()
        self._transport: asyncio.WriteTransport | None = None
        self._queue: list[bytes] = []
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            packets = self._splitter.feed(data)
        except BadPacketType:
            self.close()
            return
        for packet in packets:
            self.on_packet(packet)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.on_lost()

    def send(self, packet: bytes) -> None:
        """Queue ``packet``; it leaves at the end of this turn of the loop."""
        if not self._queue:
            self._loop.call_soon(self._flush)
        self._queue.append(packet)

    def _flush(self) -> None:
        data, self._queue = b"".join(self._queue), []
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Close the socket; idempotent."""
        if self._transport is not None:
            self._transport.abort()


def parse_address(spec: str) -> tuple[str, str, int]:
    """Split ``unix:PATH`` or ``tcp:HOST:PORT`` into (kind, path or host, port)."""
    kind, _, rest = spec.partition(":")
    if kind == "unix" and rest:
        return kind, rest, 0
    host, _, port = rest.rpartition(":")
    if kind == "tcp" and host and port.isdigit():
        return kind, host, int(port)
    raise Invalid(f"{spec!r} is no address: use unix:/path/to.sock or tcp:127.0.0.1:9700")


async def dial(spec: str) -> H4Connection:
    """Connect to the hub at ``spec``; raises OSError when nobody is there."""
    kind, place, port = parse_address(spec)
    loop = asyncio.get_running_loop()
    if kind == "unix":
        _, protocol = await loop.create_unix_connection(H4Connection, place)
    else:
        _, protocol = await loop.create_connection(H4Connection, place, port)
    return protocol


def remove_socket(path: str) -> None:
    """Remove the socket file at ``path``, if there is one."""
    Path(path).unlink(missing_ok=True)


async def listen(spec: str, factory: Callable[[], asyncio.Protocol]) -> tuple[asyncio.Server, str]:
    """Listen at ``spec`` (port 0: any free one); return the server and where it is."""
    kind, place, port = parse_address(spec)
    loop = asyncio.get_running_loop()
    if kind == "unix":
        remove_socket(place)
        mask = os.umask(0o177)
        try:
            server = await loop.create_unix_server(factory, place)
        finally:
            os.umask(mask)
        return server, spec
    server = await loop.create_server(factory, place, port)
    return server, f"tcp:{place}:{server.sockets[0].getsockname()[1]}"
