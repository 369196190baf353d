"""The running gateway as the API sees it (`teleward_gateway.api.view.GatewayView`)."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import teleward_gateway
from teleward_gateway.api.notes import NOTE
from teleward_gateway.api.schemas import FOREVER_NS
from teleward_gateway.api.view import GatewaySummary, HistoryQuery
from teleward_gateway.clock import Clock
from teleward_gateway.clock.corrections import PERSON
from teleward_gateway.health import HealthRegistry
from teleward_gateway.journal import Journal
from teleward_gateway.journal.audit import Audit
from teleward_gateway.journal.chart import Line
from teleward_gateway.journal.ticket import Request
from teleward_gateway.live import LiveHub
from teleward_gateway.registry.model import Subject
from teleward_gateway.registry.store import AUDIO_PAUSE, Registry
from teleward_gateway.sessions.commissioning import Commissioning
from teleward_gateway.settings.model import Settings
from teleward_gateway.ward.held_readings import HeldReadings
from teleward_gateway.ward.ingest import Ingest
from teleward_gateway.ward.prescription import age_profile_of, limits_of
from teleward_signal.alarms.board import AlarmBoard
from teleward_signal.alarms.limits import AlarmLimits
from teleward_signal.errors import Conflict, Invalid, NotFound
from teleward_signal.model import AlarmEvent, Measurement, Provenance
from teleward_signal.record import Record, RecordId

BLOCK_S = 0.25
"""Our protocol's devices send a frame at least four times a second: the longest usual block."""


AHEAD_S = 60.0
"""The clock of the page that sends an observation may be ahead of ours by so much."""


class ApiView:
    """Answers the API from the running parts."""

    def __init__(
        self,
        *,
        settings: Settings,
        health: HealthRegistry,
        clock: Clock,
        journal: Journal,
        audit: Audit,
        registry: Registry,
        commissioning: Commissioning,
        board: AlarmBoard,
        live: LiveHub,
        ingest: Ingest,
        readings: HeldReadings,
    ) -> None:
        self.health, self.registry, self.live = health, registry, live
        self.commissioning = commissioning
        self._settings, self._clock, self._journal = settings, clock, journal
        self._audit, self._board, self._ingest = audit, board, ingest
        self.readings = readings
        self._started_ns = clock.now().time_ns
        self._ready = False

    @property
    def ready(self) -> bool:
        """Whether sessions, live view and API have been started."""
        return self._ready

    def started(self) -> None:
        """Note that sessions, live view and API have been started."""
        self._ready = True

    def now_ns(self) -> int:
        """Return the gateway's time, UTC ns."""
        return self._clock.now().time_ns

    def summary(self) -> GatewaySummary:
        """Return the gateway's identity."""
        settings = self._settings
        return GatewaySummary(
            name=settings.gateway.name,
            version=teleward_gateway.__version__,
            provenance=settings.gateway.mode,
            journal=self._journal.stats().journal,
            started_ns=self._started_ns,
            loss_window_s=settings.journal.commit_interval_s + BLOCK_S,
        )

    def has_subject(self, subject: str) -> bool:
        """Return whether ``subject`` is admitted."""
        return any(admitted.id == subject for admitted in self.registry.subjects())

    async def history(self, query: HistoryQuery) -> Sequence[Record]:
        """Return at most ``query.limit`` records of the journal, oldest first.

        Raises NotFound for a subject that was never admitted.
        """
        self.registry.subject(query.subject)
        after = None
        if query.after is not None:
            after = await self._place(query)
            if after is None:
                return []
        return await self._journal.history(
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
        last = await self._journal.find(*query.after)
        time_ns = query.after_ns if last is None else last.time_ns
        return None if time_ns is None else (time_ns, sum(query.after))

    async def waveforms_kept_from(self) -> int | None:
        """Return the time of the oldest waveform that is kept, UTC ns; None when there is none."""
        return await self._journal.waveforms_kept_from()

    async def trend(
        self, subject: str, metric: str, start_ns: int, end_ns: int, points: int
    ) -> Line:
        """Return how a metric ran, in at most ``points`` buckets."""
        return await self._journal.trend(subject, metric, start_ns, end_ns, points)

    async def observe(
        self, subject: str, measurements: Sequence[Measurement], request: Request | None = None
    ) -> list[RecordId]:
        """Record manual observations and show them, all or none; one identity for each.

        A ``request`` that was carried out, before a restart too, is answered as it was.
        A charted SpO2 scale is a prescription: it is written there first. Raises Unavailable when
        the disk takes nothing: then nothing is kept or shown.
        """
        if request is None:
            request = Request("", "")
        elif (known := self._journal.recorded_for(request)) is not None:
            return known
        self._admitted(subject)
        self._journal.check_writable()
        now_ns = self._clock.now().time_ns
        latest_ns = now_ns + int(AHEAD_S * 1e9)
        if any(m.time_ns is not None and m.time_ns > latest_ns for m in measurements):
            raise Invalid("time_ns lies in the future: give the time of the observation, or none")
        for scale in (m for m in measurements if m.metric == "spo2_scale"):
            if scale.value not in (1, 2):
                raise Invalid(f"spo2_scale is 1 or 2, not {scale.value}")
            wanted = {"spo2_scale": int(scale.value)}
            await asyncio.to_thread(
                self.registry.update_subject, subject, attributes=wanted, author=scale.author
            )
        stamped = [
            replace(m, time_ns=now_ns)
            if m.time_ns is None
            else replace(m, detail={**m.detail, "time_base": PERSON})
            for m in measurements
        ]
        tickets = [self._ingest.record_observation(subject, each, request) for each in stamped]
        recorded = await self._journal.recorded(tickets)
        for measurement in stamped:
            self._ingest.show_observation(subject, measurement)
        return recorded

    async def note(
        self, subject: str, text: str, at_ns: int, author: str, until_ns: int | None = None
    ) -> None:
        """Keep what a person notes about the moment ``at_ns``, UTC, or from then to ``until_ns``.

        Raises Unavailable when the disk takes nothing.
        """
        self._admitted(subject)
        self._journal.check_writable()
        span = {} if until_ns is None else {"until_ns": until_ns}
        self._audit.note(NOTE, author, subject, text=text, at_ns=at_ns, **span)
        await self._journal.flush()

    def alarms(self, subject: str | None = None) -> Sequence[AlarmEvent]:
        """Return the newest event of every alarm condition that is not off."""
        return self._board.active(subject)

    async def acknowledge(
        self, subject: str, condition: str, author: str, since_ns: int | None = None
    ) -> AlarmEvent:
        """Acknowledge one alarm condition, or the occurrence that began at ``since_ns``."""
        known = {event.condition for event in self._board.active(subject)}
        if condition not in known:
            raise NotFound(f"subject {subject} has no active alarm {condition!r}")
        now = self._clock.now()
        events = self._board.acknowledge(
            subject, condition, author, now.time_ns, now.monotonic_ns, since_ns
        )
        if not events:
            raise Conflict(f"alarm {condition!r} of subject {subject} is acknowledged already")
        self._ingest.raise_alarms(events)
        self._audit.note("acknowledge alarm", author, subject, condition=condition)
        await self._journal.flush()
        return events[-1]

    async def pause_audio(self, subject: str, duration_s: float, author: str) -> int | None:
        """Pause the alarm sound of a subject (0 ends the pause); return until when, UTC ns."""
        self._admitted(subject)
        row = {AUDIO_PAUSE: {"seconds": duration_s, "at_ns": self._clock.now().time_ns}}
        await asyncio.to_thread(self.registry.prescribe, subject, row, author)
        now_ns = self._clock.now().time_ns
        self._board.pause_audio(subject, now_ns + int(duration_s * 1e9))
        left_s = self._board.audio_pause_left_s(subject)
        until_ns = now_ns + int(left_s * 1e9) if left_s > 0 else None
        self.live.set_audio_pause(subject, until_ns)
        self._audit.note("pause alarm sound", author, subject, seconds=left_s)
        await self._journal.flush()
        return until_ns

    def limits(self, subject: str) -> AlarmLimits:
        """Return the alarm limits in force for a subject."""
        self._admitted(subject)
        return self._board.limits(subject)

    def version(self, subject: str) -> int:
        """Return the version of what is prescribed for a subject: it grows with each change."""
        return self._admitted(subject).version

    async def change_limits(
        self, subject: str, changes: Mapping[str, Any], author: str, seen: int | None = None
    ) -> None:
        """Change the limits that are named; written first, then judged.

        ``changes`` as `AlarmLimits.from_dict` takes them; ``seen`` is the version that the author
        knew: Conflict, if one of the same limits was changed since.
        """
        changed = await asyncio.to_thread(
            self.registry.update_subject,
            subject,
            attributes={"limits": changes},
            author=author,
            seen=seen,
            check=check_limits,
        )
        self._ingest.state.set_limits(subject, usable_limits(changed))
        self._audit.note("set alarm limits", author, subject, limits=dict(changes))
        await self._journal.flush()

    async def set_limits(self, subject: str, limits: AlarmLimits, author: str) -> None:
        """Judge a subject by ``limits``: what differs from those of now is changed."""
        before, after = limits_of(self._admitted(subject)).to_dict(), limits.to_dict()
        await self.change_limits(subject, differing(before, after), author)

    def _admitted(self, subject: str) -> Subject:
        found = self.registry.subject(subject)
        if not self.registry.is_admitted(subject):
            raise NotFound(f"subject {subject} is not admitted")
        return found


def check_limits(subject: Subject) -> None:
    """Raise Invalid where the limits kept with a subject cannot be used."""
    usable_limits(subject)


def usable_limits(subject: Subject) -> AlarmLimits:
    """Return the limits kept with a subject; raises Invalid where `limits_of` would go on."""
    try:
        usual = age_profile_of(subject).metrics
        return AlarmLimits.from_dict(subject.attributes.get("limits", {}), usual)
    except (TypeError, AttributeError) as error:
        raise Invalid(f"limits: {error}") from error


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return what differs in ``after`` from ``before``, nested alike."""
    found: dict[str, Any] = {}
    for key, value in after.items():
        old = before.get(key)
        if isinstance(value, Mapping):
            inner = differing(old if isinstance(old, Mapping) else {}, value)
            found |= {key: inner} if inner else {}
        elif key not in before or value != old:
            found[key] = value
    return found


def gateway_description(settings: Settings) -> dict[str, Any]:
    """Return the gateway's part of the first message to every page."""
    return {
        "name": settings.gateway.name,
        "version": teleward_gateway.__version__,
        "provenance": settings.gateway.mode.value,
        "simulated": settings.gateway.mode is Provenance.SIMULATED,
    }
