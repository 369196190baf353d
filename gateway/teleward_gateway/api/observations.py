"""History by subject, metric and range, and manual observations."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from starlette.requests import HTTPConnection

from teleward_gateway.api.history_page import HistoryPages
from teleward_gateway.api.repeats import IdempotencyKey, RepeatsDep
from teleward_gateway.api.schemas import (
    History,
    Identity,
    ManualObservation,
    Moment,
    Reading,
)
from teleward_gateway.api.view import GatewayView, HistoryQuery, view_of
from teleward_gateway.journal.ticket import Request
from teleward_signal.errors import Invalid
from teleward_signal.model import Measurement, Source
from teleward_signal.record import Record, RecordKind
from teleward_signal.vocabulary import METRICS, Metric, MetricKind, is_plausible, unit_text

HISTORY_LIMIT = 10_000
"""Records in one answer: about 4 MB of JSON; longer ranges go page by page."""
CHARTED_S = 4 * 3600.0
"""How long a charted value stands: NEWS2 chart 4 asks a stable patient again within 4 to 6 h."""
MOMENT_S = 3600.0
"""How long a typed value of a monitored quantity stands."""
VALIDITY_S = {
    "consciousness": CHARTED_S,
    "supplemental_oxygen": CHARTED_S,
    "spo2_scale": 86400.0,
    "body_temperature": CHARTED_S,
    "nibp_systolic": CHARTED_S,
    "nibp_diastolic": CHARTED_S,
    "nibp_mean": CHARTED_S,
}

CURSOR = r"^\d{1,18}\.\d{1,9}(\.-?\d{1,19})?$"

router = APIRouter(tags=["observations"])
View = Annotated[GatewayView, Depends(view_of)]


def pages_of(connection: HTTPConnection) -> HistoryPages:
    """Return what makes the pages of this application (a FastAPI dependency)."""
    pages: HistoryPages = connection.app.state.history_pages
    return pages


@router.get("/subjects/{subject}/observations", response_model=History)
async def history(
    view: View,
    pages: Annotated[HistoryPages, Depends(pages_of)],
    subject: str,
    metric: str | None = None,
    start_ns: Annotated[Moment | None, Query(description="UTC, inclusive")] = None,
    end_ns: Annotated[Moment | None, Query(description="UTC, exclusive")] = None,
    kind: Annotated[list[RecordKind] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=HISTORY_LIMIT)] = 1000,
    after: Annotated[str | None, Query(pattern=CURSOR, description="`next` of a page")] = None,
) -> Response:
    """Return recorded observations of a subject, oldest first."""
    if metric is not None:
        known_metric(metric)
    position, position_ns = read_cursor(after)
    kinds = frozenset(kind) if kind else frozenset({RecordKind.MEASUREMENT})
    query = HistoryQuery(subject, metric, start_ns, end_ns, kinds, limit, position, position_ns)
    records = await view.history(query)
    following = cursor(records[-1]) if len(records) == limit else None
    return Response(await pages.page(records, following), media_type="application/json")


def cursor(record: Record) -> str:
    """Return where the page that ends with ``record`` goes on: seq, part and time."""
    return f"{record.id.seq}.{record.id.part}.{record.time_ns}"


def read_cursor(text: str | None) -> tuple[tuple[int, int] | None, int | None]:
    """Return the (seq, part) and the time of a cursor; those of older pages have no time."""
    if text is None:
        return None, None
    seq, part, *time_ns = map(int, text.split("."))
    return (seq, part), time_ns[0] if time_ns else None


@router.post("/subjects/{subject}/observations", status_code=201)
async def observe(
    view: View,
    repeats: RepeatsDep,
    subject: str,
    observation: ManualObservation,
    key: IdempotencyKey = None,
) -> list[Identity]:
    """Record a manual observation; the answer comes after the commit.

    503 when the disk takes nothing: then nothing of it is kept, and it can be sent again.
    """
    content = f"{subject}\n{observation.model_dump_json()}"
    request = None if key is None else Request.of(key, content)
    found: list[Identity] = await repeats.once(
        key, (subject, observation), lambda: _observe(view, subject, observation, request)
    )
    return found


async def _observe(
    view: GatewayView, subject: str, observation: ManualObservation, request: Request | None
) -> list[Identity]:
    group = None
    if any(reading.metric.startswith("nibp_") for reading in observation.readings):
        group = "manual"
    measurements = [
        Measurement(
            reading.metric,
            checked_value(reading),
            source=Source.MANUAL,
            time_ns=observation.time_ns,
            valid_s=observation.valid_s or VALIDITY_S.get(reading.metric, MOMENT_S),
            author=observation.author,
            group=group,
        )
        for reading in observation.readings
    ]
    check_pressures({m.metric: m.value for m in measurements})
    records = await view.observe(subject, measurements, request)
    return [Identity.of(record) for record in records]


def known_metric(name: str) -> Metric:
    """Return the metric called ``name``; ValueError names the near ones."""
    metric = METRICS.get(name)
    if metric is None:
        raise Invalid(f"no metric {name!r}; known are: {', '.join(METRICS)}")
    return metric


def checked_value(reading: Reading) -> float:
    """Return the value when it can be true of a living person, else raise ValueError."""
    metric = known_metric(reading.metric)
    if metric.kind is not MetricKind.NUMERIC:
        raise Invalid(f"{metric.name} is a waveform and cannot be typed")
    if reading.unit is not None and reading.unit != metric.unit:
        raise Invalid(f"{metric.name} is in {metric.unit}, not {reading.unit!r}")
    if not is_plausible(metric.name, reading.value):
        raise Invalid(
            f"{metric.name} {reading.value:g} {unit_text(metric.unit)}".rstrip()
            + f" is outside {metric.low:g} to {metric.high:g}: check for a typing error"
        )
    if metric.name in ("consciousness", "spo2_scale") and reading.value % 1:
        raise Invalid(f"{metric.name} must be a whole number")
    return reading.value


def check_pressures(values: dict[str, float | None]) -> None:
    """Refuse a systolic pressure that is not above the diastolic one."""
    systolic, diastolic = values.get("nibp_systolic"), values.get("nibp_diastolic")
    if systolic is not None and diastolic is not None and systolic <= diastolic:
        raise Invalid(f"systolic {systolic:g} must be above diastolic {diastolic:g} mm[Hg]")
