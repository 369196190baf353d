"""Health over HTTP: the whole report, and the two questions an orchestrator asks.

``app.state.health`` is the `HealthRegistry`. `probes` goes to the root (``/health/live``),
`router` below the API's prefix.
"""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from teleward_gateway.api.schemas import Author, Strict
from teleward_gateway.health import HealthRegistry
from teleward_signal.errors import NotFound

router = APIRouter(tags=["health"])
probes = APIRouter(prefix="/health", tags=["health"])


@router.get("/health")
async def report(request: Request) -> dict[str, Any]:
    """Return the health of every part: ok, degraded or failing; per sink the backlog and losses."""
    return _registry(request).report()


class LossesRead(Strict):
    """Who has read that records were lost."""

    author: Author


class LossesAnswer(BaseModel):
    """Of how many lost records somebody has read now."""

    records: int


@router.post("/losses/read")
async def read_losses(request: Request, reader: LossesRead) -> LossesAnswer:
    """Remember who read of lost records: health and the alarm of each bed go back to normal."""
    notice = getattr(request.app.state, "losses", None)
    if notice is None:
        raise NotFound("this gateway counts no losses")
    return LossesAnswer(records=notice.read(reader.author))


@probes.get("")
async def whole(request: Request) -> dict[str, Any]:
    """Return the same report as /api/v1/health."""
    return _registry(request).report()


@probes.get("/live")
async def live() -> dict[str, str]:
    """Answer 200 while the process runs; no answer means: restart it."""
    return {"status": "live"}


@probes.get("/ready", response_model=None)
async def ready(request: Request) -> JSONResponse:
    """Answer 200 when the gateway can record, else 503 with the reasons."""
    well, reasons = _registry(request).ready()
    body = {"status": "ready" if well else "not ready", "reasons": reasons}
    return JSONResponse(body, status_code=200 if well else 503)


def _registry(request: Request) -> HealthRegistry:
    registry: HealthRegistry = request.app.state.health
    return registry
