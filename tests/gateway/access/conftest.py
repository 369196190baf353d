"""A ward behind the guard, with an account of each role; doors as listening sockets mark them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI

from teleward_gateway.access import accounts
from teleward_gateway.access.doors import Door, Doorway
from teleward_gateway.access.guard import AccessGuard, session_cookie
from teleward_gateway.access.mount import add_access
from teleward_gateway.access.roles import OF_ACCOUNTS
from teleward_gateway.access.service import AccessService
from teleward_gateway.api.factory import create_app
from teleward_gateway.classroom.start import add_guard, add_routes
from teleward_gateway.settings.lan import AccessSettings
from teleward_gateway.testing.ward_feed import WardFeed
from teleward_signal.model import Provenance

PASSWORD = "four quiet words here"
NAMES = frozenset({"ward.local", "192.0.2.7"})
SEAT = "a-seat"
STRANGER = "127.0.0.66"
"""Another user of the machine."""


@dataclass
class Clinic:
    """The application, its accounts, and a browser at each door."""

    app: FastAPI
    guard: AccessGuard
    access: AccessService
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def browser(
        self, door: Door = Door.SECURE, address: str = "192.0.2.50", **more: Any
    ) -> httpx.AsyncClient:
        """Return a browser without cookies."""
        doorway = Doorway(self.guard, door, lambda: NAMES, lambda: 8443)
        base = "https://ward.local:8443"
        asgi: Any = doorway
        if door is Door.LOOPBACK:
            base, asgi = "http://127.0.0.1:8080", self.guard
        if door is Door.PLAIN:
            base = "http://ward.local:8081"
        transport = httpx.ASGITransport(asgi, client=(address, 50000), raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url=base, **more)
        return await self.stack.enter_async_context(client)

    async def log_in(self, name: str, door: Door = Door.SECURE, **more: Any) -> httpx.AsyncClient:
        """Return a browser that has logged in."""
        browser = await self.browser(door, **more)
        body = {"name": name, "password": PASSWORD}
        answer = await browser.post("/api/v1/access/login", json=body)
        assert answer.status_code == 200, answer.text
        assert session_cookie(door) in browser.cookies
        return browser


SHIPPED = accounts._HASHER


@pytest.fixture(scope="session", autouse=True)
def quick_hashes() -> Iterator[None]:
    """Argon2id with the least memory: hundreds of logins need no protection here."""
    accounts._HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    yield
    accounts._HASHER = SHIPPED


@pytest.fixture(scope="module")
def accounts_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file of a gateway that has an account of each role: hashes take their time."""
    folder = tmp_path_factory.mktemp("access")
    access = AccessService(folder, Provenance.SIMULATED, AccessSettings())
    for role in OF_ACCOUNTS:
        access.accounts.add(f"{role.value} one", role, PASSWORD)
    yield folder
    access.close()


@pytest.fixture
async def clinic(accounts_folder: Path) -> AsyncIterator[Clinic]:
    """A simulated ward with classes, and every role."""
    app = create_app(WardFeed(2))
    add_guard(app)
    add_routes(app)
    access = AccessService(accounts_folder, Provenance.SIMULATED, AccessSettings())
    app.state.is_learner = lambda connection: connection.cookies.get("teleward_seat") == SEAT
    guard = add_access(app, access)
    guard._is_own = lambda scope: scope["client"][0] != STRANGER
    clinic = Clinic(app, guard, access)
    async with clinic.stack:
        yield clinic
    access.close()
