"""A ward for the pages: a real hub and API, fed with synthetic signals and real alarms.

For the dashboard's benchmark and the browser tests (`feed_server`): it loads the pages, not the
gateway.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from teleward_gateway.api.notes import NOTE
from teleward_gateway.api.view import GatewaySummary, HistoryQuery
from teleward_gateway.health import HealthRegistry
from teleward_gateway.journal.chart import Line, resolution
from teleward_gateway.journal.drafts import measurement_draft
from teleward_gateway.journal.event_drafts import alarm_draft, audit_draft
from teleward_gateway.journal.ticket import Request
from teleward_gateway.journal.trend import Gathering
from teleward_gateway.live import LiveHub
from teleward_gateway.testing.fed_marks import FedMarks
from teleward_gateway.testing.ward_patients import CASES, WAVES, Bed, wave
from teleward_gateway.ward.score_evidence import recorded_score
from teleward_signal.alarms.board import AlarmBoard
from teleward_signal.alarms.limits import AlarmLimits, MetricLimits
from teleward_signal.errors import Conflict, NotFound
from teleward_signal.model import (
    AlarmEvent,
    Annotation,
    Measurement,
    Provenance,
    SampleBlock,
    Source,
)
from teleward_signal.news2 import News2
from teleward_signal.news2_board import ScoreBoard
from teleward_signal.record import Draft, Record, RecordId


class WardFeed:
    """A `GatewayView` over a real hub and alarm board, with signals made on the spot."""

    def __init__(self, beds: int = 16, seed: int = 1, alarms: bool = True) -> None:
        self._ahead_ns = time.time_ns() - time.monotonic_ns()
        about = {"name": "feed", "ward": "Ward A", "simulated": True}
        self.live = LiveHub(about, clock=self.now_ns)
        self.board = AlarmBoard()
        self.scores = ScoreBoard(self._scored)
        self.registry: Any = None
        self.commissioning: Any = None
        self.health = HealthRegistry()
        self.records: list[Record] = []
        self.score_records: list[Record] = []
        self.marks = FedMarks()
        self.versions: dict[str, int] = {}
        self.random = np.random.default_rng(seed)
        self.beds = [Bed(f"sim-{n + 1:02d}", CASES[n % len(CASES)]) for n in range(beds)]
        self.with_alarms = alarms
        self.started_ns = self.now_ns()
        for number, bed in enumerate(self.beds, 1):
            self.live.set_subject(
                bed.subject,
                label=f"SIM-{1000 + 7 * number}",
                bed=f"Bed {number:02d}",
                simulated=True,
                detail=bed.case[0],
            )
            self.live.set_limits(bed.subject, self.board.limits(bed.subject))
            self.live.set_version(bed.subject, 0)
            for device in ("ECG patch", "Oximeter"):
                self.live.set_link(bed.subject, device, "streaming", label=device)

    # what the API asks

    def now_ns(self) -> int:
        """Return UTC ns, counted by the monotonic clock as the gateway does."""
        return time.monotonic_ns() + self._ahead_ns

    def summary(self) -> GatewaySummary:
        """Return the feed's identity."""
        return GatewaySummary(
            "feed", "0", Provenance.SIMULATED, "feed", self.started_ns, 2.0, "Ward A"
        )

    def has_subject(self, subject: str) -> bool:
        """Return whether there is such a bed."""
        return subject in {bed.subject for bed in self.beds}

    def require(self, subject: str) -> None:
        """Raise NotFound for a bed that there is not."""
        if not self.has_subject(subject):
            raise NotFound(f"no subject {subject!r}")

    async def history(self, query: HistoryQuery) -> Sequence[Record]:
        """Return what was typed in."""
        self.require(query.subject)
        found = [
            r
            for r in (self.score_records if query.metric == "news2" else self.records)
            if r.subject == query.subject
            and r.kind in query.kinds
            and query.metric in (None, r.metric)
            and (query.start_ns is None or r.time_ns >= query.start_ns)
            and (query.end_ns is None or r.time_ns < query.end_ns)
            and (query.after is None or (r.id.seq, r.id.part) > query.after)
        ]
        return [*found, *self.marks.history(query)][: query.limit]

    async def waveforms_kept_from(self) -> int | None:
        """Return since when the feed keeps waveforms."""
        return self.marks.kept_from()

    async def trend(
        self, subject: str, metric: str, start_ns: int, end_ns: int, points: int
    ) -> Line:
        """Return how what was typed in ran."""
        _, width_ns = resolution(end_ns - start_ns, points)
        gathering = Gathering(width_ns)
        gathering.add(
            r
            for r in (*self.records, *self.score_records)
            if r.subject == subject and start_ns <= r.time_ns < end_ns
        )
        return Line(width_ns, gathering.trend().get((subject, metric)), True)

    async def observe(
        self, subject: str, measurements: Sequence[Measurement], request: Request | None = None
    ) -> list[RecordId]:
        """Show what was typed in, and keep it in memory."""
        self.require(subject)
        identities = []
        for m in measurements:
            self.show(subject, m)
            stamped = replace(m, time_ns=m.time_ns or self.now_ns())
            identities.append(self.keep(measurement_draft(subject, None, stamped)))
        self.scores.tick(self.now_ns())
        return identities

    async def note(
        self, subject: str, text: str, at_ns: int, author: str, until_ns: int | None = None
    ) -> None:
        """Keep a note in memory."""
        self.require(subject)
        note = {"text": text, "at_ns": at_ns, "until_ns": until_ns}
        self.keep(replace(audit_draft(NOTE, author, subject, **note), time_ns=at_ns))

    def alarms(self, subject: str | None = None) -> Sequence[AlarmEvent]:
        """Return the active alarms."""
        return self.board.active(subject)

    async def acknowledge(
        self, subject: str, condition: str, author: str, since_ns: int | None = None
    ) -> AlarmEvent:
        """Acknowledge on the real alarm board."""
        self.require(subject)
        if condition not in {event.condition for event in self.board.active(subject)}:
            raise NotFound(f"no alarm {condition!r} of {subject} to acknowledge")
        events = self.board.acknowledge(
            subject, condition, author, self.now_ns(), since_ns=since_ns
        )
        if not events:
            raise Conflict(f"alarm {condition!r} of {subject} is acknowledged already")
        self.publish(events)
        return events[-1]

    async def pause_audio(self, subject: str, duration_s: float, author: str) -> int | None:
        """Pause on the real alarm board."""
        self.require(subject)
        until = self.now_ns() + round(duration_s * 1e9) if duration_s else None
        self.board.pause_audio(subject, until or 0)
        self.live.set_audio_pause(subject, until)
        return until

    def limits(self, subject: str) -> AlarmLimits:
        """Return the limits of the alarm board."""
        self.require(subject)
        return self.board.limits(subject)

    def version(self, subject: str) -> int:
        """Return how often the limits of a bed were changed."""
        self.require(subject)
        return self.versions.get(subject, 0)

    async def change_limits(
        self, subject: str, changes: Mapping[str, Any], author: str, seen: int | None = None
    ) -> None:
        """Change limits on the real alarm board."""
        if seen is not None and seen < self.version(subject):
            raise Conflict(f"the limits of {subject} were changed meanwhile")
        wanted = self.board.limits(subject)
        for name, given in changes.get("metrics", {}).items():
            changed = replace(wanted.metrics.get(name, MetricLimits()), **given)
            wanted = wanted.with_metric(name, changed)
        self.versions[subject] = self.version(subject) + 1
        self.live.set_version(subject, self.versions[subject])
        self.publish(self.board.set_limits(subject, wanted))
        self.live.set_limits(subject, wanted)

    # what the patients send

    def show(self, subject: str, measurement: Measurement) -> None:
        """Publish a value, score it and judge it."""
        self.live.publish_measurement(subject, measurement)
        self.scores.update(subject, measurement)
        if self.with_alarms:
            self.publish(self.board.update(subject, measurement, self.now_ns()))

    def publish(self, events: Sequence[AlarmEvent]) -> None:
        """Publish alarm events, and keep them in memory."""
        for event in events:
            self.live.publish_alarm(event)
            self.keep(alarm_draft(event))

    def keep(self, draft: Draft) -> RecordId:
        """Keep a record in memory; scores apart from what people and alarms did."""
        kept = self.score_records if draft.metric == "news2" else self.records
        identity = RecordId("feed", "feed", len(kept), 0)
        time_ns = draft.time_ns or self.now_ns()
        kept.append(
            Record(
                identity, draft.kind, Provenance.SIMULATED, time_ns, 0, 0, "boot",
                draft.subject, None, draft.metric, draft.payload,
            )
        )  # fmt: skip
        return identity

    def _scored(self, subject: str, score: News2, now_ns: int) -> None:
        self.live.publish_news2(subject, score)
        inputs = self.scores.inputs(subject)
        scored = recorded_score(score, inputs, lambda _: "Oximeter", now_ns)
        self.keep(measurement_draft(subject, None, scored))

    def waves(self, bed: Bed, now_ns: int, period_s: float) -> None:
        """Publish the samples of one bed up to ``now_ns``."""
        heart, breaths = bed.case[1] / 60, bed.case[3] / 60
        start_ns = now_ns - round(period_s * 1e9)
        bed.elapsed_s += period_s
        for metric, fs, scale in WAVES:
            first = bed.sent.get(metric, 0)
            count = round(fs * bed.elapsed_s) - first
            at = (first + np.arange(count)) / fs - (bed.elapsed_s - period_s)
            values = wave(metric, (bed.phase + at * heart) % 1, bed.breath + at * breaths)
            values += self.random.normal(0, 0.012 if metric == "ecg_ii" else 0, count)
            bed.sent[metric] = first + count
            if metric not in bed.silent and first >= bed.lost_until.get(metric, 0):
                counts = np.rint(values / scale).astype(np.int16)
                time_ns = start_ns + round(at[0] * 1e9)
                block = SampleBlock(metric, fs, counts, scale, first, time_ns=time_ns)
                self.live.publish_block(bed.subject, block)
                self.marks.take_block(bed.subject, block)
        before = bed.phase
        bed.phase = (bed.phase + heart * period_s) % 1
        bed.breath = (bed.breath + breaths * period_s) % 1
        if before < 0.3 <= bed.phase:
            moment_ns = start_ns + round((0.3 - before) / heart * 1e9)
            self.marks.take_mark(bed.subject, beat := Annotation("ecg_ii", "N", moment_ns))
            self.live.publish_annotation(bed.subject, beat)

    def numerics(self, bed: Bed) -> None:
        """Publish the numerics of one bed."""
        if "numerics" in bed.silent:
            return
        _, heart, spo2, breaths, *_ = bed.case
        wobble = int(self.random.integers(-1, 2))
        now_ns = self.now_ns()
        for metric, value, valid_s in (
            ("heart_rate", heart + wobble, 5.0),
            ("spo2", spo2, 5.0),
            ("respiratory_rate", breaths, 5.0),
            ("perfusion_index", 2.4, 5.0),
        ):
            self.show(
                bed.subject,
                Measurement(
                    metric, float(value), quality=0.95, source=Source.DERIVED, time_ns=now_ns,
                    valid_s=valid_s,
                ),
            )  # fmt: skip
        if "cuff" not in bed.silent:
            bed.silent.add("cuff")
            self._measure_cuff(bed, now_ns)

    def _measure_cuff(self, bed: Bed, now_ns: int) -> None:
        """Publish pressures and temperature once, and what a nurse enters with them."""
        *_, systolic, diastolic, temperature = bed.case
        mean = round((systolic + 2 * diastolic) / 3)
        for metric, value in (
            ("nibp_systolic", systolic),
            ("nibp_diastolic", diastolic),
            ("nibp_mean", mean),
            ("body_temperature", temperature),
        ):
            self.show(
                bed.subject, Measurement(metric, float(value), time_ns=now_ns, valid_s=4 * 3600)
            )
        if bed.subject not in ("sim-03", "sim-08"):
            for metric, value in (("consciousness", 0.0), ("supplemental_oxygen", 0.0)):
                self.show(
                    bed.subject,
                    Measurement(
                        metric, value, source=Source.MANUAL, time_ns=now_ns, valid_s=4 * 3600,
                        author="demo",
                    ),
                )  # fmt: skip

    async def run(self, period_s: float = 0.1) -> None:
        """Send indefinitely, block after block."""
        due = begin = time.monotonic()
        epoch_ns, ticks = self.now_ns(), 0
        while True:
            due += period_s
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            now_ns = epoch_ns + round((due - begin) * 1e9)
            for bed in self.beds:
                self.waves(bed, now_ns, period_s)
            if ticks % max(1, round(1 / period_s)) == 0:
                for bed in self.beds:
                    self.numerics(bed)
                self.scores.tick(now_ns)
                if self.with_alarms:
                    self.publish(self.board.tick(now_ns))
            ticks += 1
