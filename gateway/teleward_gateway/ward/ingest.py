"""From a device's output to journal, live view, alarms and scores: the record path forks here once.

    session.on_output ---> clock ---> whose is it? ---+--> journal
                                                      +--> live view
                                                      +--> DSP worker --> derived values --+
                                                      +--> ward state: values, alarms <----+

Everything runs on the event loop and returns at once.
"""

import asyncio
import time
from dataclasses import dataclass, replace
from typing import Any

from teleward_drivers.device import Discarded, Output
from teleward_drivers.link import Received
from teleward_gateway.clock import Clock, Stamp
from teleward_gateway.clock.device import DeviceClock
from teleward_gateway.health import totals
from teleward_gateway.health.latency import Latency
from teleward_gateway.journal import Commit, Journal, Ticket
from teleward_gateway.journal.drafts import measurement_draft, waveform_draft
from teleward_gateway.journal.event_drafts import annotation_draft, status_draft
from teleward_gateway.journal.ticket import Request
from teleward_gateway.live import LiveHub
from teleward_gateway.process.supervisor import Supervisor
from teleward_gateway.registry.store import Registry
from teleward_gateway.ward.dsp_worker import DspWorker, Result
from teleward_gateway.ward.reading_store import ReadingStore
from teleward_gateway.ward.readings import Readings
from teleward_gateway.ward.source_choice import ECG
from teleward_gateway.ward.stream_guard import StreamGuard, block_problem
from teleward_gateway.ward.ward_state import WardState
from teleward_signal.age_profile import AgeProfile
from teleward_signal.alarms.board import AlarmBoard
from teleward_signal.anomaly.watch import AnomalyWatch
from teleward_signal.model import (
    AlarmEvent,
    Annotation,
    DeviceStatus,
    Measurement,
    SampleBlock,
)
from teleward_signal.news2_board import ScoreBoard

LOW_BATTERY_PERCENT = 15.0
"""Coin cells and chargeable sensors have about an hour left here."""

TECHNICAL_TEXT = {
    "lead_off": "ECG lead off",
    "probe_off": "SpO\u2082 probe off",
    "low_battery": "Battery low",
    "sensor_fault": "Sensor fault",
    "motion": "Motion",
    "clock_wrong": "Clock wrong",
    "clock_not_set": "Clock not set",
}
"""What the ward reads for a fault that a device reports; others are shown by their name."""

RHYTHM = "+"
"""Symbol of a rhythm change (WFDB); the other symbols are beats."""


SAMPLED = 16
"""Every 16th record of a commit: 64 patients still give fifty samples a second."""


@dataclass(slots=True)
class IngestStatistics:
    """What came in; ``unbound`` came from devices that no subject wears."""

    blocks: int = 0
    measurements: int = 0
    statuses: int = 0
    discarded_bytes: int = 0
    unbound: int = 0
    gap_samples: int = 0


class Ingest:
    """Joins the parts of the record path; see the module's drawing."""

    def __init__(
        self,
        *,
        registry: Registry,
        clock: Clock,
        journal: Journal,
        board: AlarmBoard,
        live: LiveHub,
        dsp: DspWorker,
        supervisor: Supervisor,
        anomaly: AnomalyWatch | None = None,
        readings: ReadingStore | None = None,
    ) -> None:
        self.statistics = IngestStatistics()
        self.state = WardState(
            registry=registry,
            clock=clock,
            journal=journal,
            board=board,
            live=live,
            supervisor=supervisor,
            anomaly=anomaly or AnomalyWatch(),
        )
        self.streams = StreamGuard(self.state)
        self.readings = Readings(
            registry=registry, clock=clock, state=self.state,
            store=readings or ReadingStore(":memory:"), file=self._take_measurement,
        )  # fmt: skip
        self._registry, self._supervisor = registry, supervisor
        self._clock, self._journal, self._live = clock, journal, live
        self._dsp = dsp
        self._clocks: dict[str, DeviceClock] = {}
        self._battery_low: dict[str, bool] = {}
        self.commit_latency = Latency()
        journal.on_commit(self._on_commit)

    @property
    def scores(self) -> ScoreBoard:
        """The early-warning scores of now."""
        return self.state.scores

    def health(self) -> dict[str, Any]:
        """Return what came in."""
        return totals(self.statistics)

    def on_output(self, device: str, output: Output, received: Received) -> None:
        """Take one output of a session."""
        if isinstance(output, Discarded):
            self.statistics.discarded_bytes += output.n_bytes
            return
        stamp = self._clock.at(received.monotonic_ns)
        clock = self._clocks.get(device) or self._begin(device, received.monotonic_ns)
        if isinstance(output, SampleBlock) and block_problem(output) is not None:
            subject = self._wearer(device, None, stamp)
            if subject is not None:
                self.streams.judge(subject, device, output)
        elif isinstance(output, SampleBlock):
            block, gap_samples = clock.stamp_block(output, received)
            subject = self._wearer(device, block.time_ns, stamp)
            if subject is not None:
                self._take_block(subject, device, block, gap_samples, stamp)
        elif isinstance(output, Measurement) and output.stamp is not None:
            self.readings.take(device, output, stamp)
        elif isinstance(output, Measurement):
            measurement = clock.stamp_measurement(output, received)
            subject = self._wearer(device, measurement.time_ns, stamp, measurement.stored)
            if subject is not None:
                self._take_measurement(subject, device, measurement, stamp)
            elif measurement.stored:
                self.readings.take(device, output, stamp)
        elif isinstance(output, DeviceStatus):
            self.readings.see_clock(device, output.clock)
            status = replace(output, time_ns=stamp.time_ns)
            self._take_status(self._wearer(device, None, stamp), device, status)

    async def on_disk(self, device: str) -> bool:
        """Wait for the next commit; return whether all that ``device`` gave is on disk then."""
        return await self._journal.flush() and await asyncio.to_thread(self.readings.store.flush)

    def _on_commit(self, commit: Commit) -> None:
        """Measure from arrival to synced commit, on one record in `SAMPLED`."""
        self.readings.on_commit(commit.records, commit.stop - 1)
        now_ns = time.monotonic_ns()
        for record in commit.records[::SAMPLED]:
            self.commit_latency.add_ns(now_ns - record.monotonic_ns)

    def on_results(self, results: list[Result]) -> None:
        """Take what the signal engine made of the waves."""
        stamp = self._clock.now()
        for subject, result in results:
            with self._supervisor.contain(f"derived values of {subject}"):
                if isinstance(result, Measurement):
                    self._take_measurement(subject, None, result, stamp)
                else:
                    self._take_annotation(subject, result)
        for subject, metric, device in self._dsp.take_replaced():
            self.state.replace_detector(subject, device, metric)
        for refusal in self._dsp.take_refusals():
            self.streams.take(refusal)

    def record_observation(
        self, subject: str, measurement: Measurement, request: Request | None = None
    ) -> Ticket:
        """Record a manual observation; `show_observation` once the ticket has its identity."""
        self.statistics.measurements += 1
        return self._journal.append(measurement_draft(subject, None, measurement), request)

    def show_observation(self, subject: str, measurement: Measurement) -> None:
        """Show and judge a manual observation that is recorded."""
        self.state.take_measurement(subject, measurement, None, self._clock.now())

    def set_age(self, subject: str, profile: AgeProfile, years: float | None) -> None:
        """Score and analyse a subject by the profile of its age from now on; no stream ends."""
        self.scores.set_applies(subject, profile.has_news2, years)
        self._dsp.bound_rates(subject, profile.slow_per_min, profile.fast_per_min)

    def connected(self, device: str) -> None:
        """Note that a device can send from now on: what comes after long silence is of then."""
        if device not in self._clocks:
            self._begin(device, self._clock.now().monotonic_ns)

    def _begin(self, device: str, monotonic_ns: int) -> DeviceClock:
        clock = self._clocks[device] = DeviceClock(self._clock)
        self.readings.connected(device, monotonic_ns)
        return clock

    def forget_device(self, device: str) -> None:
        """Drop what is known of a device that left or whose session began again."""
        self._clocks.pop(device, None)

    def forget_subject(self, subject: str) -> None:
        """End everything of a subject who left."""
        self.state.forget(subject)
        self.streams.forget(subject)
        self._dsp.close_subject(subject)

    def release(self, subject: str, device: str) -> None:
        """End what ``device`` stated of ``subject``: it was taken off on purpose."""
        self.state.release(subject, device)
        self.streams.release(subject, device)
        self._dsp.release(subject, device)
        self._battery_low.pop(device, None)

    def raise_alarms(self, events: list[AlarmEvent]) -> None:
        """Record and show alarm events."""
        self.state.raise_alarms(events)

    def _wearer(
        self, device: str, time_ns: int | None, stamp: Stamp, stored: bool = False
    ) -> str | None:
        """Return whose output this is: by monotonic time, a memory's by its own time."""
        if stored and time_ns is not None:
            found = self._registry.subject_of(device, time_ns)
        else:
            ago_ns = 0 if time_ns is None else stamp.time_ns - time_ns
            moment_ns = stamp.monotonic_ns - ago_ns
            found = self._registry.subject_at(device, stamp.boot, moment_ns)
        if found is None:
            self.statistics.unbound += 1
        return found

    def _take_block(
        self, subject: str, device: str, block: SampleBlock, gap_samples: int, stamp: Stamp
    ) -> None:
        self.statistics.blocks += 1
        self.statistics.gap_samples += gap_samples
        self.streams.judge(subject, device, block)
        self._journal.append(waveform_draft(subject, device, block, gap_samples))
        choice, now = self.state.choice, (stamp.time_ns, stamp.monotonic_ns)
        if not choice.accepts_wave(subject, device, block.metric, *now):
            return
        self.state.see(subject, device, stamp)
        with self._supervisor.contain(f"live view of {subject}"):
            self._live.publish_block(subject, block)
        # one lead of an ECG is analysed: twelve would count every beat twelve times
        lead = block.metric.startswith("ecg_")
        if not lead or choice.accepts_wave(subject, block.metric, ECG, *now):
            time_ns = stamp.time_ns if block.time_ns is None else block.time_ns
            monotonic_ns = time_ns - stamp.time_ns + stamp.monotonic_ns
            self._dsp.push(
                subject, block.metric, block.fs, time_ns, block.physical(), gap_samples,
                device, block.calibration, monotonic_ns,
            )  # fmt: skip

    def _take_measurement(
        self, subject: str, device: str | None, measurement: Measurement, stamp: Stamp
    ) -> Ticket:
        self.statistics.measurements += 1
        if measurement.time_ns is None:
            measurement = replace(measurement, time_ns=stamp.time_ns)
        ticket = self._journal.append(measurement_draft(subject, device, measurement))
        self.state.take_measurement(subject, measurement, device, stamp)
        return ticket

    def _take_annotation(self, subject: str, annotation: Annotation) -> None:
        self._journal.append(annotation_draft(subject, annotation))
        with self._supervisor.contain(f"live view of {subject}"):
            self._live.publish_annotation(subject, annotation)
        if annotation.symbol == RHYTHM:
            self.state.take_rhythm(subject, annotation)

    def _take_status(self, subject: str | None, device: str, status: DeviceStatus) -> None:
        self.statistics.statuses += 1
        self._journal.append(status_draft(subject, device, status))
        event = status.identity.get("message")
        if event and subject is not None and status.time_ns is not None:
            with self._supervisor.contain(f"live view of {subject}"):
                self._live.publish_event(subject, device, event, status.time_ns)
        if status.battery_percent is not None:
            self._battery_low[device] = status.battery_percent <= LOW_BATTERY_PERCENT
        if subject is None:
            return
        faults = status.faults
        if self._battery_low.get(device):
            faults |= {"low_battery"}
        texts = {
            f"{fault}:{device}": f"{TECHNICAL_TEXT.get(fault, fault.replace('_', ' '))} ({device})"
            for fault in sorted(faults)
        }
        self.state.set_faults(subject, device, texts)
