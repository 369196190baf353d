"""What the API reads and answers, and its one form of error: a problem with a remedy (RFC 9457)."""

from datetime import UTC, datetime
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from starlette.responses import JSONResponse

from teleward_gateway.api.person import signed
from teleward_gateway.journal.chart import Line
from teleward_signal.alarms.limits import MetricLimits
from teleward_signal.errors import TelewardError
from teleward_signal.model import AlarmEvent
from teleward_signal.record import Record, RecordId
from teleward_signal.vocabulary import METRICS

Author = Annotated[
    str,
    StringConstraints(min_length=1, max_length=80, strip_whitespace=True),
    AfterValidator(signed),
]
"""Who wrote it, kept in the audit: a name or initials, with a login always that of the account."""

FOREVER_NS = 2**62
"""Beyond every time that a record can have (year 2116), and within 64 bits."""
Moment = Annotated[int, Field(ge=0, le=FOREVER_NS)]
"""A time asked for: UTC in nanoseconds since 1970."""

AUDIO_PAUSE_LIMIT_S = 120
"""The longest audio pause: the two minutes usual on monitors, so that no silence is forgotten."""


class Strict(BaseModel):
    """A request body: unknown fields are errors."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _of_their_types(cls, data: Any) -> Any:
        """Refuse what Python would convert and the schema forbids: true as 1, "7" as 7, 1 as true.

        A value of the wrong type is a mistake of the sender, whose meaning would be guessed.
        """
        if isinstance(data, dict):
            for name, field in cls.model_fields.items():
                value = data.get(field.alias or name)
                kinds = _primitives(field.annotation)
                if type(value) in (bool, int, float, str) and kinds and not _fits(value, kinds):
                    raise ValueError(f"{name}: {value!r} is of the wrong type")
        return data


def _primitives(annotation: Any) -> frozenset[type]:
    """Return the primitive types that ``annotation`` allows at its top, none when others are."""
    if annotation in (bool, int, float, str):
        return frozenset({annotation})
    if annotation is type(None):
        return frozenset()
    if get_origin(annotation) is Annotated:
        return _primitives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return frozenset().union(*map(_primitives, get_args(annotation)))
    return frozenset()


def _fits(value: Any, kinds: frozenset[type]) -> bool:
    if type(value) in (int, float):
        return not kinds.isdisjoint((int, float))
    if isinstance(value, str) and not value.strip()[:1].isdecimal():
        return True  # no number: refused with the place of the value
    return type(value) in kinds


class Problem(BaseModel):
    """Why a request failed, and what to do about it."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    remedy: str
    key: str | None = None
    """Name of the text in the catalogues of the pages, for those that speak other languages."""
    values: dict[str, Any] | None = None


def problem_response(
    status: int, title: str, detail: str, remedy: str, error: BaseException | None = None
) -> JSONResponse:
    """Return an ``application/problem+json`` answer; ``error`` may name its text by a key."""
    problem = Problem(title=title, status=status, detail=detail, remedy=remedy)
    if isinstance(error, TelewardError) and error.key is not None:
        problem.key, problem.values = error.key, dict(error.values)
    content = problem.model_dump(exclude_none=True)
    return JSONResponse(content, status, media_type="application/problem+json")


class Identity(BaseModel):
    """Identity of a record in the world."""

    gateway: str
    journal: str
    seq: int
    part: int

    @classmethod
    def of(cls, record: RecordId) -> "Identity":
        """Return the identity of ``record``."""
        return cls(gateway=record.gateway, journal=record.journal, seq=record.seq, part=record.part)


class Observation(BaseModel):
    """One record of the journal."""

    id: Identity
    kind: str
    time: str
    time_ns: int
    uncertainty_s: float
    provenance: Literal["field", "simulated"]
    subject: str | None
    device: str | None
    metric: str | None
    unit: str | None
    value: float | None
    payload: dict[str, Any]

    @classmethod
    def of(cls, record: Record) -> "Observation":
        """Return ``record`` without its samples, which the export carries."""
        metric = METRICS.get(record.metric or "")
        return cls(
            id=Identity.of(record.id),
            kind=record.kind.value,
            time=iso_time(record.time_ns),
            time_ns=record.time_ns,
            uncertainty_s=record.uncertainty_ns / 1e9,
            provenance=record.provenance.value,
            subject=record.subject,
            device=record.device,
            metric=record.metric,
            unit=metric.unit if metric else None,
            value=record.payload.get("value"),
            payload=record.payload,
        )


class History(BaseModel):
    """A page of records, oldest first; ``next`` goes into ``after`` of the following request."""

    observations: list[Observation]
    next: str | None


class Trend(BaseModel):
    """A metric in buckets of ``bucket_s`` seconds, a column a property; empty buckets are left out.

    ``time_ms`` is when each begins, Unix time in milliseconds. Not ``complete``: older records are
    still being summed up, as after an upgrade; ask again later.
    """

    metric: str
    unit: str
    bucket_s: int
    complete: bool
    time_ms: list[int]
    low: list[float]
    mean: list[float]
    high: list[float]
    count: list[int]

    @classmethod
    def of(cls, metric: str, line: Line) -> "Trend":
        """Return ``line`` for a page."""
        found = line.buckets
        width_ms = line.width_ns // 1_000_000
        return cls(
            metric=metric,
            unit=METRICS[metric].unit,
            bucket_s=width_ms // 1000,
            complete=line.complete,
            time_ms=[] if found is None else (found.place * width_ms).tolist(),
            low=[] if found is None else _rounded(found.low.tolist()),
            mean=[] if found is None else _rounded((found.sum / found.count).tolist()),
            high=[] if found is None else _rounded(found.high.tolist()),
            count=[] if found is None else found.count.tolist(),
        )


def _rounded(values: list[float]) -> list[float]:
    """Trends are kept in 32 bits: six digits are true, more than any vital sign has."""
    return [float(f"{value:.6g}") for value in values]


class Reading(Strict):
    """One value of a manual observation; ``unit`` is optional and checked when given."""

    metric: str
    value: float = Field(allow_inf_nan=False)
    unit: str | None = None


class ManualObservation(Strict):
    """What a person saw: consciousness, oxygen, SpO2 scale, a typed blood pressure ..."""

    author: Author
    readings: list[Reading] = Field(min_length=1, max_length=16)
    time_ns: int | None = Field(None, gt=0, lt=FOREVER_NS, description="UTC; now when left out")
    valid_s: float | None = Field(
        None, gt=0, le=86400, description="how long it stands; the usual for the metric if left out"
    )


class Alarm(BaseModel):
    """The newest event of an alarm condition."""

    subject: str
    condition: str
    kind: str
    priority: str
    presence: str
    time: str
    time_ns: int
    since_ns: int | None
    text: str
    metric: str | None
    value: float | None
    limit: float | None
    author: str | None

    @classmethod
    def of(cls, event: AlarmEvent) -> "Alarm":
        """Return ``event`` as JSON values."""
        return cls(
            subject=event.subject,
            condition=event.condition,
            kind=event.kind.value,
            priority=event.priority.value,
            presence=event.presence.value,
            time=iso_time(event.time_ns),
            time_ns=event.time_ns,
            since_ns=event.since_ns,
            text=event.text,
            metric=event.metric,
            value=event.value,
            limit=event.limit,
            author=event.author,
        )


class Acknowledge(Strict):
    """Who acknowledges which alarm condition."""

    subject: str
    condition: str
    author: Author
    since_ns: int | None = Field(
        None, description="the occurrence that was seen, to the millisecond; any when left out"
    )


class AudioPause(Strict):
    """Pause the alarm sound of a subject; 0 s ends the pause."""

    author: Author
    duration_s: float = Field(120, ge=0, le=AUDIO_PAUSE_LIMIT_S)


class AudioPaused(BaseModel):
    """Until when the alarm sound is paused."""

    until: str | None
    until_ns: int | None


class MetricLimitsBody(Strict):
    """Alarm limits of one metric in its unit; null is off.

    ``very_low`` and ``very_high`` raise high-priority alarms, ``low`` and ``high`` medium ones.
    """

    very_low: float | None = Field(None, allow_inf_nan=False)
    low: float | None = Field(None, allow_inf_nan=False)
    high: float | None = Field(None, allow_inf_nan=False)
    very_high: float | None = Field(None, allow_inf_nan=False)

    @classmethod
    def of(cls, limits: MetricLimits) -> "MetricLimitsBody":
        """Return ``limits`` as JSON values."""
        return cls(
            very_low=limits.very_low,
            low=limits.low,
            high=limits.high,
            very_high=limits.very_high,
        )


class LimitsChange(Strict):
    """New alarm limits for some metrics; what is not named stays as it is."""

    author: Author
    limits: dict[str, MetricLimitsBody] = Field(min_length=1, max_length=32)


class GatewayAnswer(BaseModel):
    """Who the gateway is."""

    name: str
    version: str
    ward: str
    provenance: Literal["field", "simulated"]
    journal: str
    started: str
    loss_window_s: float
    notice: str = "A teaching and monitoring aid, not a certified medical device."


def iso_time(time_ns: int) -> str:
    """Return UTC nanoseconds as ISO 8601 with milliseconds."""
    time = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC)
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time_ns % 1_000_000_000 // 1_000_000:03d}Z"
