"""Metrics for Prometheus; `root` serves ``/metrics``, `router` the same below the API's prefix."""

from fastapi import APIRouter, Request, Response

from teleward_gateway.health import metrics

router = APIRouter(tags=["health"])
root = APIRouter(tags=["health"])


@router.get("/metrics", response_class=Response)
@root.get("/metrics", response_class=Response, include_in_schema=False)
async def exposition(request: Request) -> Response:
    """Return all counters and gauges in the Prometheus text format."""
    state = request.app.state
    desk = getattr(getattr(state, "view", None), "commissioning", None)
    devices = desk.sessions.statuses() if desk is not None else ()
    return Response(metrics.render(state.health, devices), media_type=metrics.CONTENT_TYPE)
