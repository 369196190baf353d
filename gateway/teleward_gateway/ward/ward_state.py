"""What holds now of every admitted subject: values shown, scores, alarms; and where all of it ends.

    take_*    a value, a mark, faults   -> newest wins -> live view, scores, anomaly, alarm board
    release   a device was taken off    -> every choice, value and alarm of that source ends
    forget    a subject left            -> everything of the subject ends

Monotonic time decides, UTC is a label. A part that fails for one subject is noted by the
supervisor; the other parts and the other subjects go on.
"""

from collections.abc import Collection, Mapping

from teleward_drivers.catalogue import catalogue
from teleward_gateway.clock import Clock, Stamp
from teleward_gateway.journal import Journal
from teleward_gateway.journal.drafts import measurement_draft
from teleward_gateway.journal.event_drafts import alarm_draft
from teleward_gateway.live import LiveHub
from teleward_gateway.process.supervisor import Supervisor
from teleward_gateway.registry.store import Registry
from teleward_gateway.ward.score_evidence import recorded_score
from teleward_gateway.ward.source_choice import ECG, SourceChoice
from teleward_signal.alarms.board import AlarmBoard
from teleward_signal.alarms.limits import AlarmLimits
from teleward_signal.anomaly.watch import AnomalyWatch
from teleward_signal.model import AlarmEvent, Annotation, Measurement, Source
from teleward_signal.news2 import News2
from teleward_signal.news2_board import ScoreBoard

GATEWAY = "gateway"
"""Source of what the gateway states itself: scores, and that it cannot record."""

LINK_LOST = "link_lost"
"""Technical condition of a device that is worn and does not stream."""

CARRIERS = {
    "heart_rate": (ECG,),
    "pulse_rate": ("pleth", "ppg_infrared", "ppg_red"),
    "perfusion_index": ("pleth", "ppg_infrared", "ppg_red"),
    "spo2": ("ppg_red",),
    "respiratory_rate": ("respiration", "pleth", "ppg_infrared", ECG),
}
"""Waveforms that a derived value may come from: the first one that is worn is its source."""


class WardState:
    """The state of now; belongs to the event loop."""

    def __init__(
        self,
        *,
        registry: Registry,
        clock: Clock,
        journal: Journal,
        board: AlarmBoard,
        live: LiveHub,
        supervisor: Supervisor,
        anomaly: AnomalyWatch,
    ) -> None:
        self.scores = ScoreBoard(self._on_score)
        self.choice = SourceChoice()
        self.alarms_changed = False
        self._registry, self._clock, self._journal = registry, clock, journal
        self._board, self._live, self._supervisor = board, live, supervisor
        self._anomaly = anomaly

    # evidence

    def take_measurement(
        self, subject: str, measurement: Measurement, source: str | None, stamp: Stamp
    ) -> None:
        """Show, score and judge a value of ``source``, if it is the newest of the best source."""
        if measurement.stored or not self._registry.is_admitted(subject):
            return  # history: it lands at its own time and is not the state of now
        whose = source or self._origin(subject, measurement)
        now = stamp.time_ns, stamp.monotonic_ns
        if whose is None or not self.choice.accepts(subject, whose, measurement, *now):
            return
        contain = self._supervisor.contain
        with contain(f"alarms of {subject}"):
            promised = self._is_promised(subject, measurement)
            found = self._board.update(subject, measurement, *now, whose, promised)
            self.raise_alarms(found)
        with contain(f"scores of {subject}"):
            self.scores.update(subject, measurement, *now, source=whose)
        with contain(f"anomaly watch of {subject}"):
            self._anomaly.update(subject, measurement)
        with contain(f"live view of {subject}"):
            device = None if whose == measurement.source.value else whose
            self._live.publish_measurement(subject, measurement, device)

    def take_rhythm(self, subject: str, annotation: Annotation) -> None:
        """Judge a rhythm mark of the device whose waveform is analysed."""
        source = self._wearer(subject, annotation.metric)
        if source is None or not self._registry.is_admitted(subject):
            return
        with self._supervisor.contain(f"alarms of {subject}"):
            found = self._board.rhythm(subject, annotation, *self._now(), source=source)
            self.raise_alarms(found)

    def see(self, subject: str, device: str, stamp: Stamp) -> None:
        """Note that samples of ``device`` came: the rhythms it claims can be observed."""
        now = stamp.time_ns, stamp.monotonic_ns
        self.raise_alarms(self._board.see(subject, device, *now))

    def replace_detector(self, subject: str, device: str, metric: str) -> None:
        """End what a detector claimed that was begun again or taken away."""
        self.raise_alarms(self._board.end_detector(subject, device, metric, *self._now()))

    def set_faults(self, subject: str, device: str, faults: Mapping[str, str]) -> None:
        """Make ``faults`` (condition: text) exactly what ``device`` reports of itself."""
        if self._registry.is_admitted(subject):
            feeds = self._feeds_alarms(subject, device)
            found = self._board.set_faults(subject, device, faults, *self._now(), feeds)
            self.raise_alarms(found)

    def set_link(self, subject: str, device: str, text: str | None, streams: bool = True) -> None:
        """Raise the alarm of a lost link with its ``text``; None: the link is up.

        One that ``streams`` is missed after a restart, too.
        """
        if text is None and not self._board.was_linked(subject, device):
            self.alarms_changed = True  # a restart must know that this device was there
        self.technical(subject, f"{LINK_LOST}:{device}", text is not None, text or "")
        if not streams:
            self._board.forget_link(subject, device)

    def was_linked(self, subject: str, device: str) -> bool:
        """Return whether a device was connected for a subject, perhaps before a restart."""
        return self._board.was_linked(subject, device)

    def technical(
        self, subject: str, condition: str, active: bool, text: str, source: str | None = None
    ) -> None:
        """Set a technical alarm condition."""
        if active and not self._registry.is_admitted(subject):
            return
        now_ns, monotonic_ns = self._now()
        found = self._board.technical(
            subject, condition, active, now_ns, text, monotonic_ns, source
        )
        self.raise_alarms(found)

    def set_limits(self, subject: str, limits: AlarmLimits) -> None:
        """Judge a subject by other limits from now on."""
        self.raise_alarms(self._board.set_limits(subject, limits))
        self._live.set_limits(subject, limits)

    def recall(self, subject: str, measurements: list[Measurement]) -> None:
        """Show and score what was charted before a restart; it is on record already."""
        if not self._registry.is_admitted(subject):
            return
        for measurement in measurements:
            self._live.publish_measurement(subject, measurement)
            source = measurement.source.value
            self.scores.update(subject, measurement, *self._now(), source=source)

    def tick(self) -> None:
        """Advance time for alarms and scores; once a second."""
        now_ns, monotonic_ns = self._now()
        self.raise_alarms(self._board.tick(now_ns, monotonic_ns))
        self.scores.tick(now_ns, monotonic_ns)
        for part, failed in (("alarms", self._board.failed), ("scores", self.scores.failed)):
            for subject, error in failed.items():
                self._supervisor.note(f"{part} of {subject}", error)
        for subject, score in self._anomaly.tick(now_ns, monotonic_ns):
            with self._supervisor.contain(f"anomaly watch of {subject}"):
                self._journal.append(measurement_draft(subject, None, score))
                self.take_measurement(subject, score, GATEWAY, self._clock.now())

    def raise_alarms(self, events: list[AlarmEvent]) -> None:
        """Record and show alarm events."""
        self.alarms_changed |= bool(events)
        for event in events:
            self._journal.append(alarm_draft(event))
            with self._supervisor.contain(f"live view of {event.subject}"):
                self._live.publish_alarm(event)

    # ends

    def hand_over(self, subject: str, device: str) -> None:
        """Switch to another source at once: the link of ``device`` is gone."""
        self.choice.release(subject, device)

    def release(self, subject: str, device: str) -> None:
        """End what ``device`` stated: it was taken off on purpose."""
        self.choice.release(subject, device)
        self.scores.release(subject, device)
        now_ns, monotonic_ns = self._now()
        self.raise_alarms(self._board.release(subject, now_ns, None, monotonic_ns, device))

    def keep_devices(self, subject: str, worn: Collection[str]) -> None:
        """Release every device that ``subject`` does not wear, such as before a restart."""
        for source in self._board.sources(subject):
            if source not in worn and self._registry.was_device(source):
                self.release(subject, source)

    def forget(self, subject: str) -> None:
        """End everything of a subject who left."""
        self.choice.forget(subject)
        self._anomaly.forget(subject)
        self.scores.forget(subject)
        self.raise_alarms(self._board.forget(subject, *self._now()))

    def subjects(self) -> list[str]:
        """Return who has alarms or limits on the board."""
        return self._board.subjects()

    # helpers

    def _now(self) -> tuple[int, int]:
        stamp = self._clock.now()
        return stamp.time_ns, stamp.monotonic_ns

    def _origin(self, subject: str, measurement: Measurement) -> str | None:
        """Return who stated a value that names no device; None: its carrier was taken off."""
        if measurement.source is not Source.DERIVED:
            return measurement.source.value
        for carrier in CARRIERS.get(measurement.metric, (ECG,)):
            device = self.choice.wave_source(subject, carrier)
            if device is not None and carrier == ECG:
                device = self.choice.wave_source(subject, device)
            if device is not None:
                return device
        carriers = CARRIERS.get(measurement.metric, (ECG,))
        gone = any(self.choice.was_released(subject, carrier) for carrier in carriers)
        return None if gone else measurement.source.value

    def _is_promised(self, subject: str, measurement: Measurement) -> bool:
        """Return whether somebody put on a sensor for this metric, and so misses it."""
        if measurement.source is not Source.DERIVED:
            return True
        if measurement.metric == "respiratory_rate":
            return self.choice.wave_source(subject, "respiration") is not None
        return measurement.reason != "no_calibration"

    def _feeds_alarms(self, subject: str, device: str) -> bool:
        """Return whether the limits of a subject judge what a device measures."""
        known = {each.id: each.driver for each in self._registry.devices()}
        info = catalogue().get(known.get(device, ""))
        judged = self._board.limits(subject).metrics
        return info is None or bool(info.metrics & {m for m in judged if judged[m].limits(m)})

    def _wearer(self, subject: str, metric: str) -> str | None:
        """Return the device whose ``metric`` is analysed; None: it was taken off a moment ago."""
        device = self.choice.wave_source(subject, metric)
        if device is None and not self.choice.was_released(subject, metric):
            return metric
        return device

    def _on_score(self, subject: str, score: News2, now_ns: int) -> None:
        inputs = self.scores.inputs(subject)
        measurement = recorded_score(
            score, inputs, lambda metric: self.choice.source(subject, metric), now_ns
        )
        self._journal.append(measurement_draft(subject, None, measurement))
        with self._supervisor.contain(f"live view of {subject}"):
            self._live.publish_news2(subject, score)
        self.raise_alarms(self._board.update(subject, measurement, *self._now(), source=GATEWAY))
