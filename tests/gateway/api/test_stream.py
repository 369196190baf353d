"""The WebSocket of a page against a real server: state, waves, pings, rungs, junk."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from teleward_gateway.testing.feed_server import FeedServer
from teleward_gateway.testing.ward_feed import WardFeed
from teleward_gateway.testing.wave_frames import decode_frames, split_change


@pytest.fixture(scope="module")
def server() -> Iterator[FeedServer]:
    server = FeedServer(WardFeed(3))
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def socket(server: FeedServer) -> AsyncIterator[ClientConnection]:
    address = f"ws://127.0.0.1:{server.port}/api/v1/stream?subjects=sim-02,sim-03"
    async with connect(address) as socket:
        yield socket


async def find(socket: ClientConnection, kind: str) -> dict[str, Any]:
    while True:
        message = await socket.recv()
        if isinstance(message, str) and (found := json.loads(message))["type"] == kind:
            return dict(found)


async def waves(socket: ClientConnection) -> bytes:
    while True:
        message = await socket.recv()
        if isinstance(message, bytes):
            return split_change(message)[1]


async def test_the_state_comes_first_and_waves_follow_without_a_gap(
    socket: ClientConnection,
) -> None:
    hello = await find(socket, "hello")
    keys = {part["key"]: part for part in hello["subjects"]}
    assert {part["id"] for part in keys.values()} == {"sim-02", "sim-03"}
    heads: dict[tuple[int, int], int] = {}
    for _ in range(10):
        for frame in decode_frames(await waves(socket)):
            assert frame.key in keys
            for run in frame.runs:
                place = (frame.key, run.channel)
                assert run.first_index == heads.get(place, run.first_index)
                heads[place] = run.first_index + len(run.samples)
    assert len(heads) == 6


async def test_a_ping_is_answered_with_the_gateways_time(socket: ClientConnection) -> None:
    await socket.send(json.dumps({"type": "ping", "sent": 12.5}))
    pong = await find(socket, "pong")
    assert pong["sent"] == 12.5
    assert pong["now"] > 1.7e12


async def test_the_numbers_rung_stops_the_waves(socket: ClientConnection) -> None:
    await waves(socket)
    await socket.send(json.dumps({"type": "rung", "rung": "numbers"}))
    await socket.send(json.dumps({"type": "ping", "sent": 1}))
    await find(socket, "pong")
    kinds = [type(await socket.recv()) for _ in range(3)]
    assert kinds[1:] == [str, str]


async def test_a_refresh_brings_the_whole_state_again(socket: ClientConnection) -> None:
    await find(socket, "hello")
    await socket.send(json.dumps({"type": "refresh"}))
    assert len((await find(socket, "hello"))["subjects"]) == 2


@pytest.mark.parametrize(
    "junk",
    ["", "{", "[]", "null", '{"type":"rung","rung":"faster"}', '{"type":"rung","rung":[]}',
     '{"type":"ping","sent":"x"}', '{"type":"ping","sent":NaN}', "x" * 5000],
)  # fmt: skip
async def test_junk_does_not_end_the_stream(socket: ClientConnection, junk: str) -> None:
    await socket.send(junk)
    await socket.send(json.dumps({"type": "ping", "sent": 7}))
    assert (await find(socket, "pong"))["sent"] == 7


async def test_bytes_from_a_page_do_not_end_the_stream(socket: ClientConnection) -> None:
    await socket.send(b"\x00\x01")
    await socket.send(json.dumps({"type": "ping", "sent": 7}))
    assert (await find(socket, "pong"))["sent"] == 7


async def test_a_page_that_closes_is_forgotten(server: FeedServer) -> None:
    address = f"ws://127.0.0.1:{server.port}/api/v1/stream"
    while (before := server.feed.live.statistics.pages) > 0:
        await asyncio.sleep(0.01)  # the page of the test before is on its way out
    async with connect(address) as socket:
        await find(socket, "hello")
        assert server.feed.live.statistics.pages == before + 1
    async with connect(address) as socket:
        await find(socket, "hello")
        while server.feed.live.statistics.pages > before + 1:
            await waves(socket)
