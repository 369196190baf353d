"""The HL7 sink at a listener that refuses, loses and stalls, and at node-hl7-server."""

import asyncio
import json
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from teleward_cloud.hl7.settings import Hl7Settings
from teleward_cloud.hl7.sink import Hl7Sink
from teleward_gateway.testing.servers import Server, free_port
from teleward_signal.model import Provenance
from teleward_signal.record import Record
from tests.cloud.fhir.judges import node
from tests.cloud.fhir.samples import made, value


class Listener:
    """Takes messages and answers by ``script``: a code, "lost", "late" or "noise"."""

    def __init__(self) -> None:
        self.script: deque[str] = deque()
        self.taken: list[list[str]] = []
        self.refuse = ""
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen at a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and every connection."""
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0)

    def identities(self) -> Counter[str]:
        """Return how often each record was taken."""
        return Counter(
            line.split("|")[21].split("^")[0]
            for lines in self.taken
            for line in lines
            if line.startswith("OBX") and line.count("|") > 20
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                frame = await reader.readuntil(b"\x1c\r")
                lines = frame.strip(b"\x0b\x1c\r").decode().split("\r")
                identity = lines[0].split("|")[9]
                what = self.script.popleft() if self.script else "AA"
                if self.refuse and any(self.refuse in line for line in lines):
                    what = "AE"
                if what in ("AA", "CA", "lost", "noise"):
                    self.taken.append(lines)
                if what == "lost":
                    return writer.transport.abort()
                text = "|bad value" if what == "AE" else ""
                head = b"\x0bMSH|^~\\&|x\rMSA|AA|an older one\r\x1c\r" if what == "noise" else b""
                code = "AA" if what == "noise" else what
                writer.write(
                    head + f"\x0bMSH|^~\\&|x\rMSA|{code}|{identity}{text}\r\x1c\r".encode()
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    listener = Listener()
    await listener.start()
    yield listener
    await listener.stop()


@asynccontextmanager
async def opened(port: int, **settings: Any) -> AsyncIterator[Hl7Sink]:
    """Yield a sink of a simulated ward."""
    options: dict[str, Any] = {"host": "127.0.0.1", "port": port, "batch": 10} | settings
    sink = Hl7Sink(Hl7Settings(**options), provenance=Provenance.SIMULATED)
    await sink.open()
    try:
        yield sink
    finally:
        await sink.close()


async def test_only_an_answer_acknowledges_and_repeats_carry_their_identity(
    listener: Listener,
) -> None:
    records = [made(n) for n in range(60)]
    listener.script.extend(["AA", "lost", "CA", "noise", "lost"])
    async with opened(listener.port) as sink:
        settled: set[Any] = set()
        for _ in range(6):
            answer = await sink.send([r for r in records if r.id not in settled], live=True)
            settled |= set(answer.acknowledged)
    assert len(settled) == 60
    found = listener.identities()
    assert len(found) == 60
    assert max(found.values()) == 2, "lost answers were sent again"
    ids = [lines[0].split("|")[9] for lines in listener.taken]
    assert len(set(ids)) == 6, "and with the same control id"


async def test_one_bad_value_refuses_nothing_else(listener: Listener) -> None:
    bad = made(7, payload=value(66.0))
    records = [bad if n == 7 else made(n) for n in range(40)]
    listener.refuse = "|66|"
    async with opened(listener.port) as sink:
        answer = await sink.send(records, live=True)
        assert [found.id for found in answer.rejected] == [bad.id]
        assert answer.rejected[0].reason == "AE: bad value"
        assert len(answer.acknowledged) == 39
        listener.refuse = "150456"  # now all of them
        many = await sink.send(records, live=True)
        assert (many.acknowledged, many.rejected) == ((), ())
        assert many.error
        assert "the HL7 listener refuses" in many.error


async def test_a_listener_that_is_away_or_none_is_named_with_the_remedy() -> None:
    async with opened(9) as sink:
        answer = await sink.send([made(1)], live=True)
    assert answer.error
    assert (
        "connection refused; check that the server runs, or correct sinks.hl7.host" in answer.error
    )

    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(web, "127.0.0.1", 0)
    async with server, opened(server.sockets[0].getsockname()[1]) as sink:
        answer = await sink.send([made(1)], live=True)
    assert answer.acknowledged == ()
    assert answer.error


async def test_a_real_listener_takes_the_messages(tmp_path: Path, eventually: Any) -> None:
    port = free_port()
    server = Server(node("hl7_listener.cjs", str(port)), port, tmp_path)
    server.start()
    records: list[Record] = [made(n) for n in range(25)]
    try:
        async with opened(port) as sink:
            answer = await sink.send(records, live=True)
        assert answer.error is None
        assert len(answer.acknowledged) == 25
        assert sink.counters().detail["messages"] == 3
    finally:
        server.stop()
    lines = (tmp_path / "server.log").read_text().splitlines()
    taken = [json.loads(line) for line in lines if line.startswith("{")]
    assert len({found["id"] for found in taken}) == 3
    assert {found["processing"] for found in taken} == {"T"}
