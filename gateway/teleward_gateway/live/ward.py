"""Live ward: the newest state of every subject, as sessions, detectors and people change it.

All methods are called from the event loop and cost little: nothing is encoded here, and nothing is
kept: history is the journal's. What pages get of it is `hub`'s.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from teleward_gateway.live.numbers_only import Numbers
from teleward_gateway.live.steps import warm
from teleward_gateway.live.subject import LiveSubject
from teleward_gateway.process.supervisor import Supervisor
from teleward_signal.alarms.limits import AlarmLimits
from teleward_signal.model import AlarmEvent, Annotation, Measurement, SampleBlock
from teleward_signal.news2 import News2
from teleward_signal.vocabulary import METRICS, MetricKind

SUBJECTS_LIMIT = 1024
"""Subjects one hub shows; the key of a frame is 16 bits."""


@dataclass(slots=True)
class LiveStatistics:
    """Counters for health and metrics."""

    pages: int = 0
    ticks: int = 0
    late_ticks: int = 0
    messages: int = 0
    dropped_messages: int = 0
    wave_bytes: int = 0
    unknown_subject: int = 0
    refused_blocks: int = 0


class LiveWard:
    """The live state of every subject.

    ``clock`` returns UTC in nanoseconds, ``monotonic`` the time that decides what is newer.
    """

    def __init__(
        self,
        clock: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], int] = time.monotonic_ns,
        supervisor: Supervisor | None = None,
    ) -> None:
        warm()
        self.statistics = LiveStatistics()
        self._clock, self._monotonic = clock, monotonic
        self._supervisor = supervisor or Supervisor()
        self._subjects: dict[str, LiveSubject] = {}
        self._removed: list[str] = []
        self._arrivals: list[int] = []
        self._next_key = 0
        self._metrics = {
            name: {"label": m.label, "unit": m.unit, "decimals": m.decimals}
            for name, m in METRICS.items()
            if m.kind is MetricKind.NUMERIC
        }
        places = {name: place for place, name in enumerate(self._metrics)}
        self._numbers = Numbers(places, self._supervisor)

    def set_subject(
        self,
        subject: str,
        *,
        label: str = "",
        bed: str = "",
        simulated: bool = False,
        detail: str = "",
        **more: Any,
    ) -> None:
        """Add a subject or change who and where they are."""
        live = self._subjects.get(subject)
        if live is None:
            if len(self._subjects) >= SUBJECTS_LIMIT:
                raise ValueError(f"more than {SUBJECTS_LIMIT} subjects on one gateway")
            live = self._subjects[subject] = LiveSubject(subject, self._next_key)
            self._next_key = (self._next_key + 1) & 0xFFFF
        name = label or bed or subject
        shown = {
            "label": name,
            "bed": bed or name,
            "simulated": simulated,
            "detail": detail,
            **more,
        }
        live.set_info({"audio_pause": live.info.get("audio_pause"), **shown})

    def remove_subject(self, subject: str) -> None:
        """Take a discharged subject off every page."""
        if self._subjects.pop(subject, None) is not None:
            self._removed.append(subject)
            self._numbers.left.append(subject)

    def publish_block(self, subject: str, block: SampleBlock) -> None:
        """Show samples; a block that cannot be placed is counted and dropped."""
        live = self._find(subject)
        if live is not None:
            if not self._arrivals:
                self._arrivals.append(time.monotonic_ns())
            try:
                live.take_block(block)
            except ValueError:
                self.statistics.refused_blocks += 1

    def publish_measurement(
        self, subject: str, measurement: Measurement, device: str | None = None
    ) -> None:
        """Show a value of ``device``, or why there is none."""
        live = self._find(subject)
        if live is not None:
            live.take_measurement(measurement, self._clock(), self._monotonic(), device)

    def publish_event(self, subject: str, device: str, text: str, time_ns: int) -> None:
        """Show a line that a device reported of itself."""
        live = self._find(subject)
        if live is not None:
            live.take_event(device, text, time_ns)

    def publish_annotation(self, subject: str, annotation: Annotation) -> None:
        """Show a mark: a beat makes the heart blink."""
        live = self._find(subject)
        if live is not None:
            live.take_annotation(annotation)

    def publish_alarm(self, event: AlarmEvent) -> None:
        """Show a change of an alarm condition."""
        live = self._find(event.subject)
        if live is not None:
            live.take_alarm(event)

    def not_scored(self, subject: str) -> str | None:
        """Return why a subject has no NEWS2 at all, None for one who is scored."""
        live = self._subjects.get(subject)
        return live.not_scored if live else None

    def pews(self, subject: str) -> dict[str, Any] | None:
        """Return the points of a child as pages get them, None for somebody who has none."""
        live = self._subjects.get(subject)
        return live.pews if live else None

    def publish_news2(self, subject: str, score: News2) -> None:
        """Show an early-warning score, or what it lacks."""
        live = self._find(subject)
        if live is not None:
            live.set_news2(asdict(score))

    def set_link(self, subject: str, device: str, state: str, **detail: Any) -> None:
        """Show the state of a device's link, as the session names it."""
        live = self._find(subject)
        if live is not None:
            live.set_link(device, {"state": state, **detail})

    def drop_link(self, subject: str, device: str) -> None:
        """Forget a device that no longer feeds the subject."""
        live = self._subjects.get(subject)
        if live is not None:
            live.drop_link(device)

    def set_limits(self, subject: str, limits: AlarmLimits) -> None:
        """Show alarm limits beside the numerics."""
        live = self._find(subject)
        if live is not None:
            live.set_limits(limits.to_dict()["metrics"])

    def set_version(self, subject: str, version: int) -> None:
        """Show the version of what is prescribed: a form names the one that it was opened with."""
        live = self._find(subject)
        if live is not None:
            live.set_info({**live.info, "version": version})

    def set_audio_pause(self, subject: str, until_ns: int | None) -> None:
        """Show until when the alarm sound of a subject is paused."""
        live = self._find(subject)
        if live is not None:
            until = None if until_ns is None else until_ns // 1_000_000
            live.set_info({**live.info, "audio_pause": until})

    def subjects(self) -> list[dict[str, Any]]:
        """Return the whole present state of every subject as JSON values."""
        return [live.snapshot() for live in self._subjects.values()]

    def alarms(self, subject: str) -> list[dict[str, Any]]:
        """Return the alarm conditions of a subject that are not off."""
        live = self._subjects.get(subject)
        return [] if live is None else live.alarms()

    def shown(self) -> list[str]:
        """Return the names of the subjects that pages show."""
        return list(self._subjects)

    def _now_ms(self) -> int:
        return self._clock() // 1_000_000

    def _find(self, subject: str) -> LiveSubject | None:
        live = self._subjects.get(subject)
        if live is None:
            self.statistics.unknown_subject += 1
        return live
