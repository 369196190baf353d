"""The conditions of every subject: measurements, rhythm marks and faults in, alarm events out.

After IEC 60601-1-8: priorities, delays, hysteresis, latching, acknowledgement, inhibition, audio
pause, technical alarms apart. The life of a condition is the table of `alarms.table`; who owns one
and what ends it is told in `alarms.subject`. A value that is withheld (``None``), read from a
device's memory or too old neither raises nor clears an alarm.

Every moment is given as UTC (``now_ns``), which only stamps events, and as monotonic time, which
decides: setting the clock neither delays nor hastens anything (`teleward_signal.timeline`).

A teaching and monitoring aid, not a certified medical device.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from teleward_signal.alarms.condition import Condition
from teleward_signal.alarms.limits import AlarmLimits
from teleward_signal.alarms.subject import SubjectAlarms
from teleward_signal.alarms.table import RHYTHMS, SOUNDING, URGENCY, Event, State
from teleward_signal.errors import Conflict
from teleward_signal.model import AlarmEvent, Annotation, Measurement, Priority
from teleward_signal.timeline import SECOND_NS, Instant, Timeline
from teleward_signal.vocabulary import METRICS

AUDIO_PAUSE_MAX_S = 120
"""Published monitors pause the sound for two to three minutes at most; then it comes back."""

_SAME_NS = 1_000_000
"""Pages know an onset to the millisecond."""


class Superseded(Conflict):
    """The act names an occurrence of an alarm that is over: another one is in its place."""


class ConditionBoard:
    """All conditions of all subjects, each by itself; `board.AlarmBoard` signals one a cause.

    No clock, no I/O: every method returns what has changed.

    ``source`` names who states something: a device, a stream, or the gateway itself. ``failed``
    holds the subjects whose last tick raised, with the error: the others went on.
    """

    def __init__(self) -> None:
        """Begin with nobody on the board."""
        self._subjects: dict[str, SubjectAlarms] = {}
        self._timeline = Timeline()
        self.failed: dict[str, Exception] = {}

    # evidence

    def update(
        self,
        subject: str,
        measurement: Measurement,
        now_ns: int,
        monotonic_ns: int | None = None,
        source: str = "",
        promised: bool = True,
    ) -> list[AlarmEvent]:
        """Judge one measurement of ``source`` against the limits of ``subject``.

        ``promised``: its silence is a technical alarm.
        """
        at = self._timeline.at(now_ns, monotonic_ns)
        if measurement.stored or measurement.metric not in METRICS:
            return []
        person = self._person(subject)
        observed_ns = self._timeline.observed_ns(measurement.time_ns)
        longest_s = max(measurement.valid_s, person.limits.no_data_s)
        if at.clock_ns - observed_ns > longest_s * SECOND_NS:
            return []
        return self._out(subject, person.update(measurement, source, observed_ns, at, promised))

    def technical(
        self,
        subject: str,
        condition: str,
        active: bool,
        now_ns: int,
        text: str = "",
        monotonic_ns: int | None = None,
        source: str | None = None,
    ) -> list[AlarmEvent]:
        """Set a technical condition; ``link_lost:ox1`` and ``link_lost:ecg2`` are two of a kind.

        The source is the device after the colon, unless another is given.
        """
        at = self._timeline.at(now_ns, monotonic_ns)
        if source is None:
            source = condition.partition(":")[2]
        person = self._person(subject) if active else self._subjects.get(subject)
        found = person.technical(condition, active, text, source, at) if person else []
        return self._out(subject, found)

    def set_faults(
        self,
        subject: str,
        source: str,
        faults: Mapping[str, str],
        now_ns: int,
        monotonic_ns: int | None = None,
        feeds_alarms: bool = True,
    ) -> list[AlarmEvent]:
        """Make ``faults`` (condition: text) exactly what ``source`` reports of itself.

        ``feeds_alarms``: limits judge what it measures, so that a wrong clock matters more.
        """
        at = self._timeline.at(now_ns, monotonic_ns)
        person = self._person(subject) if faults else self._subjects.get(subject)
        found = person.set_faults(source, faults, at, feeds_alarms) if person else []
        return self._out(subject, found)

    def rhythm(
        self,
        subject: str,
        annotation: Annotation,
        now_ns: int,
        monotonic_ns: int | None = None,
        source: str | None = None,
    ) -> list[AlarmEvent]:
        """Take a rhythm mark: ``apnoea`` or ``apnoea begins``, until ``apnoea ends``.

        A mark with an ``until_ns`` ends what it names. Labels that are not in
        `alarms.table.RHYTHMS` (spaces for underscores) do not alarm. The source is the waveform,
        unless the device is given.
        """
        at = self._timeline.at(now_ns, monotonic_ns)
        label = annotation.label
        ended = annotation.until_ns is not None or label.endswith(" ends")
        name = label.removesuffix(" ends").removesuffix(" begins").replace(" ", "_")
        if name not in RHYTHMS:
            return []
        whose = annotation.metric if source is None else source
        found = self._person(subject).rhythm(name, annotation.metric, ended, whose, at)
        return self._out(subject, found)

    def see(
        self, subject: str, source: str, now_ns: int, monotonic_ns: int | None = None
    ) -> list[AlarmEvent]:
        """Note that samples of ``source`` came: the rhythms that it claims can be observed."""
        at = self._timeline.at(now_ns, monotonic_ns)
        person = self._subjects.get(subject)
        return self._out(subject, person.see(source, at) if person else [])

    def tick(self, now_ns: int, monotonic_ns: int | None = None) -> list[AlarmEvent]:
        """Advance time: delays that elapse, values that stay away. Call about once a second."""
        at = self._timeline.at(now_ns, monotonic_ns)
        events: list[AlarmEvent] = []
        self.failed.clear()
        for name, person in self._subjects.items():
            try:
                events += self._out(name, person.tick(at))
            except Exception as error:
                self.failed[name] = error
        return events

    # ends

    def release(
        self,
        subject: str,
        now_ns: int,
        metrics: Collection[str] | None = None,
        monotonic_ns: int | None = None,
        source: str | Collection[str] | None = None,
    ) -> list[AlarmEvent]:
        """End what ``source`` (or several) claims, and what is known of ``metrics``.

        Their sensors were taken off on purpose. High-priority alarms that nobody has acknowledged
        stay latched.
        """
        at = self._timeline.at(now_ns, monotonic_ns)
        person = self._subjects.get(subject)
        sources = (source,) if isinstance(source, str) else (source or ())
        return self._out(subject, person.release(sources, metrics or (), at) if person else [])

    def sources(self, subject: str) -> set[str]:
        """Return every source whose word counts now, or counted before a restart."""
        person = self._subjects.get(subject)
        return person.sources() if person else set()

    def claimed_rhythms(self, subject: str, source: str, metric: str) -> tuple[str, ...]:
        """Return the rhythms that the detector on ``metric`` of ``source`` claims."""
        person = self._subjects.get(subject)
        return person.claimed_rhythms(source, metric) if person else ()

    def was_linked(self, subject: str, source: str) -> bool:
        """Return whether the link of a device was up for ``subject``, perhaps before a restart."""
        person = self._subjects.get(subject)
        return person is not None and source in person.linked

    def forget_link(self, subject: str, source: str) -> None:
        """Forget that the link of a device was up: it is not missed after a restart."""
        person = self._subjects.get(subject)
        if person is not None:
            person.linked.discard(source)

    def end_detector(
        self,
        subject: str,
        source: str,
        metric: str,
        now_ns: int,
        monotonic_ns: int | None = None,
    ) -> list[AlarmEvent]:
        """End the rhythms claimed through ``metric`` of ``source``: its detector is replaced."""
        at = self._timeline.at(now_ns, monotonic_ns)
        person = self._subjects.get(subject)
        return self._out(subject, person.end_detector(source, metric, at) if person else [])

    def forget(
        self, subject: str, now_ns: int, monotonic_ns: int | None = None
    ) -> list[AlarmEvent]:
        """Take a subject who left off the board: everything of theirs ends."""
        at = self._timeline.at(now_ns, monotonic_ns)
        person = self._subjects.pop(subject, None)
        return self._out(subject, person.end_all(at) if person else [])

    def subjects(self) -> list[str]:
        """Return who is on the board."""
        return list(self._subjects)

    # persons

    def acknowledge(
        self,
        subject: str,
        condition: str,
        author: str,
        now_ns: int,
        monotonic_ns: int | None = None,
        since_ns: int | None = None,
    ) -> list[AlarmEvent]:
        """Silence one alarm as seen by ``author``; a latched one ends.

        ``since_ns`` names the occurrence that was seen, to the millisecond; raises `Superseded`
        where another has taken its place.
        """
        self._check_occurrence(subject, condition, since_ns)
        return self._act(subject, condition, Event.ACKNOWLEDGE, author, now_ns, monotonic_ns)

    def inhibit(
        self,
        subject: str,
        condition: str,
        author: str,
        now_ns: int,
        monotonic_ns: int | None = None,
    ) -> list[AlarmEvent]:
        """Switch one alarm off until `enable`; `inhibited` keeps it in view."""
        self._person(subject)
        return self._act(subject, condition, Event.INHIBIT, author, now_ns, monotonic_ns)

    def enable(
        self,
        subject: str,
        condition: str,
        author: str,
        now_ns: int,
        monotonic_ns: int | None = None,
    ) -> list[AlarmEvent]:
        """Switch an inhibited alarm on; if its condition is present it starts again."""
        return self._act(subject, condition, Event.ENABLE, author, now_ns, monotonic_ns)

    def pause_audio(self, subject: str | None, until_ns: int) -> None:
        """Pause the sound for one subject, or all, until ``until_ns`` or `AUDIO_PAUSE_MAX_S`.

        ``until_ns`` is UTC by the newest moment given. A high-priority alarm that begins ends the
        pause of its subject: its event carries ``ends_pause``.
        """
        at = self._timeline.last()
        left_ns = min(until_ns - at.now_ns, AUDIO_PAUSE_MAX_S * SECOND_NS)
        for name, person in self._subjects.items():
            if subject in (None, name):
                person.audio_paused_until_ns = at.clock_ns + left_ns

    def set_limits(self, subject: str, limits: AlarmLimits) -> list[AlarmEvent]:
        """Judge ``subject`` by ``limits`` from now on, beginning with the newest values."""
        found = self._person(subject).set_limits(limits, self._timeline.last())
        return self._out(subject, found)

    # questions

    def limits(self, subject: str) -> AlarmLimits:
        """Return the limits of ``subject``: the usual ones for somebody who is not on the board."""
        person = self._subjects.get(subject)
        return person.limits if person else AlarmLimits()

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
            if condition.state in SOUNDING
            and person.audio_paused_until_ns <= self._timeline.clock_ns
        ]
        return min(sounding, key=URGENCY.__getitem__, default=None)

    def audio_pause_left_s(self, subject: str) -> float:
        """Return how long the sound of ``subject`` stays paused, 0 if it does not."""
        person = self._subjects.get(subject)
        until_ns = person.audio_paused_until_ns if person else 0
        return max(0.0, (until_ns - self._timeline.clock_ns) / SECOND_NS)

    # restart

    def snapshot(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        return {
            "clock_ns": self._timeline.clock_ns,
            "now_ns": self._timeline.now_ns,
            "subjects": {name: person.to_dict() for name, person in self._subjects.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a snapshot: every alarm that was active is active again."""
        subjects = {
            name: SubjectAlarms.from_dict(name, kept, state["clock_ns"])
            for name, kept in state["subjects"].items()
        }
        self._timeline.restore(state["clock_ns"], state["now_ns"])
        self._subjects = subjects

    # helpers

    def _check_occurrence(self, subject: str, condition: str, since_ns: int | None) -> None:
        person = self._subjects.get(subject)
        known = person.conditions.get(condition) if person else None
        shown_ns = known.onset_ns if known is not None and known.is_signalled else None
        if since_ns is not None and shown_ns is not None and abs(shown_ns - since_ns) > _SAME_NS:
            raise Superseded(
                f"alarm {condition!r} of subject {subject} has begun again since: look at it "
                "and acknowledge the new one"
            )

    def _out(self, subject: str, events: list[AlarmEvent]) -> list[AlarmEvent]:
        """Return what is reported of the ``events`` of one subject."""
        return events

    def _act(
        self,
        subject: str,
        condition: str,
        event: Event,
        author: str,
        now_ns: int,
        monotonic_ns: int | None,
    ) -> list[AlarmEvent]:
        at: Instant = self._timeline.at(now_ns, monotonic_ns)
        person = self._subjects.get(subject)
        found = person.act(condition, event, author, at) if person else []
        return self._out(subject, found)

    def _person(self, subject: str) -> SubjectAlarms:
        person = self._subjects.get(subject)  # no `setdefault`: it would make one for each value
        if person is None:
            person = self._subjects[subject] = SubjectAlarms(subject)
        return person

    def _each(self, subject: str | None) -> Iterator[tuple[SubjectAlarms, Condition]]:
        for name, person in self._subjects.items():
            if subject is None or name == subject:
                for condition in person.conditions.values():
                    yield person, condition
