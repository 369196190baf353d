"""Starts the parts of the classroom on an application, and ends them in reverse order."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.routing import BaseRoute

from teleward_gateway.api.problems import PREFIX
from teleward_gateway.classroom.api import (
    class_pages,
    class_streams,
    classes,
    debrief,
    rooms,
    scores,
    seats,
)
from teleward_gateway.classroom.api.seat_guard import SeatGuard
from teleward_gateway.classroom.api.who import sits
from teleward_gateway.classroom.classes.service import ClassService
from teleward_gateway.classroom.events.log import EventLog
from teleward_gateway.classroom.operator_key import FILE, operator_key
from teleward_gateway.classroom.rooms.service import RoomService
from teleward_gateway.classroom.ward_port import WardPort
from teleward_gateway.process.supervisor import Keep

log = logging.getLogger(__name__)

ROUTERS = (
    rooms.router,
    classes.router,
    seats.router,
    scores.router,
    debrief.router,
    class_streams.router,
)


LESSONS = "lessons"
"""Folder of a school's own lessons, beside the log."""


def add_routes(app: FastAPI) -> None:
    """Add every route of the classroom."""
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX)
    app.include_router(class_pages.router)
    app.openapi_schema = None  # it may have been described before there were rooms


def add_guard(app: FastAPI) -> None:
    """Keep seats to their class; before the application serves anything."""
    app.add_middleware(SeatGuard, gateway=app, routes=paths)


def paths() -> list[str]:
    """Return the paths of every route of the classroom."""
    served = [f"{PREFIX}{_path(route)}" for router in ROUTERS for route in router.routes]
    return served + [_path(route) for route in class_pages.router.routes]


def _path(route: BaseRoute) -> str:
    return str(getattr(route, "path", ""))


@asynccontextmanager
async def start(
    app: FastAPI,
    ward: WardPort,
    folder: Path,
    register: Callable[[str, Callable[[], dict[str, Any]]], None],
    keep: Keep | None = None,
) -> AsyncIterator[None]:
    """Serve rooms and classes on ``app`` as long as the context lasts; classes are restored.

    Raises OSError, sqlite3.Error or Unavailable when the log cannot be opened; nothing is left.
    """
    async with AsyncExitStack() as stack:
        events = await asyncio.to_thread(EventLog, folder)
        stack.push_async_callback(asyncio.to_thread, events.close)
        stack.push_async_callback(ward.close)
        room_service = RoomService(folder, ward)
        class_service = ClassService(events, room_service, folder / LESSONS)
        stack.push_async_callback(class_service.stop)

        def health() -> dict[str, Any]:
            damaged = f"damaged, set aside: {events.damaged.name}" if events.damaged else None
            error = events.error or class_service.problem or damaged
            return {
                "ok": error is None,
                "error": error,
                "rooms": len(room_service.rooms),
                "classes": len(class_service.classes),
            }

        await room_service.tidy()
        app.state.operator_key = await asyncio.to_thread(operator_key, folder)
        app.state.rooms, app.state.classes = room_service, class_service
        app.state.is_learner = partial(sits, class_service)
        log.info("who has the key in %s opens classes and rooms", folder / FILE)
        register("classroom", health)
        add_routes(app)
        work = class_service.run() if keep is None else keep("classes", class_service.run)
        running = asyncio.create_task(work, name="classes")
        stack.push_async_callback(_end, running)
        yield


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
