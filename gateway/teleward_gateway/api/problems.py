"""Every error as a problem with a remedy (RFC 9457).

`STATUSES` maps the classes of `teleward_signal.errors` to HTTP; the nearest base class decides.
Anything else is an internal error: answered without detail and logged with its traceback.
"""

import logging
import re
from dataclasses import dataclass

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from teleward_gateway.api.schemas import problem_response
from teleward_signal.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    TelewardError,
    TooMany,
    Unauthorized,
    Unavailable,
)

log = logging.getLogger(__name__)

PREFIX = "/api/v1"


@dataclass(frozen=True, slots=True)
class Kind:
    """HTTP status, title and usual remedy of an error class."""

    status: int
    title: str
    remedy: str


STATUSES: dict[type[BaseException], Kind] = {
    Invalid: Kind(422, "Invalid value", "Correct the value and send again."),
    NotFound: Kind(404, "Not found", f"See {PREFIX}/subjects for what exists."),
    Unauthorized: Kind(401, "Log in first", "Log in and send again."),
    Forbidden: Kind(403, "Not allowed", "Ask a person who may do this."),
    Conflict: Kind(409, "Not possible now", "Load the present state and decide again."),
    TooMany: Kind(429, "Too many", "Wait a little or close something, then send again."),
    Unavailable: Kind(503, "Unavailable", f"See {PREFIX}/health, then send again."),
}
INTERNAL = Kind(
    500, "Internal error", "The gateway's log has the details; other requests are answered."
)


def kind_of(error: BaseException) -> Kind:
    """Return how ``error`` is answered: the kind of its nearest known base class."""
    for base in type(error).__mro__:
        if base in STATUSES:
            return STATUSES[base]
    return INTERNAL


def add_problems(app: FastAPI) -> None:
    """Answer every error of ``app`` with a problem."""

    @app.exception_handler(ValueError)
    @app.exception_handler(LookupError)
    @app.exception_handler(TelewardError)
    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        kind = kind_of(error)
        if kind is INTERNAL:
            log.error("%s %s", request.method, request.url.path, exc_info=error)
            return problem_response(kind.status, kind.title, type(error).__name__, kind.remedy)
        return problem_response(kind.status, kind.title, str(error), kind.remedy, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        parts = [
            f"{'.'.join(str(step) for step in fault['loc'])}: {fault['msg']}"
            for fault in error.errors()
        ]
        remedy = f"The fields are described in {PREFIX}/openapi.json."
        return problem_response(422, "Invalid request", "; ".join(parts), remedy)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        detail = f"{request.method} {request.url.path}: {error.detail}"
        remedy = f"The addresses are listed in {PREFIX}/openapi.json."
        answer = problem_response(error.status_code, str(error.detail), detail, remedy)
        answer.headers.update(error.headers or {})
        if error.status_code == 405:
            methods = _methods(request) or [answer.headers.get("Allow", "GET")]
            answer.headers["Allow"] = ", ".join(methods)
        return answer


def _methods(request: Request) -> list[str]:
    """Return the methods of an address over all its routes; Starlette names the first one's."""
    paths: dict[str, dict[str, object]] = request.app.openapi()["paths"]
    path = request.url.path
    known = paths.get(path) or next(
        (
            operations
            for template, operations in paths.items()
            if re.fullmatch(re.sub(r"\\\{[^}]+\}", "[^/]+", re.escape(template)), path)
        ),
        {},
    )
    return sorted(method.upper() for method in known)
