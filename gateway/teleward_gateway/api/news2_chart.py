"""The NEWS2 observation chart of a subject: what was scored when, and how each value was measured.

A column is the score as it was recorded at that time, never one made afterwards: an incomplete set
stays incomplete. Thresholds and responses: Royal College of Physicians, National Early Warning
Score (NEWS) 2, London, December 2017, charts 1, 2 and 4.
"""

from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from teleward_gateway.api.schemas import Moment, iso_time
from teleward_gateway.api.view import GatewayView, HistoryQuery, view_of
from teleward_signal.errors import Invalid, NotFound
from teleward_signal.news2 import NOTICE, PARAMETERS, points_of
from teleward_signal.record import Record
from teleward_signal.vocabulary import METRICS

_NS = 1_000_000_000
USUAL_NS = 12 * 3600 * _NS
MOST_COLUMNS = 60
"""Of a chart: a day by half hours with a dozen entries; older columns are left out."""
SCORED_WITHIN_NS = 120 * _NS
"""An unchanged score is recorded once a minute: without one for two there was none."""
MOST_ENTRIES = 500

router = APIRouter(tags=["observations"])
View = Annotated[GatewayView, Depends(view_of)]


class News2Cell(BaseModel):
    """A scored value; ``points`` are null where they depend on an input that is missing."""

    value: float
    points: int | None
    metric: str = Field(description="what it was taken from: a pulse may be a heart rate")
    source: str | None = Field(None, description="device, derived or manual")
    author: str | None = Field(None, description="who entered it")
    device: str | None = None
    time_ns: int | None = Field(None, description="when it was measured, UTC")


class News2Column(BaseModel):
    """A set of observations; ``total`` and ``risk`` are null unless all seven are known.

    ``cells`` by parameter; ``at_least`` is the sum of the points that are known.
    """

    time: str
    time_ns: int
    total: int | None
    risk: str | None
    at_least: int
    missing: list[str]
    stale: list[str]
    spo2_scale: int
    cells: dict[str, News2Cell]


class News2Band(BaseModel):
    """Displayed values ``low`` to ``high`` of a parameter give ``points``; null: open."""

    low: float | None
    high: float | None
    points: int


class News2Chart(BaseModel):
    """Columns oldest first; ``not_applied`` is why the person is not scored at all."""

    not_applied: str | None
    notice: str = NOTICE
    source: str = "Royal College of Physicians. National Early Warning Score 2 (NEWS2), 2017"
    parameters: tuple[str, ...] = PARAMETERS
    columns: list[News2Column]
    bands: dict[str, list[News2Band]]


@router.get("/subjects/{subject}/news2")
async def news2_chart(
    view: View,
    subject: str,
    start_ns: Annotated[Moment | None, Query(description="UTC; 12 h before the end")] = None,
    end_ns: Annotated[Moment | None, Query(description="UTC; now")] = None,
    step_s: Annotated[int, Query(ge=300, le=86_400, description="a column at each step")] = 3600,
) -> News2Chart:
    """Return NEWS2 scores at regular times, at every entry of a person, and the newest one.

    At most 60 columns, the newest.
    """
    if not view.has_subject(subject):
        raise NotFound(f"no subject {subject!r}")
    end = view.now_ns() if end_ns is None else end_ns
    start = max(0, end - USUAL_NS) if start_ns is None else start_ns
    if start >= end:
        raise Invalid("start_ns must be before end_ns")
    why = view.live.not_scored(subject)
    records = [] if why else await _scores(view, subject, start, end, step_s * _NS)
    columns = [column_of(record) for record in records]
    return News2Chart(not_applied=why, columns=columns, bands=bands())


async def _scores(
    view: GatewayView, subject: str, start_ns: int, end_ns: int, step_ns: int
) -> list[Record]:
    """Return the scores to show, by time."""
    first = -(-start_ns // step_ns) * step_ns
    regular = range(first, end_ns, step_ns)[-MOST_COLUMNS:]
    entries = await view.history(
        HistoryQuery(subject, "consciousness", start_ns, end_ns, limit=MOST_ENTRIES)
    )
    times = {*regular, *(record.time_ns for record in entries)}
    found: dict[tuple[int, int], Record] = {}
    for time_ns in sorted(times)[-MOST_COLUMNS:]:
        until_ns = min(end_ns, time_ns + SCORED_WITHIN_NS)
        query = HistoryQuery(subject, "news2", time_ns, until_ns, limit=1)
        for record in await view.history(query):
            found[record.id.seq, record.id.part] = record
    newest = await view.history(
        HistoryQuery(subject, "news2", max(start_ns, end_ns - SCORED_WITHIN_NS), end_ns)
    )
    for record in newest[-1:]:
        found[record.id.seq, record.id.part] = record
    return sorted(found.values(), key=lambda record: record.time_ns)[-MOST_COLUMNS:]


def column_of(record: Record) -> News2Column:
    """Return a recorded score as a column."""
    detail: dict[str, Any] = record.payload.get("detail") or {}
    points, sources = detail.get("points", {}), detail.get("sources", {})
    value = record.payload.get("value")
    cells = {
        parameter: News2Cell(
            value=scored,
            points=points.get(parameter),
            **{"metric": parameter, **sources.get(parameter, {})},
        )
        for parameter, scored in detail.get("values", {}).items()
    }
    return News2Column(
        time=iso_time(record.time_ns),
        time_ns=record.time_ns,
        total=None if value is None else int(value),
        risk=detail.get("risk"),
        at_least=detail.get("at_least", 0),
        missing=detail.get("missing", []),
        stale=detail.get("stale", []),
        spo2_scale=detail.get("spo2_scale", 1),
        cells=cells,
    )


@cache
def bands() -> dict[str, list[News2Band]]:
    """Return the thresholds of each parameter as the score applies them, found by scoring."""
    tables = {
        "respiratory_rate": "respiratory_rate",
        "spo2": "spo2",
        "spo2_scale2_air": "spo2",
        "spo2_scale2_oxygen": "spo2",
        "nibp_systolic": "nibp_systolic",
        "pulse": "heart_rate",
        "body_temperature": "body_temperature",
    }
    return {table: _bands(table, METRICS[metric].decimals) for table, metric in tables.items()}


def _bands(table: str, decimals: int) -> list[News2Band]:
    scale = 10**decimals
    values = [n / scale for n in range(320 * scale if decimals == 0 else 46 * scale)]
    if table.startswith("spo2"):
        values = values[:101]
    scored: Sequence[tuple[float, int]] = [(value, points_of(table, value)) for value in values]
    found: list[News2Band] = []
    for value, points in scored:
        if found and found[-1].points == points:
            found[-1].high = value
        else:
            found.append(News2Band(low=value, high=value, points=points))
    found[0].low = None
    found[-1].high = None
    return found
