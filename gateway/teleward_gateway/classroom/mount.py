"""The classroom of a gateway: the only module that the rest of the gateway imports.

`classroom` is entered once the API exists and left before the registry closes. Nothing of the
simulators is imported unless the settings ask for a classroom.
"""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from teleward_gateway.classroom.ward_port import LiveHub, Registry, WardPort
from teleward_gateway.process.supervisor import Keep
from teleward_gateway.settings.classroom import ClassroomSettings

log = logging.getLogger(__name__)

RegisterProbe = Callable[[str, Callable[[], dict[str, Any]]], None]
"""Adds a probe to the health of the gateway."""


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
    problem in health; the gateway runs.
    """
    if not settings.enabled:
        yield
        return
    try:
        from teleward_gateway.classroom.start import start
    except ModuleNotFoundError as error:
        reason = f'classroom.enabled needs {error.name}: pip install "teleward[sim]"'
        log.error(reason)
        register("classroom", lambda: {"ok": False, "error": reason})
        yield
        return
    async with start(app, WardPort(registry, settings.fleet, live), folder, register, keep):
        yield
