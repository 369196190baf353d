"""Who may ask: our own names only, and writing only from our own pages."""

import json
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from teleward_gateway.api.factory import create_app
from teleward_gateway.api.security import host_name, origin_host
from teleward_gateway.testing.feed_server import FeedServer
from teleward_gateway.testing.ward_feed import WardFeed

PAUSE = {"author": "x", "duration_s": 1}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(WardFeed(1)))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        yield client


@pytest.fixture
def server() -> Iterator[FeedServer]:
    server = FeedServer(WardFeed(1))
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]:8080", "LOCALHOST:1"])
async def test_our_own_names_are_served(client: httpx.AsyncClient, host: str) -> None:
    assert (await client.get("/ward", headers={"host": host})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[", "192.168.1.5"])
async def test_other_names_are_refused(client: httpx.AsyncClient, host: str) -> None:
    answer = await client.get("/api/v1/alarms", headers={"host": host})
    assert answer.status_code == 403
    assert answer.json()["remedy"]


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 200),
        ("http://127.0.0.1:8080", 200),
        ("http://evil.example", 403),
        ("http://127.0.0.1:9999", 403),
        ("null", 403),
    ],
)
async def test_only_our_own_pages_may_write(
    client: httpx.AsyncClient, origin: str | None, status: int
) -> None:
    headers = {} if origin is None else {"origin": origin}
    path = "/api/v1/subjects/sim-01/audio-pause"
    assert (await client.post(path, json=PAUSE, headers=headers)).status_code == status


@pytest.mark.parametrize(
    "headers", [{"content-length": str(2**20 + 1)}, {"transfer-encoding": "chunked"}]
)
async def test_a_request_larger_than_any_of_ours_is_refused(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await client.post("/api/v1/alarms/acknowledge", content=b"{}", headers=headers)
    assert answer.status_code == 413
    assert answer.json()["remedy"]


async def test_a_mistake_of_ours_is_a_problem_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed = WardFeed(1)
    monkeypatch.setattr(feed, "alarms", lambda subject: 1 / 0)
    transport = httpx.ASGITransport(create_app(feed), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.get("/api/v1/alarms")
    assert (answer.status_code, answer.json()["detail"]) == (500, "ZeroDivisionError")


async def test_a_foreign_page_may_not_open_the_stream(server: FeedServer) -> None:
    address = f"ws://127.0.0.1:{server.port}/api/v1/stream"
    with pytest.raises(InvalidStatus):
        async with connect(address, origin="http://evil.example"):  # type: ignore[arg-type]
            pass
    async with connect(address) as socket:
        assert json.loads(await socket.recv())["type"] == "hello"


def test_names_are_read_without_port_and_brackets() -> None:
    assert host_name("[::1]:8080") == "::1"
    assert host_name("LocalHost:80") == "localhost"
    assert origin_host("http://a:1") == "a:1"
    assert origin_host("file://x") is None
