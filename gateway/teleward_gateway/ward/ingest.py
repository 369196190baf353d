"""From a device's output to journal, live view, alarms and scores: the record path forks here once.

    session.on_output ---> clock ---> whose is it? ---+--> journal
                                                      +--> live view
                                                      +--> DSP worker --> derived values --+
                                                      +--> source_choice -> alarms, scores <-----+

Everything runs on the event loop and returns at once.
"""

import time
from dataclasses import dataclass, replace
from typing import Any

from teleward_drivers.device import Discarded, Output
from teleward_drivers.link import Received
from teleward_gateway.clock import Clock
from teleward_gateway.clock.device import DeviceClock
from teleward_gateway.health import totals
from teleward_gateway.health.latency import Latency
from teleward_gateway.journal import Commit, Journal, Ticket
from teleward_gateway.journal.drafts import measurement_draft, waveform_draft
from teleward_gateway.journal.event_drafts import alarm_draft, annotation_draft, status_draft
from teleward_gateway.live import LiveHub
from teleward_gateway.registry.store import Registry
from teleward_gateway.ward.dsp_worker import DspWorker, Result
from teleward_gateway.ward.source_choice import SourceChoice
from teleward_signal.alarms.board import AlarmBoard
from teleward_signal.anomaly.watch import AnomalyWatch
from teleward_signal.model import (
    AlarmEvent,
    Annotation,
    DeviceStatus,
    Measurement,
    SampleBlock,
)
from teleward_signal.news2 import News2
from teleward_signal.news2_board import ScoreBoard

LOW_BATTERY_PERCENT = 15.0
"""Coin cells and chargeable sensors have about an hour left here."""

TECHNICAL_TEXT = {
    "lead_off": "ECG lead off",
    "probe_off": "SpO\u2082 probe off",
    "low_battery": "Battery low",
    "sensor_fault": "Sensor fault",
    "motion": "Motion",
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
    ) -> None:
        self.statistics = IngestStatistics()
        self.scores = ScoreBoard(self._on_score)
        self._registry = registry
        self._clock, self._journal, self._board, self._live = clock, journal, board, live
        self._dsp = dsp
        self._source_choice = SourceChoice()
        self._anomaly = AnomalyWatch()
        self._clocks: dict[str, DeviceClock] = {}
        self._faults: dict[str, frozenset[str]] = {}
        self._unfiled: set[str] = set()
        self.alarms_changed = False
        self.commit_latency = Latency()
        journal.on_commit(self._on_commit)

    def health(self) -> dict[str, Any]:
        """Return what came in."""
        return totals(self.statistics)

    def on_output(self, device: str, output: Output, received: Received) -> None:
        """Take one output of a session."""
        if isinstance(output, Discarded):
            self.statistics.discarded_bytes += output.n_bytes
            return
        arrival_ns = self._clock.at(received.monotonic_ns).time_ns
        clock = self._clocks.get(device)
        if clock is None:
            clock = self._clocks[device] = DeviceClock(self._clock)
        if isinstance(output, SampleBlock):
            block, gap_samples = clock.stamp_block(output, received)
            subject = self._subject(device, block.time_ns)
            if subject is not None:
                self._take_block(subject, device, block, gap_samples)
        elif isinstance(output, Measurement):
            measurement = clock.stamp_measurement(output, received)
            subject = self._subject(device, measurement.time_ns)
            if subject is not None:
                self._take_measurement(subject, device, measurement, arrival_ns)
            else:
                self._unfiled.add(device)
        elif isinstance(output, DeviceStatus):
            status = replace(output, time_ns=arrival_ns)
            self._take_status(self._subject(device, arrival_ns), device, status)

    async def on_disk(self, device: str) -> bool:
        """Wait for the next commit; return whether all that ``device`` gave is on disk then.

        A device with a reading that belonged to nobody never is: its memory is the only copy.
        """
        return device not in self._unfiled and await self._journal.flush()

    def _on_commit(self, commit: Commit) -> None:
        """Measure from arrival to synced commit, on one record in `SAMPLED`."""
        now_ns = time.monotonic_ns()
        for record in commit.records[::SAMPLED]:
            self.commit_latency.add_ns(now_ns - record.monotonic_ns)

    def on_results(self, results: list[Result]) -> None:
        """Take what the signal engine made of the waves."""
        now_ns = self._clock.now().time_ns
        for subject, result in results:
            if isinstance(result, Measurement):
                self._take_measurement(subject, None, result, now_ns)
            else:
                self._take_annotation(subject, result, now_ns)

    def observe(self, subject: str, measurement: Measurement) -> Ticket:
        """Take a manual observation."""
        return self._take_measurement(subject, None, measurement, self._clock.now().time_ns)

    def recall(self, subject: str, measurements: list[Measurement]) -> None:
        """Show and score what was charted before a restart; it is on record already."""
        for measurement in measurements:
            self._live.publish_measurement(subject, measurement)
            self.scores.update(subject, measurement)

    def forget_device(self, device: str) -> None:
        """Drop what is known of a device that left or whose session began again."""
        self._clocks.pop(device, None)
        self._faults.pop(device, None)

    def forget_subject(self, subject: str) -> None:
        """Drop what is known of a subject who left."""
        self._source_choice.forget(subject)
        self._anomaly.forget(subject)
        self.scores.forget(subject)
        self._dsp.close_subject(subject)

    def tick(self) -> None:
        """Advance time for alarms and scores; once a second."""
        now_ns = self._clock.now().time_ns
        self.raise_alarms(self._board.tick(now_ns))
        self.scores.tick(now_ns)
        for subject, score in self._anomaly.tick(now_ns):
            self._take_measurement(subject, None, score, now_ns)

    def release(self, subject: str) -> None:
        """Expect no values of a subject whose sensor was taken off on purpose, until they come."""
        now_ns = self._clock.now().time_ns
        self.raise_alarms(self._board.release(subject, now_ns))

    def raise_alarms(self, events: list[AlarmEvent]) -> None:
        """Record and show alarm events."""
        self.alarms_changed |= bool(events)
        for event in events:
            self._journal.append(alarm_draft(event))
            self._live.publish_alarm(event)

    def technical(self, subject: str, condition: str, active: bool, text: str) -> None:
        """Set a technical alarm condition."""
        now_ns = self._clock.now().time_ns
        self.raise_alarms(self._board.technical(subject, condition, active, now_ns, text))

    def _subject(self, device: str, time_ns: int | None) -> str | None:
        found = None if time_ns is None else self._registry.subject_of(device, time_ns)
        if found is None:
            self.statistics.unbound += 1
        return found

    def _take_block(self, subject: str, device: str, block: SampleBlock, gap_samples: int) -> None:
        self.statistics.blocks += 1
        self.statistics.gap_samples += gap_samples
        self._journal.append(waveform_draft(subject, device, block, gap_samples))
        time_ns = block.time_ns or 0
        if not self._source_choice.accepts_wave(subject, device, block.metric, time_ns):
            return
        self._live.publish_block(subject, block)
        # one lead of an ECG is analysed: twelve would count every beat twelve times
        lead = block.metric.startswith("ecg_")
        analysed = not lead or self._source_choice.accepts_wave(
            subject, block.metric, "ecg", time_ns
        )
        if analysed:
            samples = block.physical()
            self._dsp.push(
                subject, block.metric, block.fs, time_ns, samples, gap_samples,
                device, block.calibration,
            )  # fmt: skip

    def _take_measurement(
        self, subject: str, device: str | None, measurement: Measurement, now_ns: int
    ) -> Ticket:
        self.statistics.measurements += 1
        if measurement.time_ns is None:
            measurement = replace(measurement, time_ns=now_ns)
        ticket = self._journal.append(measurement_draft(subject, device, measurement))
        if measurement.stored:
            return ticket  # history: it lands at its own time and is not the state of now
        source = device or measurement.source.value
        if not self._source_choice.accepts(subject, source, measurement, now_ns):
            return ticket
        self._live.publish_measurement(subject, measurement)
        self.scores.update(subject, measurement)
        self._anomaly.update(subject, measurement)
        self.raise_alarms(self._board.update(subject, measurement, now_ns))
        return ticket

    def _take_annotation(self, subject: str, annotation: Annotation, now_ns: int) -> None:
        self._journal.append(annotation_draft(subject, annotation))
        self._live.publish_annotation(subject, annotation)
        if annotation.symbol == RHYTHM:
            self.raise_alarms(self._board.rhythm(subject, annotation, now_ns))

    def _take_status(self, subject: str | None, device: str, status: DeviceStatus) -> None:
        self.statistics.statuses += 1
        self._journal.append(status_draft(subject, device, status))
        if subject is None:
            return
        faults = status.faults
        if status.battery_percent is not None and status.battery_percent <= LOW_BATTERY_PERCENT:
            faults |= {"low_battery"}
        before = self._faults.get(device, frozenset())
        self._faults[device] = faults
        for fault in sorted(before ^ faults):
            text = f"{TECHNICAL_TEXT.get(fault, fault.replace('_', ' '))} ({device})"
            self.technical(subject, f"{fault}:{device}", fault in faults, text)

    def _on_score(self, subject: str, score: News2, now_ns: int) -> None:
        measurement = score.as_measurement(now_ns)
        self._journal.append(measurement_draft(subject, None, measurement))
        self._live.publish_news2(subject, score)
        self.raise_alarms(self._board.update(subject, measurement, now_ns))
