"""The alarm board: all conditions of all subjects, and one alarm for each cause.

`ConditionBoard` knows what is present, seen and latched; `alarms.causes` decides which of the
conditions of one cause is signalled, with the others in its text. What is covered is signalled as
soon as it is the most urgent of its cause; what comes while the alarm of its cause is acknowledged
has been seen with it.

A teaching and monitoring aid, not a certified medical device.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from teleward_signal.alarms.causes import covered, text_of
from teleward_signal.alarms.condition_board import (
    AUDIO_PAUSE_MAX_S,
    ConditionBoard,
    Superseded,
)
from teleward_signal.alarms.rates import fresh_by_metric
from teleward_signal.alarms.subject import SubjectAlarms
from teleward_signal.alarms.table import SOUNDING, URGENCY, Event, State
from teleward_signal.model import AlarmEvent, Presence, Priority

__all__ = ["AUDIO_PAUSE_MAX_S", "AlarmBoard", "Superseded"]


@dataclass(frozen=True, slots=True)
class _Shown:
    """What is signalled of one subject: each alarm with what it covers, and all that is covered."""

    alarms: dict[str, tuple[str, ...]]
    hidden: frozenset[str]


_NOTHING = _Shown({}, frozenset())


class AlarmBoard(ConditionBoard):
    """One alarm for each cause of each subject; the methods are those of `ConditionBoard`."""

    def __init__(self) -> None:
        """Begin with nobody on the board."""
        super().__init__()
        self._shown: dict[str, _Shown] = {}

    def acknowledge(
        self,
        subject: str,
        condition: str,
        author: str,
        now_ns: int,
        monotonic_ns: int | None = None,
        since_ns: int | None = None,
    ) -> list[AlarmEvent]:
        """Silence one alarm, with what it covers, as seen by ``author``; a latched one ends.

        ``since_ns`` names the occurrence that was seen, to the millisecond; raises `Superseded`
        where another has taken its place.
        """
        person = self._subjects.get(subject)
        members = _shown_of(person).alarms.get(condition, ()) if person is not None else ()
        at = self._timeline.at(now_ns, monotonic_ns)
        if person is not None and members:
            self._check_occurrence(subject, condition, since_ns)
            for name in members:
                person.act(name, Event.ACKNOWLEDGE, author, at)
        return super().acknowledge(subject, condition, author, now_ns, monotonic_ns, since_ns)

    def active(self, subject: str | None = None) -> list[AlarmEvent]:
        """Return one alarm for each cause, by priority, then onset, with its newest value."""
        shown = {name: _shown_of(person).alarms for name, person in self._subjects.items()}
        return [
            self._worded(self._subjects[event.subject], event, shown[event.subject])
            for event in super().active(subject)
            if event.condition in shown[event.subject]
        ]

    def audible(self, subject: str | None = None) -> Priority | None:
        """Return the highest priority to sound now: neither acknowledged nor paused."""
        sounding = [
            person.conditions[name].priority
            for person in self._subjects.values()
            if subject in (None, person.name)
            and person.audio_paused_until_ns <= self._timeline.clock_ns
            for name in _shown_of(person).alarms
            if person.conditions[name].state in SOUNDING
        ]
        return min(sounding, key=URGENCY.__getitem__, default=None)

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a snapshot: every alarm that was active is active again."""
        super().restore(state)
        for person in self._subjects.values():
            person.one_a_cause = True
        self._shown = {name: _shown_of(person) for name, person in self._subjects.items()}

    def _person(self, subject: str) -> SubjectAlarms:
        person = super()._person(subject)
        person.one_a_cause = True
        return person

    def _out(self, subject: str, events: list[AlarmEvent]) -> list[AlarmEvent]:
        """Return what changes of the alarms of one subject, by what changed of its conditions."""
        before = self._shown.get(subject, _NOTHING)
        if not events and not before.alarms:
            return events
        person = self._subjects.get(subject)
        if person is None:  # the subject left
            self._shown.pop(subject, None)
            return [event for event in events if event.condition not in before.hidden]
        events = events + self._see_with_leaders(person)
        now = self._shown[subject] = _shown_of(person)
        found = [
            self._worded(person, event, now.alarms)
            if event.condition in now.alarms
            else replace(event, presence=Presence.OFF)
            for event in events
            if event.condition in now.alarms
            or event.condition in before.alarms
            or event.condition not in now.hidden | before.hidden
        ]
        reported = {event.condition for event in found}
        stamp_ns = self._timeline.last().now_ns
        for name in [*before.alarms, *now.alarms]:
            if name in reported or before.alarms.get(name) == now.alarms.get(name):
                continue
            reported.add(name)
            if name not in now.alarms and name not in person.conditions:
                continue
            event = person.conditions[name].as_event(subject, stamp_ns)
            if name in now.alarms:
                found.append(self._worded(person, event, now.alarms))
            else:
                found.append(replace(event, presence=Presence.OFF))
        return found

    def _see_with_leaders(self, person: SubjectAlarms) -> list[AlarmEvent]:
        """Acknowledge what comes while the alarm of its cause is acknowledged."""
        at, events = self._timeline.last(), []
        for name, leader in covered(person.conditions.values()).items():
            seen = person.conditions[leader]
            if seen.state is State.ACKNOWLEDGED and person.conditions[name].state in SOUNDING:
                events += person.act(name, Event.ACKNOWLEDGE, seen.author or "", at)
        return events

    def _worded(
        self, person: SubjectAlarms, event: AlarmEvent, alarms: dict[str, tuple[str, ...]]
    ) -> AlarmEvent:
        leader = person.conditions.get(event.condition)
        if leader is None or not leader.is_signalled:
            return event
        members: Collection[str] = alarms[event.condition]
        known = [person.conditions[name] for name in members if name in person.conditions]
        rates = fresh_by_metric(person.readings, self._timeline.last().clock_ns)
        return replace(event, text=text_of(leader, known, rates))


def _shown_of(person: SubjectAlarms) -> _Shown:
    """Return what is signalled of one subject now."""
    hidden = covered(person.conditions.values())
    alarms: dict[str, tuple[str, ...]] = {
        c.name: () for c in person.conditions.values() if c.is_signalled and c.name not in hidden
    }
    for name, leader in hidden.items():
        alarms[leader] = (*alarms[leader], name)
    return _Shown(alarms, frozenset(hidden))
