"""Access of a gateway: the only module that its assembly imports.

`add_access` puts routes and guard on an application; `access_of_gateway` opens the file in the data
folder. A file that cannot be read leaves the console as it is, and nobody else gets in.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from teleward_gateway.access import operator_routes, pages, routes
from teleward_gateway.access.guard import AccessGuard
from teleward_gateway.access.service import AccessService, try_access
from teleward_gateway.api.problems import PREFIX
from teleward_gateway.health import HealthRegistry
from teleward_gateway.settings.lan import AccessSettings
from teleward_signal.model import Provenance

log = logging.getLogger(__name__)


def add_access(app: FastAPI, access: AccessService | None, problem: str = "") -> AccessGuard:
    """Add the routes of access to ``app`` and return the guard that stands before it."""
    app.state.access, app.state.access_problem = access, problem
    for router in (routes.router, operator_routes.router):
        app.include_router(router, prefix=PREFIX)
    app.include_router(pages.router)
    return AccessGuard(app, access)


@asynccontextmanager
async def access_of_gateway(
    app: FastAPI, folder: Path, mode: Provenance, settings: AccessSettings, health: HealthRegistry
) -> AsyncIterator[AccessGuard]:
    """Serve access on ``app`` as long as the context lasts; health has what is wrong."""
    access, problem = await asyncio.to_thread(try_access, folder, mode, settings)
    guard = add_access(app, access, problem)
    if access is None:
        health.register("access", lambda: _unreadable(problem))
        yield guard
        return
    health.register("access", access.health)
    running = asyncio.create_task(access.run(), name="access")
    try:
        yield guard
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await asyncio.to_thread(access.close)


def _unreadable(problem: str) -> dict[str, Any]:
    return {"ok": False, "error": problem}
