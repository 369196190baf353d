"""A phone that sits in a class is served the class only: not the ward, not another's patient.

A spoke whose screen has no waves could read them on the bed page otherwise, and a learner the exam
of a neighbour. A browser that also leads a class, or opens classes, is not restricted. This keeps
learners to their screens; who may reach the gateway at all is decided before (`api.security`).
"""

import re
from collections.abc import Callable

from fastapi import FastAPI
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from teleward_gateway.api.problems import PREFIX
from teleward_gateway.api.schemas import problem_response
from teleward_gateway.classroom.api.who import SEAT_COOKIE, is_operator, leads
from teleward_gateway.classroom.classes.service import ClassService
from teleward_signal.errors import TelewardError

OPEN = re.compile(r"/static/|/j/|/health/live$|/favicon\.ico$")
"""Beside the routes of the classroom."""
REASON = "this browser sits in a class, and is served its class only"
REFUSED = 1008


class SeatGuard:
    """ASGI middleware; ``routes`` are the paths of the classroom, with ``{places}``."""

    def __init__(self, app: ASGIApp, gateway: FastAPI, routes: Callable[[], list[str]]) -> None:
        self._app, self._gateway, self._routes = app, gateway, routes
        self._own: list[re.Pattern[str]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] in ("http", "websocket") and self._strays(scope):
            await self._refuse(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _strays(self, scope: Scope) -> bool:
        """Return whether a seat asks for something that is not of its class."""
        connection = HTTPConnection({**scope, "app": self._gateway})
        token = connection.cookies.get(SEAT_COOKIE, "")
        if not token or self._is_own(scope["path"]):
            return False
        classes = getattr(self._gateway.state, "classes", None)
        if not isinstance(classes, ClassService):
            return False  # not open yet
        try:
            classes.seated(token)
        except TelewardError:
            return False  # its class is over, or the seat was given up
        return not leads(connection, classes) and not is_operator(connection)

    def _is_own(self, path: str) -> bool:
        if not self._own:
            self._own = [OPEN, *(compile_path(route)[0] for route in self._routes())]
        return any(pattern.match(path) for pattern in self._own)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: Response = problem_response(
            403, "Request refused", REASON, "Go back to /room, or give the seat up there."
        )
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": REFUSED, "reason": REASON})
            return
        if scope["method"] == "GET" and not scope["path"].startswith(f"{PREFIX}/"):
            answer = RedirectResponse("/room", 307)
        await answer(scope, receive, send)
