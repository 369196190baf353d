"""The InfluxDB sink before servers that answer in bytes of their own making."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest

from teleward_cloud.influx.settings import InfluxSettings
from teleward_cloud.influx.sink import InfluxSink
from teleward_cloud.sink import Delivery
from teleward_signal.model import Provenance
from teleward_signal.record import Record

Make = Callable[..., Record]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def answered(serve: Serve, record: Record) -> Delivery:
    """Return what a sink makes of a server's answer to one record."""
    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    settings = InfluxSettings(url=f"http://127.0.0.1:{port}", timeout_s=20)
    sink = InfluxSink(settings, provenance=Provenance.SIMULATED)
    await sink.open()
    try:
        return await sink.send([record], live=True)
    finally:
        await sink.close()
        listening.close()


ANSWERS = {
    "204": (b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", True),
    "204 with a body": (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", False),
    "status cut off": (b"HTTP/1.1 20", False),
    "head cut off": (b"HTTP/1.1 204 No Content\r\nDat", False),
    "body cut off": (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}", False),
    "error cut off": (b'HTTP/1.1 400 Bad\r\nContent-Length: 99\r\n\r\n{"code":"inv', False),
    "four digits": (b"HTTP/1.1 2040 No Content\r\n\r\n", False),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2p1\r\n", False),
    "nothing": (b"", False),
    "two answers": (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /\r\n\r\n"
                    b"HTTP/1.1 204 No Content\r\n\r\n", False),
    "answer of a cache": (b"HTTP/1.1 304 Not Modified\r\n\r\n", False),
    "parts": (b"HTTP/1.1 207 Multi-Status\r\nContent-Length: 0\r\n\r\n", False),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
async def test_nothing_but_a_whole_204_is_an_acknowledgement(record: Make, name: str) -> None:
    content, stored = ANSWERS[name]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(content)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()

    answer = await answered(serve, record(1))
    assert answer.acknowledged == ((record(1).id,) if stored else ())
    assert answer.rejected == ()
    assert stored or answer.error


async def test_an_answer_without_end_costs_neither_memory_nor_records(record: Make) -> None:
    """A login page that goes on and on; only its beginning is read, and nothing decompressed."""
    sent, asked = 0, b""

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent, asked
        asked = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Busy\r\nContent-Type: text/html\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while sent < 1 << 26:
                writer.write(b"<p>log in</p>" * 5000)
                await writer.drain()
                sent += 65_000
        writer.close()

    answer = await answered(endless, record(1))
    assert (answer.acknowledged, answer.rejected) == ((), ())
    assert "503" in (answer.error or "")
    assert sent < 1 << 25
    assert b"Accept-Encoding: identity" in asked
