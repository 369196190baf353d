"""Health over HTTP: the whole report, and the two questions an orchestrator asks.

``app.state.health`` is the `HealthRegistry`. `probes` goes to the root (``/health/live``),
`router` below the API's prefix.
"""

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from teleward_gateway.api.schemas import Author, Strict
from teleward_gateway.health import HealthRegistry
from teleward_signal.errors import NotFound

router = APIRouter(tags=["health"])
probes = APIRouter(prefix="/health", tags=["health"])


class PartHealth(BaseModel):
    """How a part does; its own counters and times stand beside."""

    model_config = ConfigDict(extra="allow")

    ok: bool
    error: str | None = None


class Health(BaseModel):
    """Status of the gateway and of its parts by name; failing: it cannot record."""

    status: Literal["ok", "degraded", "failing"]
    uptime_s: float
    parts: dict[str, PartHealth]


class Live(BaseModel):
    """That the process runs."""

    status: Literal["live"] = "live"


class Readiness(BaseModel):
    """Whether the gateway can record, and by part why not."""

    status: Literal["ready", "not ready"]
    reasons: dict[str, str]


def _report(request: Request) -> JSONResponse:
    """Return the report as it is: the model describes it, and checking it again costs a tick."""
    return JSONResponse(_registry(request).report())


@router.get("/health", response_model=Health)
async def report(request: Request) -> JSONResponse:
    """Return the health of every part: ok, degraded or failing; per sink the backlog and losses."""
    return _report(request)


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


@probes.get("", response_model=Health)
async def whole(request: Request) -> JSONResponse:
    """Return the same report as /api/v1/health."""
    return _report(request)


@probes.get("/live")
async def live() -> Live:
    """Answer 200 while the process runs; no answer means: restart it."""
    return Live()


@probes.get("/ready", response_model=Readiness, responses={503: {"model": Readiness}})
async def ready(request: Request) -> JSONResponse:
    """Answer 200 when the gateway can record, else 503 with the reasons."""
    well, reasons = _registry(request).ready()
    body = {"status": "ready" if well else "not ready", "reasons": reasons}
    return JSONResponse(body, status_code=200 if well else 503)


def _registry(request: Request) -> HealthRegistry:
    registry: HealthRegistry = request.app.state.health
    return registry
