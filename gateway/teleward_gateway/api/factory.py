"""The gateway's FastAPI application: /api/v1, the live stream and the dashboard's pages.

Who may ask what is decided in front of it (`teleward_gateway.access`). The lifespan runs the live
hub's ticks; everything else belongs to the gateway behind the `GatewayView`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from teleward_gateway.api import (
    alarms,
    bindings,
    commissioning,
    devices,
    exports,
    health,
    metrics,
    news2_chart,
    notes,
    observations,
    operation,
    pages,
    pews,
    readings,
    settings_mistakes,
    sinks,
    stream,
    subjects,
    trend_table,
    trends,
    waves,
)
from teleward_gateway.api.history_page import HistoryPages
from teleward_gateway.api.operation_names import name_operations
from teleward_gateway.api.person import router as person_router
from teleward_gateway.api.problems import PREFIX as PREFIX
from teleward_gateway.api.problems import add_problems
from teleward_gateway.api.repeats import Repeats
from teleward_gateway.api.schemas import GatewayAnswer, Problem, iso_time
from teleward_gateway.api.security import LOOPBACK_HOSTS, HostGuard
from teleward_gateway.api.view import GatewayView

DESCRIPTION = """
Subjects, devices, bindings, observations, alarms, health and metrics of one Teleward gateway.
A teaching and monitoring aid, not a certified medical device.

The API answers on this machine without a login, and on the local network over HTTPS to those who
have an account, by role. Errors are problems (RFC 9457) with a `remedy`.
Times are UTC in nanoseconds since 1970; units are UCUM.
"""
_PROBLEM = {
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "Refused: why, and the remedy", **_PROBLEM},
    "5XX": {"description": "Not possible now: why, and the remedy", **_PROBLEM},
}
"""Every refusal is a problem, so that the answers of FastAPI's own are not declared."""
ROUTERS = tuple(
    module.router
    for module in (
        subjects, devices, bindings, readings, commissioning, observations, trends, trend_table,
        waves, notes, news2_chart, pews, alarms, health, metrics, sinks, exports,
        settings_mistakes, operation, stream,
    )
)  # fmt: skip


def create_app(view: GatewayView, *, allowed_hosts: frozenset[str] = LOOPBACK_HOSTS) -> FastAPI:
    """Return the application that serves ``view``."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        ticks = asyncio.create_task(view.live.keep_running(), name="live view")
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
        responses=PROBLEMS,
    )
    app.state.view, app.state.repeats = view, Repeats()
    app.state.health, app.state.history_pages = view.health, HistoryPages()
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX)
    app.include_router(person_router, prefix=PREFIX)
    for router in (health.probes, metrics.root, pages.router):
        app.include_router(router)
    app.add_api_route(f"{PREFIX}/gateway", _gateway(view), tags=["gateway"])
    app.add_middleware(HostGuard, allowed_hosts=allowed_hosts)
    add_problems(app)
    _declare_problems(app)
    return app


def _declare_problems(app: FastAPI) -> None:
    """Describe refusals as they are sent, in place of FastAPI's own."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = make()
            schemas = document["components"]["schemas"]
            schemas["Problem"] = Problem.model_json_schema()
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            for path in document["paths"].values():
                for operation in path.values():
                    operation["responses"].pop("422", None)
            name_operations(document, PREFIX)
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


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
