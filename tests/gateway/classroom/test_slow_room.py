"""One room that opens slowly holds up no other room, and not the catalogue."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from aiohttp import web
from fastapi import FastAPI

from teleward_gateway.api.problems import add_problems
from teleward_gateway.classroom.api.rooms import router
from teleward_gateway.classroom.rooms.room import RoomState
from teleward_gateway.classroom.rooms.service import RoomService
from teleward_gateway.classroom.ward_port import WardPort
from teleward_gateway.registry import Registry
from teleward_signal.model import Provenance

CASE = "hypoglycaemia-01"


class SlowFleet:
    """A control API that switches nothing on until it may."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.devices: list[dict[str, str]] = []

    async def add(self, request: web.Request) -> web.Response:
        """Switch a device on, at last."""
        row = await request.json()
        self.asked.set()
        await self.may_answer.wait()
        device = {"address": f"C0:00:00:00:00:{len(self.devices):02X}", "subject": row["subject"]}
        self.devices.append(device)
        return web.json_response(device, status=201)

    async def list(self, request: web.Request) -> web.Response:
        """Return what is on."""
        return web.json_response(self.devices)

    async def remove(self, request: web.Request) -> web.Response:
        """Switch a device off."""
        return web.Response(status=204)


@pytest.fixture
async def fleet() -> AsyncIterator[tuple[SlowFleet, str]]:
    fleet = SlowFleet()
    app = web.Application()
    app.router.add_post("/devices", fleet.add)
    app.router.add_get("/devices", fleet.list)
    app.router.add_delete("/devices/{place}", fleet.remove)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield fleet, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_a_room_that_opens_slowly_holds_up_nobody(
    fleet: tuple[SlowFleet, str], tmp_path: Path
) -> None:
    slow, address = fleet
    registry = Registry(tmp_path / "registry.sqlite", Provenance.SIMULATED)
    port = WardPort(registry, address)
    rooms = RoomService(tmp_path / "rooms", port)
    other = await asyncio.to_thread(rooms.make, "OTHER2", CASE, time.monotonic(), 1)
    other.state = RoomState.OPEN
    rooms.rooms[other.code] = other
    app = FastAPI()
    app.state.rooms, app.state.operator_key = rooms, "key"
    app.include_router(router)
    add_problems(app)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        client.headers["X-Operator-Key"] = "key"
        opening = asyncio.create_task(client.post("/rooms", json={"case": CASE, "seed": 2}))
        await asyncio.wait_for(slow.asked.wait(), 60)
        [code] = set(rooms.rooms) - {other.code}
        # the devices are held up until all of these have been answered: no clock is needed
        for path in ("/rooms/OTHER2", "/cases", "/actions", f"/rooms/{code}"):
            answer = await asyncio.wait_for(client.get(path), 60)
            assert answer.status_code == 200, path
        assert answer.json()["state"] == "opening"
        act = await client.post("/rooms/OTHER2/acts", json={"name": "consent"})
        assert act.status_code == 200
        early = await client.post(f"/rooms/{code}/acts", json={"name": "consent"})
        assert (early.status_code, "opening" in early.json()["detail"]) == (409, True)
        assert not opening.done()
        slow.may_answer.set()
        assert (await opening).status_code == 201
        assert (await client.get(f"/rooms/{code}")).json()["state"] == "open"
    await port.close()
    registry.close()
