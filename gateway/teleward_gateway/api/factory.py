"""The gateway's FastAPI application: /api/v1, the live stream and the dashboard's pages.

Bound to loopback until roles exist. The lifespan runs the live hub's ticks; everything else belongs
to the gateway behind the `GatewayView`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from teleward_gateway.api import (
    alarms,
    bindings,
    commissioning,
    devices,
    health,
    metrics,
    observations,
    pages,
    stream,
    subjects,
    trends,
)
from teleward_gateway.api.schemas import GatewayAnswer, Problem, iso_time, problem_response
from teleward_gateway.api.security import LOOPBACK_HOSTS, HostGuard
from teleward_gateway.api.view import GatewayView

log = logging.getLogger(__name__)

DESCRIPTION = """
Subjects, devices, bindings, observations, alarms, health and metrics of one Teleward gateway.
A teaching and monitoring aid, not a certified medical device.

The API answers on this machine only, until roles exist. Errors are problems (RFC 9457) with a
`remedy`. Times are UTC in nanoseconds since 1970; units are UCUM.
"""
PREFIX = "/api/v1"
ROUTERS = tuple(
    module.router
    for module in (
        subjects, devices, bindings, commissioning, observations, trends, alarms, health, metrics,
        stream,
    )
)  # fmt: skip


def create_app(view: GatewayView, *, allowed_hosts: frozenset[str] = LOOPBACK_HOSTS) -> FastAPI:
    """Return the application that serves ``view``."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        ticks = asyncio.create_task(view.live.run())
        try:
            yield
        finally:
            ticks.cancel()
            await asyncio.gather(ticks, return_exceptions=True)

    app = FastAPI(
        title="Teleward",
        version=view.summary().version,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=f"{PREFIX}/openapi.json",
        responses={"4XX": {"model": Problem}},
    )
    app.state.view = view
    app.state.health = view.health
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX)
    for router in (health.probes, metrics.root, pages.router):
        app.include_router(router)
    app.add_api_route(f"{PREFIX}/gateway", _gateway(view), tags=["gateway"])
    app.add_middleware(HostGuard, allowed_hosts=allowed_hosts)
    _add_problems(app)
    return app


def _gateway(view: GatewayView) -> Callable[[], Awaitable[GatewayAnswer]]:
    async def gateway() -> GatewayAnswer:
        """Return the gateway's identity."""
        summary = view.summary()
        return GatewayAnswer(
            name=summary.name,
            version=summary.version,
            ward=summary.ward,
            provenance=summary.provenance.value,
            journal=summary.journal,
            started=iso_time(summary.started_ns),
            loss_window_s=summary.loss_window_s,
        )

    return gateway


def _add_problems(app: FastAPI) -> None:
    """Turn every error into a problem with a remedy."""

    @app.exception_handler(LookupError)
    async def not_found(request: Request, error: LookupError) -> Response:
        detail = str(error.args[0]) if error.args else "not found"
        return problem_response(404, "Not found", detail, f"See {PREFIX}/subjects for what exists.")

    @app.exception_handler(ValueError)
    async def impossible(request: Request, error: ValueError) -> Response:
        return problem_response(422, "Cannot be", str(error), "Correct the value and send again.")

    @app.exception_handler(KeyError)
    @app.exception_handler(IndexError)
    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        if isinstance(error, LookupError):  # the server logs the others itself
            log.error("%s %s", request.method, request.url.path, exc_info=error)
        remedy = "The gateway's log has the details; other requests are answered as before."
        return problem_response(500, "Mistake of the gateway", type(error).__name__, remedy)

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
        return problem_response(error.status_code, str(error.detail), detail, remedy)
