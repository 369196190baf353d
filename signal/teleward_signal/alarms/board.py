"""The alarm board: measurements, rhythm marks and technical conditions in, alarm events out.

After IEC 60601-1-8: priorities, delays, hysteresis, latching, acknowledgement, inhibition, audio
pause, technical alarms apart. The life of a condition is the table of `alarm_table`. A value that
is withheld (``None``), read from a device's memory or too old neither raises nor clears an alarm.

``now_ns`` is UTC in nanoseconds and may jump: the board keeps a clock of its own that only goes
on, so that setting the clock neither delays nor hastens anything.

A teaching and monitoring aid, not a certified medical device.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from teleward_signal.alarms.condition import Condition
from teleward_signal.alarms.limits import AlarmLimits
from teleward_signal.alarms.subject import SECOND_NS, Instant, SubjectAlarms
from teleward_signal.alarms.table import RHYTHMS, URGENCY, Event, State
from teleward_signal.model import AlarmEvent, Annotation, Measurement, Priority
from teleward_signal.vocabulary import METRICS

AUDIO_PAUSE_MAX_S = 120
"""Published monitors pause the sound for two to three minutes at most; then it comes back."""

_CLOCK_SET_NS = 3600 * SECOND_NS
# The board is called every second: an hour between two calls is a clock being set (a Raspberry Pi
# has no battery clock and jumps by days at its first synchronisation).


class AlarmBoard:
    """All alarms of all subjects. No clock, no I/O: every method returns what has changed."""

    def __init__(self) -> None:
        """Begin with nobody on the board."""
        self._subjects: dict[str, SubjectAlarms] = {}
        self._clock_ns = 0
        self._now_ns = 0

    def update(self, subject: str, measurement: Measurement, now_ns: int) -> list[AlarmEvent]:
        """Judge one measurement against the limits of ``subject``."""
        at = self._at(now_ns)
        person = self._person(subject)
        if measurement.stored or measurement.metric not in METRICS:
            return []
        age_ns = 0 if measurement.time_ns is None else now_ns - measurement.time_ns
        if age_ns > max(measurement.valid_s, person.limits.no_data_s) * SECOND_NS:
            return []
        return person.update(measurement, at)

    def technical(
        self, subject: str, condition: str, active: bool, now_ns: int, text: str = ""
    ) -> list[AlarmEvent]:
        """Set a technical condition; ``link_lost:ox1`` and ``link_lost:ecg2`` are two of a kind."""
        return self._person(subject).technical(condition, active, text, self._at(now_ns))

    def rhythm(self, subject: str, annotation: Annotation, now_ns: int) -> list[AlarmEvent]:
        """Take a rhythm mark: ``apnoea`` or ``apnoea begins``, until ``apnoea ends``.

        A mark with an ``until_ns`` ends what it names. Labels that are not in
        `alarm_table.RHYTHMS` (spaces for underscores) do not alarm.
        """
        at = self._at(now_ns)
        label = annotation.label
        ended = annotation.until_ns is not None or label.endswith(" ends")
        name = label.removesuffix(" ends").removesuffix(" begins").replace(" ", "_")
        if name not in RHYTHMS:
            return []
        return self._person(subject).rhythm(name, annotation.metric, ended, at)

    def tick(self, now_ns: int) -> list[AlarmEvent]:
        """Advance time: delays that elapse, values that stay away. Call about once a second."""
        at = self._at(now_ns)
        return [event for person in self._subjects.values() for event in person.tick(at)]

    def acknowledge(
        self, subject: str, condition: str, author: str, now_ns: int
    ) -> list[AlarmEvent]:
        """Silence one alarm as seen by ``author``; a latched one ends."""
        return self._person(subject).act(condition, Event.ACKNOWLEDGE, author, self._at(now_ns))

    def inhibit(self, subject: str, condition: str, author: str, now_ns: int) -> list[AlarmEvent]:
        """Switch one alarm off until `enable`; `inhibited` keeps it in view."""
        return self._person(subject).act(condition, Event.INHIBIT, author, self._at(now_ns))

    def enable(self, subject: str, condition: str, author: str, now_ns: int) -> list[AlarmEvent]:
        """Switch an inhibited alarm on; if its condition is present it starts again."""
        return self._person(subject).act(condition, Event.ENABLE, author, self._at(now_ns))

    def pause_audio(self, subject: str | None, until_ns: int) -> None:
        """Pause the sound for one subject, or all, until ``until_ns`` or `AUDIO_PAUSE_MAX_S`.

        A new high-priority alarm ends the pause of its subject.
        """
        left_ns = min(until_ns - self._now_ns, AUDIO_PAUSE_MAX_S * SECOND_NS)
        for person in [self._person(subject)] if subject else list(self._subjects.values()):
            person.audio_paused_until_ns = self._clock_ns + left_ns

    def set_limits(self, subject: str, limits: AlarmLimits) -> list[AlarmEvent]:
        """Judge ``subject`` by ``limits`` from now on, beginning with the newest values."""
        return self._person(subject).set_limits(limits, Instant(self._clock_ns, self._now_ns))

    def release(
        self, subject: str, now_ns: int, metrics: Iterable[str] | None = None
    ) -> list[AlarmEvent]:
        """Sensors were taken off on purpose: expect ``metrics`` (all if ``None``) no longer.

        High-priority alarms that nobody has acknowledged stay latched.
        """
        return self._person(subject).release(metrics, self._at(now_ns))

    def limits(self, subject: str) -> AlarmLimits:
        """Return the limits of ``subject``."""
        return self._person(subject).limits

    def active(self, subject: str | None = None) -> list[AlarmEvent]:
        """Return the signalled alarms by priority, then onset (``time_ns``), with newest value."""
        found = [
            condition.as_event(person.name, condition.onset_ns)
            for person, condition in self._each(subject)
            if condition.is_signalled
        ]
        return sorted(found, key=lambda e: (URGENCY[e.priority], e.time_ns, e.condition))

    def inhibited(self, subject: str | None = None) -> list[tuple[str, str]]:
        """Return (subject, condition) of every alarm that a person has switched off."""
        each = self._each(subject)
        return [(person.name, c.name) for person, c in each if c.state is State.INHIBITED]

    def audible(self, subject: str | None = None) -> Priority | None:
        """Return the highest priority to sound now: neither acknowledged nor paused."""
        sounding = [
            condition.priority
            for person, condition in self._each(subject)
            if condition.state in (State.ON, State.LATCHED)
            and person.audio_paused_until_ns <= self._clock_ns
        ]
        return min(sounding, key=URGENCY.__getitem__, default=None)

    def audio_pause_left_s(self, subject: str) -> float:
        """Return how long the sound of ``subject`` stays paused, 0 if it does not."""
        person = self._subjects.get(subject)
        until_ns = person.audio_paused_until_ns if person else 0
        return max(0.0, (until_ns - self._clock_ns) / SECOND_NS)

    def snapshot(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        return {
            "clock_ns": self._clock_ns,
            "now_ns": self._now_ns,
            "subjects": {name: person.to_dict() for name, person in self._subjects.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a snapshot: every alarm that was active is active again."""
        self._clock_ns, self._now_ns = state["clock_ns"], state["now_ns"]
        self._subjects = {
            name: SubjectAlarms.from_dict(name, kept) for name, kept in state["subjects"].items()
        }

    def _at(self, now_ns: int) -> Instant:
        """Advance the board's clock by what ``now_ns`` went on; a clock being set is no time."""
        step_ns = now_ns - self._now_ns
        if 0 < step_ns < _CLOCK_SET_NS:
            self._clock_ns += step_ns
        self._now_ns = now_ns
        return Instant(self._clock_ns, now_ns)

    def _person(self, subject: str) -> SubjectAlarms:
        return self._subjects.setdefault(subject, SubjectAlarms(subject))

    def _each(self, subject: str | None) -> Iterator[tuple[SubjectAlarms, Condition]]:
        for name, person in self._subjects.items():
            if subject is None or name == subject:
                for condition in person.conditions.values():
                    yield person, condition
