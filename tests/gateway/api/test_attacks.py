"""Attacks on the served API, each as raw bytes: refused with the status, and the ward goes on.

row            what somebody sends
rebinding      a name that was made to point here, odd Host headers
cross-site     a page from elsewhere that writes
traversal      a path out of the folder of the pages
injection      headers and log lines inside of values
numbers        1e999, NaN, numbers of a thousand digits
depth          JSON that nests 200,000 deep, compressed bodies, bodies without end
WebSocket      foreign pages, nesting, binary, a flood
"""

import asyncio
import json
import logging
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from teleward_gateway.api import connections
from teleward_gateway.api.factory import create_app
from teleward_gateway.api.server import ACCEPTED_AT_ONCE, Pages
from teleward_gateway.testing.ward_feed import WardFeed

OWN = "Host: 127.0.0.1\r\n"
JSON = "Content-Type: application/json\r\n"
OBSERVE = "POST /api/v1/subjects/sim-01/observations HTTP/1.1\r\n"
PAUSE = "POST /api/v1/subjects/sim-01/audio-pause HTTP/1.1\r\n"


def post(start: str, body: str, headers: str = OWN + JSON) -> bytes:
    """Return a request with a body."""
    content = body.encode("utf-8", "surrogatepass")
    return f"{start}{headers}Content-Length: {len(content)}\r\n\r\n".encode("latin-1") + content


def get(path: str, headers: str = OWN) -> bytes:
    return f"GET {path} HTTP/1.1\r\n{headers}\r\n".encode("latin-1")


def value(number: str) -> str:
    return f'{{"author": "x", "readings": [{{"metric": "heart_rate", "value": {number}}}]}}'


PAUSED = '{"author": "x", "duration_s": 1}'
ATTACKS: list[tuple[str, bytes, set[int]]] = [
    *[(f"rebinding {host!r}", get("/api/v1/alarms", f"Host: {host}\r\n"), {400, 403})
      for host in ("evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "",
                   "127.0.0.1 evil", "[::1", "0.0.0.0", "2130706433", "localhost.evil")],
    ("rebinding without Host", get("/api/v1/alarms", ""), {400, 403}),
    ("rebinding by two Hosts", get("/api/v1/alarms", OWN + "Host: evil.example\r\n"), {400, 403}),
    *[(f"cross-site {origin}", post(PAUSE, PAUSED, f"{OWN}{JSON}Origin: {origin}\r\n"), {403})
      for origin in ("http://evil.example", "null", "http://127.0.0.1.evil.example",
                     "http://127.0.0.1:1", "file://127.0.0.1", "http://evil.example@127.0.0.1")],
    ("cross-site form", post(PAUSE, "author=x&duration_s=1",
                             OWN + "Content-Type: text/plain\r\n"), {415, 422}),
    *[(f"traversal {path}", get(path), {307, 400, 404, 422})
      for path in ("/static/../../../../etc/passwd", "/static/%2e%2e/%2e%2e/etc/passwd",
                   "/assets/..%2f..%2fetc/passwd", "//etc/passwd", "/static/....//etc/passwd",
                   "/bed/..%2f..%2fetc%2fpasswd%00", "/api/v1/subjects/..%2F..%2Fetc/trends/x",
                   "/static/%00", "/static/\\..\\..\\etc\\passwd")],
    ("injection of headers", get("/bed/x%0d%0aSet-Cookie:%20a=b"), {200, 400, 404}),
    ("injection of log lines", get("/api/v1/subjects/x%0aERROR%20root:%20all%20lost/alarms"),
     {404, 422}),
    *[(f"number {number[:8]}", post(OBSERVE, value(number)), {400, 422})
      for number in ("1e999", "-1e999", "NaN", "Infinity", "9" * 1000, "1e308", '"1e999"', "true",
                     "[]", "null", '{"a": 1}')],
    ("time 1e999", get("/api/v1/subjects/sim-01/observations?start_ns=1e999"), {422}),
    ("time of a thousand digits",
     get("/api/v1/subjects/sim-01/observations?start_ns=" + "9" * 1000), {422}),
    ("limit 1e9", get("/api/v1/subjects/sim-01/observations?limit=1000000000"), {422}),
    ("surrogates", post(OBSERVE, '{"author": "\\ud800", "readings": [{"metric": "heart_rate",'
                                 ' "value": 70}]}'), {201, 422}),
    ("NUL", post(OBSERVE, '{"author": "a\\u0000b", "readings": []}'), {422}),
    ("deep lists", post(OBSERVE, "[" * 200_000), {400, 422}),
    ("deep objects", post(OBSERVE, '{"a":' * 100_000), {400, 422}),
    ("too large", post(OBSERVE, " " * (2**20 + 1)), {413}),
    ("chunked without end", f"{OBSERVE}{OWN}{JSON}Transfer-Encoding: chunked\r\n\r\n".encode(),
     {413}),
    ("compressed", post(OBSERVE, "\x1f\x8b\x08",
                        f"{OWN}{JSON}Content-Encoding: gzip\r\n"), {400, 415, 422}),
    ("negative length", f"{OBSERVE}{OWN}Content-Length: -1\r\n\r\n".encode(), {400, 413}),
    ("two lengths", f"{OBSERVE}{OWN}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{{".encode(),
     {400, 413}),
    ("smuggling", f"{OBSERVE}{OWN}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
     .encode(), {400, 413}),
    ("header of 1 MB", get("/", f"{OWN}X: {'a' * 1_000_000}\r\n"), {0, 400, 431}),
    ("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", {400}),
]  # fmt: skip


@pytest.fixture
async def pages() -> AsyncIterator[Pages]:
    """The gateway's own server with a ward behind it."""
    pages = Pages(create_app(WardFeed(1)), "127.0.0.1", 0)
    serving = asyncio.create_task(pages.run())
    await pages.listening()
    yield pages
    pages.stop()
    await serving


async def sent(pages: Pages, request: bytes) -> tuple[int, bytes]:
    """Send bytes as they are; return the status and the whole answer, 0 for none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(pages))
    try:
        writer.write(request)
        await writer.drain()
        async with asyncio.timeout(10):
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.read(4096)
    except (asyncio.IncompleteReadError, ConnectionError):
        return 0, b""
    finally:
        writer.close()
    return int(head.split()[1]), head + body


def port_of(pages: Pages) -> int:
    return int(pages.address.rpartition(":")[2])


async def test_attacks_are_refused_and_the_ward_goes_on(
    pages: Pages, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = []
    with caplog.at_level(logging.WARNING):
        for name, request, allowed in ATTACKS:
            status, answer = await sent(pages, request)
            if status not in allowed or b"Set-Cookie" in answer or b"root:x:0" in answer:
                wrong.append((name, status, answer[:200]))
            status, answer = await sent(pages, get("/api/v1/alarms", OWN + "Connection: close\r\n"))
            assert status == 200, f"after {name}"
    assert wrong == []
    assert len(caplog.records) <= 2, "what is no HTTP is one line a minute"


NONSENSE: list[str | bytes] = [
    *("[" * 1000, "{" * 4000, '{"type":' * 500, "null", "1e999", "\0", "x" * 9000),
    *(b"\xff\xfe", b"", '{"type": "refresh", "subject": {}}'),
]


async def to_the_end(page: ClientConnection, message: str) -> None:
    """Send a message and read until the server closes the stream."""
    await page.send(message)
    async with asyncio.timeout(10):
        while True:
            await page.recv()


async def test_a_page_that_sends_nonsense_keeps_its_stream(pages: Pages) -> None:
    """Nesting ended the page with a traceback; foreign pages get no stream (`test_security`)."""
    async with connect(f"ws://127.0.0.1:{port_of(pages)}/api/v1/stream") as page:
        assert json.loads(await page.recv())["type"] == "hello"
        for nonsense in NONSENSE:
            await page.send(nonsense)
        for _ in range(500):
            await page.send("{}")
        async with asyncio.timeout(10):
            assert await page.recv()
            assert await (await page.ping()) >= 0
        with pytest.raises(ConnectionClosed) as closed:
            await to_the_end(page, "x" * (2**20 + 1))
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == CloseCode.MESSAGE_TOO_BIG


async def test_a_burst_of_connections_is_taken_a_few_a_turn(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """asyncio accepted all that waited in one turn of the loop: nothing else ran for 0.7 s."""
    taken = []
    made = connections.BoundedProtocol.connection_made

    def count(self: connections.BoundedProtocol, transport: asyncio.Transport) -> None:
        taken.append(turn)
        made(self, transport)

    monkeypatch.setattr(connections.BoundedProtocol, "connection_made", count)
    turn, burst = 0, 200
    held = [socket.create_connection(("127.0.0.1", port_of(pages))) for _ in range(burst)]
    try:
        async with asyncio.timeout(60):
            while len(taken) < burst:
                turn += 1
                await asyncio.sleep(0)
    finally:
        for each in held:
            each.close()
    assert max(Counter(taken).values()) <= 2 * ACCEPTED_AT_ONCE


async def test_connections_that_ask_nothing_make_room(
    pages: Pages, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """1100 half-open connections left no file descriptors, and 60 MB of log in 80 s."""
    monkeypatch.setattr(connections, "MOST_OPEN", 64)
    monkeypatch.setattr(connections, "REQUEST_S", 1.0)
    loop, held = asyncio.get_running_loop(), []
    try:
        for n in range(300):
            half = socket.create_connection(("127.0.0.1", port_of(pages)))
            half.setblocking(False)
            if n % 3 == 1:
                await loop.sock_sendall(half, b"GET /ward HTTP/1.1\r\nHost: 127")
            elif n % 3 == 2:
                await loop.sock_sendall(half, f"{OBSERVE}{OWN}Content-Length: 9\r\n\r\n{{".encode())
            held.append(half)
            if n % 30 == 0:
                begin_s = time.monotonic()
                status, _ = await sent(pages, get("/health/live", OWN + "Connection: close\r\n"))
                assert status in (200, 404)
                print(f"{n} half-open: {1000 * (time.monotonic() - begin_s):.0f} ms")
        server = pages._server
        assert server is not None
        assert len(server.server_state.connections) <= 66
        async with asyncio.timeout(10):  # slow headers and bodies end too
            while server.server_state.connections:
                await asyncio.sleep(0.1)
    finally:
        for half in held:
            half.close()
    assert sum(len(record.getMessage()) for record in caplog.records) < 20_000
