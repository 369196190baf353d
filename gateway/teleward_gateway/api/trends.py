"""How a metric ran over an hour, a day or a month, in few enough points to draw."""

import gzip
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from teleward_gateway.api.observations import known_metric
from teleward_gateway.api.schemas import Moment, Trend
from teleward_gateway.api.view import GatewayView, view_of
from teleward_signal.errors import Invalid, NotFound
from teleward_signal.vocabulary import MetricKind

USUAL_NS = 24 * 3600 * 1_000_000_000
"""A day: what a chart at the bed shows."""
MOST_POINTS = 2000
"""More than a screen is wide."""
LEAST_PACKED = 1000
"""Bytes that are worth compressing."""

router = APIRouter(tags=["observations"])
View = Annotated[GatewayView, Depends(view_of)]


@router.get("/subjects/{subject}/trends/{metric}", response_model=Trend)
async def trend(
    view: View,
    request: Request,
    subject: str,
    metric: str,
    start_ns: Annotated[Moment | None, Query(description="UTC; a day before the end")] = None,
    end_ns: Annotated[Moment | None, Query(description="UTC; now")] = None,
    points: Annotated[int, Query(ge=1, le=MOST_POINTS)] = 500,
) -> Response:
    """Return lowest, mean and highest value of a metric in buckets of time, oldest first."""
    if known_metric(metric).kind is MetricKind.WAVEFORM:
        raise Invalid(f"{metric} is a waveform: ask for its samples, or for what is derived")
    if not view.has_subject(subject):
        raise NotFound(f"no subject {subject!r}")
    end = view.now_ns() if end_ns is None else end_ns
    start = max(0, end - USUAL_NS) if start_ns is None else start_ns
    if start >= end:
        raise Invalid("start_ns must be before end_ns")
    found = Trend.of(metric, await view.trend(subject, metric, start, end, points))
    return packed(found.model_dump_json().encode(), request)


def packed(body: bytes, request: Request) -> Response:
    """Return JSON, compressed for those who take it: columns of numbers shrink to a tenth."""
    headers = {"Vary": "Accept-Encoding"}
    if len(body) > LEAST_PACKED and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, 5, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers, media_type="application/json")
