"""A classroom on a real application: rooms without devices, a log on disk."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from teleward_gateway.api.problems import add_problems
from teleward_gateway.classroom.classes.service import ClassService
from teleward_gateway.classroom.start import add_guard, start
from teleward_gateway.classroom.ward_port import WardPort
from teleward_gateway.live import LiveHub
from teleward_gateway.registry import Registry
from teleward_signal.model import Provenance

BASE = "http://127.0.0.1/api/v1"


class Hour:
    """A class that a teacher has opened, and its learners."""

    def __init__(self, app: FastAPI, stack: AsyncExitStack, live: LiveHub) -> None:
        self.app, self.live = app, live
        self._stack = stack
        self.service: ClassService = app.state.classes
        self.code = ""

    async def client(self, address: str = "") -> httpx.AsyncClient:
        """Return a browser with cookies of its own; of a server at ``address``, if given."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        client = httpx.AsyncClient(
            transport=None if address else transport,
            base_url=address or BASE,
            timeout=120,
            trust_env=False,
        )
        return await self._stack.enter_async_context(client)

    async def operator(self) -> httpx.AsyncClient:
        """Return the browser of who may open classes and rooms."""
        client = await self.client()
        client.headers["X-Operator-Key"] = self.app.state.operator_key
        return client

    async def teacher(self, lesson: str = "breathless") -> httpx.AsyncClient:
        """Open a class and return its teacher."""
        teacher = await self.operator()
        answer = await teacher.post("/classes", json={"lesson": lesson})
        assert answer.status_code == 201, answer.text
        self.code = answer.json()["code"]
        return teacher

    async def learner(self, name: str = "Hornbill") -> httpx.AsyncClient:
        """Join and return the learner."""
        learner = await self.client()
        self.service._tries.clear()
        answer = await learner.post("/join", json={"code": self.code, "name": name})
        assert answer.status_code == 200, answer.text
        return learner


OpenHour = Callable[[Path], Any]


@asynccontextmanager
async def running_hour(folder: Path) -> AsyncIterator[Hour]:
    """Run a classroom in ``folder``."""
    app = FastAPI()
    add_problems(app)
    add_guard(app)
    registry = Registry(folder / "registry.sqlite", Provenance.SIMULATED)
    async with AsyncExitStack() as stack:
        live = LiveHub({"name": "test"})
        ward = WardPort(registry, "", live)
        await stack.enter_async_context(
            start(app, ward, folder / "rooms", lambda name, probe: None)
        )
        yield Hour(app, stack, live)
    registry.close()


@pytest.fixture
async def hour(tmp_path: Path) -> AsyncIterator[Hour]:
    async with running_hour(tmp_path) as hour:
        yield hour
