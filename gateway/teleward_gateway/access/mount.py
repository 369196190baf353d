"""Access of a gateway: the only module that its assembly imports.

`add_access` puts routes and guard on an application; `access_of_gateway` opens the file in the data
folder. A file that cannot be read leaves the console as it is, and nobody else gets in.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from teleward_gateway.access import operator_routes, pages, routes, trust
from teleward_gateway.access.doors import join_host
from teleward_gateway.access.guard import AccessGuard
from teleward_gateway.access.lan import Lan
from teleward_gateway.access.service import AccessService, try_access
from teleward_gateway.api.problems import PREFIX
from teleward_gateway.health import HealthRegistry
from teleward_gateway.process.supervisor import Keep
from teleward_gateway.settings.model import Settings

log = logging.getLogger(__name__)


def add_access(app: FastAPI, access: AccessService | None, problem: str = "") -> AccessGuard:
    """Add the routes of access to ``app`` and return the guard that stands before it."""
    app.state.access, app.state.access_problem = access, problem
    for router in (routes.router, operator_routes.router, trust.router):
        app.include_router(router, prefix=PREFIX)
    for router in (pages.router, trust.pages):
        app.include_router(router)
    return AccessGuard(app, access)


def account_names(app: FastAPI) -> list[str]:
    """Return the names of all accounts, none where accounts cannot be read."""
    access: AccessService | None = app.state.access
    return [] if access is None else [account.name for account in access.accounts.all()]


@asynccontextmanager
async def access_of_gateway(
    app: FastAPI, folder: Path, settings: Settings, health: HealthRegistry, keep: Keep
) -> AsyncIterator[AccessGuard]:
    """Serve access on ``app`` as long as the context lasts; health has what is wrong."""
    mode, lan_settings = settings.gateway.mode, settings.lan
    access, problem = await asyncio.to_thread(try_access, folder, mode, settings.access)
    guard = add_access(app, access, problem)
    parts = []
    if access is None:
        health.register("access", lambda: {"ok": False, "error": problem})
    else:
        health.register("access", access.health)
        parts.append(asyncio.create_task(keep("access", access.run), name="access"))
    if lan_settings.enabled:
        lan = app.state.lan = Lan(guard, lan_settings, folder, settings.gateway.name)
        app.state.join_host = join_host
        health.register("lan", lan.health)
        parts.append(asyncio.create_task(keep("local network", lan.run), name="local network"))
    try:
        yield guard
    finally:
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)
        if access is not None:
            await asyncio.to_thread(access.close)
