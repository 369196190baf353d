"""The running gateway as the API sees it (`teleward_gateway.api.view.GatewayView`)."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import teleward_gateway
from teleward_gateway.api.schemas import FOREVER_NS
from teleward_gateway.api.view import GatewaySummary, HistoryQuery
from teleward_gateway.health import HealthRegistry
from teleward_gateway.journal.chart import Line
from teleward_gateway.live import LiveHub
from teleward_gateway.sessions.commissioning import Commissioning
from teleward_signal.alarms.limits import AlarmLimits
from teleward_signal.errors import Conflict, Invalid, NotFound, Unavailable
from teleward_signal.model import AlarmEvent, Measurement, Provenance
from teleward_signal.record import Record, RecordId

if TYPE_CHECKING:
    from teleward_gateway.app import Gateway
    from teleward_gateway.registry.store import Registry

BLOCK_S = 0.25
"""Our protocol's devices send a frame at least four times a second: the longest usual block."""


AHEAD_S = 60.0
"""The clock of the page that sends an observation may be ahead of ours by so much."""


class ApiView:
    """Answers the API from the running parts."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway
        self._started_ns = time.time_ns()

    @property
    def ready(self) -> bool:
        """Return whether sessions, live view and API have been started."""
        return self._gateway.started

    @property
    def live(self) -> LiveHub:
        """The live state and its pages."""
        return self._gateway.live

    @property
    def registry(self) -> "Registry":
        """Subjects, devices and bindings."""
        return self._gateway.registry

    @property
    def health(self) -> HealthRegistry:
        """The probes of all parts."""
        return self._gateway.health

    @property
    def commissioning(self) -> Commissioning:
        """Devices in reach, pairing, and what to bind them to."""
        return self._gateway.commissioning

    def summary(self) -> GatewaySummary:
        """Return the gateway's identity."""
        gateway = self._gateway
        return GatewaySummary(
            name=gateway.settings.gateway.name,
            version=teleward_gateway.__version__,
            provenance=gateway.provenance,
            journal=gateway.journal.stats().journal,
            started_ns=self._started_ns,
            loss_window_s=gateway.settings.journal.commit_interval_s + BLOCK_S,
        )

    def has_subject(self, subject: str) -> bool:
        """Return whether ``subject`` is admitted."""
        return any(admitted.id == subject for admitted in self.registry.subjects())

    async def history(self, query: HistoryQuery) -> Sequence[Record]:
        """Return at most ``query.limit`` records of the journal, oldest first."""
        after = None
        if query.after is not None:
            after = await self._place(query)
            if after is None:
                return []
        return await self._gateway.journal.history(
            query.subject,
            query.metric,
            query.start_ns or 0,
            query.end_ns if query.end_ns is not None else FOREVER_NS,
            query.limit,
            query.kinds,
            after,
        )

    async def _place(self, query: HistoryQuery) -> tuple[int, int] | None:
        """Return time and number after which a page begins; the clock may have been corrected."""
        assert query.after is not None
        last = await self._gateway.journal.find(*query.after)
        time_ns = query.after_ns if last is None else last.time_ns
        return None if time_ns is None else (time_ns, sum(query.after))

    async def trend(
        self, subject: str, metric: str, start_ns: int, end_ns: int, points: int
    ) -> Line:
        """Return how a metric ran, in at most ``points`` buckets."""
        return await self._gateway.journal.trend(subject, metric, start_ns, end_ns, points)

    async def observe(self, subject: str, measurements: Sequence[Measurement]) -> list[RecordId]:
        """Record manual observations and show them; one identity for each."""
        gateway = self._gateway
        now_ns = gateway.clock.now().time_ns
        latest_ns = now_ns + int(AHEAD_S * 1e9)
        if any(m.time_ns is not None and m.time_ns > latest_ns for m in measurements):
            raise Invalid("time_ns lies in the future: give the time of the observation, or none")
        stamped = [replace(m, time_ns=m.time_ns or now_ns) for m in measurements]
        for measurement in stamped:
            gateway.ingest.observe(subject, measurement)
        await gateway.journal.flush()
        return [await self._identity(subject, measurement) for measurement in stamped]

    async def _identity(self, subject: str, measurement: Measurement) -> RecordId:
        start_ns = measurement.time_ns or 0
        records = await self._gateway.journal.history(
            subject, measurement.metric, start_ns, start_ns + 1
        )
        written = [r.id for r in records if r.payload.get("author") == measurement.author]
        if not written:
            raise Unavailable("the journal cannot be written now; see /api/v1/health")
        return max(written)

    def alarms(self, subject: str | None = None) -> Sequence[AlarmEvent]:
        """Return the newest event of every alarm condition that is not off."""
        return self._gateway.board.active(subject)

    async def acknowledge(self, subject: str, condition: str, author: str) -> AlarmEvent:
        """Acknowledge one alarm condition."""
        gateway = self._gateway
        known = {event.condition for event in gateway.board.active(subject)}
        if condition not in known:
            raise NotFound(f"subject {subject} has no active alarm {condition!r}")
        now_ns = gateway.clock.now().time_ns
        events = gateway.board.acknowledge(subject, condition, author, now_ns)
        if not events:
            raise Conflict(f"alarm {condition!r} of subject {subject} is acknowledged already")
        gateway.ingest.raise_alarms(events)
        gateway.audit.note("acknowledge alarm", author, subject, condition=condition)
        await gateway.journal.flush()
        return events[-1]

    async def pause_audio(self, subject: str, duration_s: float, author: str) -> int | None:
        """Pause the alarm sound of a subject (0 ends the pause); return until when, UTC ns."""
        gateway = self._gateway
        now_ns = gateway.clock.now().time_ns
        gateway.board.pause_audio(subject, now_ns + int(duration_s * 1e9))
        left_s = gateway.board.audio_pause_left_s(subject)
        until_ns = now_ns + int(left_s * 1e9) if left_s > 0 else None
        gateway.live.set_audio_pause(subject, until_ns)
        gateway.audit.note("pause alarm sound", author, subject, seconds=left_s)
        await gateway.journal.flush()
        return until_ns

    def limits(self, subject: str) -> AlarmLimits:
        """Return the alarm limits of a subject."""
        return self._gateway.board.limits(subject)

    async def set_limits(self, subject: str, limits: AlarmLimits, author: str) -> None:
        """Judge a subject by other limits from now on."""
        gateway = self._gateway
        gateway.ingest.raise_alarms(gateway.board.set_limits(subject, limits))
        # kept with the subject, so that they outlive a restart
        kept = {**gateway.registry.subject(subject).attributes, "limits": limits.to_dict()}
        await asyncio.to_thread(
            gateway.registry.update_subject, subject, attributes=kept, author=author
        )
        gateway.live.set_limits(subject, limits)
        wanted = limits.to_dict()
        gateway.audit.note("set alarm limits", author, subject, limits=wanted)
        await gateway.journal.flush()


def gateway_description(gateway: "Gateway") -> dict[str, Any]:
    """Return the first message of every page."""
    return {
        "name": gateway.settings.gateway.name,
        "version": teleward_gateway.__version__,
        "provenance": gateway.provenance.value,
        "simulated": gateway.provenance is Provenance.SIMULATED,
    }
