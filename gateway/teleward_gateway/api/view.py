"""What the API needs of a running gateway; `teleward_gateway.app` gives it, tests give a small one.

Methods that write return once the journal has committed. They raise the errors of
`teleward_signal.errors`, which the API answers as problems with a remedy (`api.problems`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette.requests import HTTPConnection

from teleward_gateway.health import HealthRegistry
from teleward_gateway.journal.chart import Line
from teleward_gateway.journal.ticket import Request
from teleward_gateway.live import LiveHub
from teleward_gateway.sessions.commissioning import Commissioning
from teleward_signal.alarms.limits import AlarmLimits
from teleward_signal.model import AlarmEvent, Measurement, Provenance
from teleward_signal.record import Record, RecordId, RecordKind


@dataclass(frozen=True, slots=True)
class GatewaySummary:
    """Who this gateway is.

    ``loss_window_s`` is how much a power cut may take: commit interval plus block length.
    """

    name: str
    version: str
    provenance: Provenance
    journal: str
    started_ns: int
    loss_window_s: float
    ward: str = "Ward"
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """A range of records, oldest first; ``start_ns`` inclusive and ``end_ns`` exclusive, UTC.

    ``after`` is the (seq, part) of the last record of the page before, or None; ``after_ns`` is
    the time it had, for the day when that record is not kept any more.
    """

    subject: str
    metric: str | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    kinds: frozenset[RecordKind] = frozenset({RecordKind.MEASUREMENT})
    limit: int = 1000
    after: tuple[int, int] | None = None
    after_ns: int | None = None


class GatewayView(Protocol):
    """The running gateway as the API sees it."""

    @property
    def live(self) -> LiveHub:
        """The live state and its pages."""
        ...

    @property
    def registry(self) -> Any:
        """Subjects, devices and bindings (`teleward_gateway.registry`)."""
        ...

    @property
    def health(self) -> HealthRegistry:
        """The probes of all parts."""
        ...

    @property
    def commissioning(self) -> Commissioning:
        """Devices in reach, pairing, and what to bind them to."""
        ...

    def now_ns(self) -> int:
        """Return the gateway's time, UTC ns."""
        ...

    def summary(self) -> GatewaySummary:
        """Return the gateway's identity."""
        ...

    def has_subject(self, subject: str) -> bool:
        """Return whether ``subject`` is admitted."""
        ...

    async def history(self, query: HistoryQuery) -> Sequence[Record]:
        """Return at most ``query.limit`` records of the journal."""
        ...

    async def waveforms_kept_from(self) -> int | None:
        """Return the time of the oldest waveform that is kept, UTC ns; None when there is none."""
        ...

    async def trend(
        self, subject: str, metric: str, start_ns: int, end_ns: int, points: int
    ) -> Line:
        """Return how a metric ran, in at most ``points`` buckets."""
        ...

    async def observe(
        self, subject: str, measurements: Sequence[Measurement], request: Request | None = None
    ) -> list[RecordId]:
        """Record manual observations and show them; one identity for each."""
        ...

    async def note(
        self, subject: str, text: str, at_ns: int, author: str, until_ns: int | None = None
    ) -> None:
        """Keep what a person notes about the moment ``at_ns``, UTC, or from then to another."""
        ...

    def alarms(self, subject: str | None = None) -> Sequence[AlarmEvent]:
        """Return the newest event of every alarm condition that is not off."""
        ...

    async def acknowledge(
        self, subject: str, condition: str, author: str, since_ns: int | None = None
    ) -> AlarmEvent:
        """Acknowledge one alarm condition, or the occurrence that began at ``since_ns``."""
        ...

    async def pause_audio(self, subject: str, duration_s: float, author: str) -> int | None:
        """Pause the alarm sound of a subject (0 ends the pause); return until when, UTC ns."""
        ...

    def limits(self, subject: str) -> AlarmLimits:
        """Return the alarm limits of a subject."""
        ...

    def version(self, subject: str) -> int:
        """Return the version of what is prescribed for a subject."""
        ...

    async def change_limits(
        self, subject: str, changes: Mapping[str, Any], author: str, seen: int | None = None
    ) -> None:
        """Change the limits that are named, unless they were changed since version ``seen``."""
        ...


def view_of(connection: HTTPConnection) -> GatewayView:
    """Return the gateway behind a request or WebSocket (a FastAPI dependency)."""
    view: GatewayView = connection.app.state.view
    return view
