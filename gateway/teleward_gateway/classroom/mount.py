"""The classroom of a gateway: the only module that the rest of the gateway imports.

`classroom` is entered once the API exists and left before the registry closes. Nothing of the
simulators is imported unless the settings ask for a classroom.
"""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from teleward_gateway.classroom.ward_port import LiveHub, Registry, WardPort
from teleward_gateway.process.supervisor import Keep
from teleward_gateway.settings.classroom import ClassroomSettings
from teleward_signal.errors import TelewardError

log = logging.getLogger(__name__)

RegisterProbe = Callable[[str, Callable[[], dict[str, Any]]], None]
"""Adds a probe to the health of the gateway."""

Start = Callable[[FastAPI, WardPort, Path, RegisterProbe, Keep], AbstractAsyncContextManager[None]]

AGAIN_S = 5.0
"""Between two attempts to open a classroom that the disk refuses."""


@asynccontextmanager
async def classroom(
    app: FastAPI,
    settings: ClassroomSettings,
    folder: Path,
    registry: Registry,
    live: LiveHub,
    register: RegisterProbe,
    keep: Keep,
) -> AsyncIterator[None]:
    """Serve teaching rooms on ``app`` as long as the context lasts, when the settings ask for it.

    ``folder`` holds the files of the classroom. A classroom that cannot be served is one named
    problem in health; the gateway runs, and opens it as soon as the disk lets it.
    """
    if not settings.enabled:
        yield
        return
    start = _start(app, register)
    if start is None:
        yield
        return

    async with AsyncExitStack() as stack:

        async def enter() -> None:
            ward = WardPort(registry, settings.fleet, live)
            await stack.enter_async_context(start(app, ward, folder, register, keep))

        if await _entered(enter, register):
            yield
            return
        again = asyncio.create_task(_enter_later(partial(_entered, enter, register)))
        try:
            yield
        finally:
            again.cancel()
            await asyncio.gather(again, return_exceptions=True)


def _start(app: FastAPI, register: RegisterProbe) -> Start | None:
    """Guard the routes and return what starts the classroom; None where a library lacks."""
    try:
        from teleward_gateway.classroom.start import add_guard, start
    except ModuleNotFoundError as error:
        remedy = 'pip install ".[sim]" in the folder of its sources'
        reason = f"classroom.enabled needs {error.name}: {remedy}"
        log.error(reason)
        register("classroom", lambda: {"ok": False, "error": reason})
        return None
    add_guard(app)
    return start


async def _enter_later(attempt: Callable[[], Awaitable[bool]]) -> None:
    """Try again until it succeeds."""
    while True:
        await asyncio.sleep(AGAIN_S)
        if await attempt():
            return


async def _entered(enter: Callable[[], Awaitable[None]], register: RegisterProbe) -> bool:
    """Return whether the classroom could be opened; otherwise health has the reason."""
    try:
        await enter()
    except (OSError, sqlite3.Error, TelewardError) as error:
        reason = f"no classes and rooms yet: {error}"
        log.error("%s", reason)
        register("classroom", lambda: {"ok": False, "error": reason})
        return False
    return True
