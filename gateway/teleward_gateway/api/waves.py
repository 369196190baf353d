"""Any stretch of the recorded waveforms: their samples, with the holes."""

import asyncio
import gzip
import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection

from teleward_gateway.api.observations import known_metric
from teleward_gateway.api.schemas import Moment
from teleward_gateway.api.view import GatewayView, HistoryQuery, view_of
from teleward_gateway.api.wave_runs import WaveChannel, WaveRun, channels_of
from teleward_signal.errors import Invalid, NotFound
from teleward_signal.record import Record, RecordKind
from teleward_signal.vocabulary import METRICS, MetricKind

LONGEST_S = 70.0
"""A minute of twelve leads is a megabyte of JSON, with what a filter needs before it; longer ones
are asked for piece by piece."""
SETTLED_S = 1.0
"""For the transport of a block, its commit and the look-up."""
MOST_RECORDS = 20_000
"""Records of a minute: one a second for each of 64 waveforms, more where links lose much."""
_NS = 1_000_000_000

router = APIRouter(tags=["observations"])
View = Annotated[GatewayView, Depends(view_of)]


class Run(BaseModel):
    """Samples without a hole: value = sample * scale + offset in the unit of the metric."""

    time_ns: int = Field(description="UTC of the first sample")
    period_ns: float = Field(description="from sample to sample, by the gateway's clock")
    scale: float
    offset: float
    samples: list[int]


class Channel(BaseModel):
    """A waveform of one device: its runs, oldest first; between them nothing was received."""

    metric: str
    label: str
    unit: str
    device: str | None
    fs: float = Field(description="Hz, as the device states it")
    runs: list[Run]


class Stretch(BaseModel):
    """What is kept of the waveforms in ``[start_ns, end_ns)``.

    ``kept_from_ns`` is since when this gateway keeps waveforms: older ones made room for newer.
    Not ``complete``: the stretch has more records than one answer; ask for a shorter one.
    """

    start_ns: int
    end_ns: int
    kept_from_ns: int | None
    complete: bool
    provenance: Literal["field", "simulated"]
    channels: list[Channel]


def one_at_a_time(connection: HTTPConnection) -> asyncio.Lock:
    """Return the lock under which stretches are made, one by one (a FastAPI dependency)."""
    state = connection.app.state
    if not hasattr(state, "stretches"):
        state.stretches = asyncio.Lock()
    lock: asyncio.Lock = state.stretches
    return lock


@router.get("/subjects/{subject}/waveforms", response_model=Stretch)
async def waveforms(
    view: View,
    lock: Annotated[asyncio.Lock, Depends(one_at_a_time)],
    request: Request,
    subject: str,
    start_ns: Annotated[Moment | None, Query(description="UTC; the newest when left out")] = None,
    seconds: Annotated[float, Query(gt=0, le=LONGEST_S)] = 10.0,
    metric: Annotated[list[str] | None, Query(description="all when left out")] = None,
) -> Response:
    """Return a stretch of the recorded waveforms of a subject."""
    for name in metric or ():
        if known_metric(name).kind is not MetricKind.WAVEFORM:
            raise Invalid(f"{name} is no waveform: ask for its observations or its trend")
    length_ns = round(seconds * _NS)
    if start_ns is None:
        # what came within the loss window may not be on disk yet: that is no hole
        late_s = view.summary().loss_window_s + SETTLED_S
        start_ns = view.now_ns() - length_ns - round(late_s * _NS)
    query = HistoryQuery(
        subject,
        metric[0] if metric and len(metric) == 1 else None,
        start_ns,
        start_ns + length_ns,
        frozenset({RecordKind.WAVEFORM}),
        MOST_RECORDS,
    )
    records = await view.history(query)
    if not records and not view.has_subject(subject):
        raise NotFound(f"no subject {subject!r}")
    head = {
        "start_ns": start_ns,
        "end_ns": start_ns + length_ns,
        "kept_from_ns": await view.waveforms_kept_from(),
        "complete": len(records) < MOST_RECORDS,
        "provenance": records[0].provenance if records else view.summary().provenance,
    }
    chosen = [record for record in records if not metric or record.metric in metric]
    packed = "gzip" in request.headers.get("accept-encoding", "")
    async with lock:
        body = await asyncio.to_thread(_body, head, chosen, packed)
    headers = {"Vary": "Accept-Encoding"} | ({"Content-Encoding": "gzip"} if packed else {})
    return Response(body, headers=headers, media_type="application/json")


def _body(head: dict[str, Any], records: list[Record], packed: bool) -> bytes:
    """Encode channel by channel: each keeps the interpreter's lock for a few milliseconds."""
    found = channels_of(records, head["start_ns"], head["end_ns"])
    parts = ", ".join(json.dumps(_channel(each)) for each in found)
    body = f'{json.dumps(head)[:-1]}, "channels": [{parts}]}}'.encode()
    return gzip.compress(body, 6) if packed else body


def _channel(channel: WaveChannel) -> dict[str, Any]:
    metric = METRICS[channel.metric]
    return {
        "metric": channel.metric,
        "label": metric.label,
        "unit": metric.unit,
        "device": channel.device,
        "fs": channel.fs,
        "runs": [_run(run) for run in channel.runs],
    }


def _run(run: WaveRun) -> dict[str, Any]:
    return {
        "time_ns": run.time_ns,
        "period_ns": run.period_ns,
        "scale": run.scale,
        "offset": run.offset,
        "samples": run.counts.tolist(),
    }
