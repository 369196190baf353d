"""Metrics for Prometheus; `root` serves ``/metrics``, `router` the same below the API's prefix."""

from fastapi import APIRouter, Request, Response

from teleward_gateway.health import metrics
from teleward_gateway.sessions.session import SessionStatus
from teleward_gateway.sessions.states import State

router = APIRouter(tags=["health"])
root = APIRouter(tags=["health"])


@router.get("/metrics", response_class=Response)
@root.get("/metrics", response_class=Response, include_in_schema=False)
async def exposition(request: Request) -> Response:
    """Return all counters and gauges in the Prometheus text format."""
    state = request.app.state
    desk = getattr(getattr(state, "view", None), "commissioning", None)
    devices = map(figures_of, desk.sessions.statuses()) if desk is not None else ()
    return Response(metrics.render(state.health, devices), media_type=metrics.CONTENT_TYPE)


def figures_of(status: SessionStatus) -> metrics.DeviceFigures:
    """Return what is counted of a session."""
    counters = status.counters
    seen_ns = counters.last_seen_ns
    return metrics.DeviceFigures(
        name=status.device,
        streaming=status.state is State.STREAMING,
        last_seen_s=None if seen_ns is None else seen_ns / 1e9,
        n_bytes=counters.n_bytes,
        n_values=counters.n_values,
        n_discarded=sum(counters.discarded.values()),
        n_connects=counters.n_connects,
        n_losses=counters.n_losses,
    )
