"""Trends of a subject as one table to download: a row a bucket of time, columns a metric."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from teleward_gateway.api.notes import LONGEST_NS, Happening, happenings
from teleward_gateway.api.observations import known_metric
from teleward_gateway.api.schemas import Moment, Trend, iso_time
from teleward_gateway.api.trends import MOST_POINTS, USUAL_NS
from teleward_gateway.api.view import GatewayView, view_of
from teleward_signal.errors import Invalid, NotFound
from teleward_signal.vocabulary import METRICS, MetricKind, unit_text

CHARTED = (
    "heart_rate", "pulse_rate", "spo2", "respiratory_rate", "etco2", "nibp_systolic",
    "nibp_diastolic", "nibp_mean", "arterial_systolic", "arterial_diastolic", "arterial_mean",
    "body_temperature", "news2",
)  # fmt: skip
"""What a table holds when no metric is asked for."""
PLAIN_UNITS = {"Cel": "\u00b0C", "mm[Hg]": "mmHg"}
"""UCUM units as people write them."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First letters by which a spreadsheet takes a text for a formula and carries it out."""

router = APIRouter(tags=["observations"])
View = Annotated[GatewayView, Depends(view_of)]


class CsvAnswer(Response):
    """A table by RFC 4180: commas, lines that end in CRLF, UTF-8."""

    media_type = "text/csv"


@router.get("/subjects/{subject}/trends.csv", response_class=CsvAnswer)
async def trend_table(
    view: View,
    subject: str,
    metric: Annotated[list[str] | None, Query(description="all that are charted")] = None,
    start_ns: Annotated[Moment | None, Query(description="UTC; a day before the end")] = None,
    end_ns: Annotated[Moment | None, Query(description="UTC; now")] = None,
    points: Annotated[int, Query(ge=1, le=MOST_POINTS)] = 500,
) -> CsvAnswer:
    """Return trends as a CSV table: time (UTC), lowest, mean and highest of each metric, events.

    A metric without values has no columns; times without any value have no row. Events are those
    of the last eight days of the range.
    """
    if not view.has_subject(subject):
        raise NotFound(f"no subject {subject!r}")
    end = view.now_ns() if end_ns is None else end_ns
    start = max(0, end - USUAL_NS) if start_ns is None else start_ns
    if start >= end:
        raise Invalid("start_ns must be before end_ns")
    found = []
    for name in dict.fromkeys(metric or CHARTED):
        if known_metric(name).kind is MetricKind.WAVEFORM:
            raise Invalid(f"{name} is a waveform: ask for its samples, or for what is derived")
        trend = Trend.of(name, await view.trend(subject, name, start, end, points))
        if trend.time_ms:
            found.append(trend)
    since = max(start, end - LONGEST_NS)
    lines = await happenings(view, subject, since, end)
    events = [(max(start, line.time_ns), text_of(line)) for line in lines]
    file_name = f"trends-{subject}-{iso_time(start)[:10]}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    return CsvAnswer(table(found, events), headers=headers)


def text_of(line: Happening) -> str:
    """Return a line of the timeline as text: what happened, and who did or acknowledged it."""
    return f"{line.text} ({line.author})" if line.author else line.text


def table(trends: Sequence[Trend], events: Sequence[tuple[int, str]]) -> str:
    """Return trends with one width of bucket as CSV, and ``events`` (UTC ns, text) beside them."""
    width_ms = max((trend.bucket_s for trend in trends), default=60) * 1000
    rows: dict[int, dict[str, str]] = {}
    heads = ["time"]
    for trend in trends:
        metric = METRICS[trend.metric]
        unit = PLAIN_UNITS.get(metric.unit, unit_text(metric.unit))
        name = f"{metric.label} ({unit})" if unit else metric.label
        heads += (columns := [f"{name} {part}" for part in ("lowest", "mean", "highest")])
        for time_ms, *values in zip(trend.time_ms, trend.low, trend.mean, trend.high, strict=True):
            shown = [f"{value:.{metric.decimals}f}" for value in values]
            rows.setdefault(time_ms, {}).update(zip(columns, shown, strict=True))
    for time_ns, text in events:
        row = rows.setdefault(time_ns // 1_000_000 // width_ms * width_ms, {})
        row["events"] = "; ".join(filter(None, (row.get("events"), text)))
    return _csv([*heads, "events"], rows)


def _csv(heads: Sequence[str], rows: Mapping[int, dict[str, str]]) -> str:
    written = io.StringIO()
    lines = csv.writer(written)  # of RFC 4180: commas, CRLF, quotes doubled
    lines.writerow(heads)
    for time_ms in sorted(rows):
        cells = rows[time_ms]
        values = [cells.get(head, "") for head in heads[1:-1]]
        time = iso_time(time_ms * 1_000_000)
        lines.writerow([time, *values, plain(cells.get("events", ""))])
    return written.getvalue()


def plain(text: str) -> str:
    """Return a text that a spreadsheet shows and does not carry out."""
    return f"'{text}" if text.startswith(FORMULA) else text
