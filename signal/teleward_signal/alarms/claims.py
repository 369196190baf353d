"""The conditions of one subject, and who claims them.

Everything that changes a condition goes through here: a claim is made, lost, ended; a person acts.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from teleward_signal.alarms.causes import is_known
from teleward_signal.alarms.condition import Condition
from teleward_signal.alarms.limits import AlarmLimits
from teleward_signal.alarms.table import LATCHED_TECHNICAL, RHYTHMS, TECHNICAL, Event, State, base
from teleward_signal.errors import Invalid
from teleward_signal.model import AlarmEvent, AlarmKind, Priority
from teleward_signal.timeline import SECOND_NS, Instant

DIFFERENCE = "pulse_difference"


@dataclass(slots=True)
class Claims:
    """Conditions of the subject ``name`` by their names, and what a person did about them."""

    name: str
    limits: AlarmLimits = field(default_factory=AlarmLimits)
    conditions: dict[str, Condition] = field(default_factory=dict)
    audio_paused_until_ns: int = 0
    one_a_cause: bool = field(default=False, kw_only=True)
    """What comes of a cause that is signalled is nothing new: it ends no pause."""

    def act(self, name: str, event: Event, author: str, at: Instant) -> list[AlarmEvent]:
        """Take a person's act on one condition."""
        condition = self.conditions.get(name)
        if condition is None:
            if event is not Event.INHIBIT:
                return []
            condition = self._condition(name)
        condition.author = author
        was_inhibited = condition.state is State.INHIBITED
        events = self._take(condition, event, at)
        if event is Event.ENABLE and was_inhibited and condition.is_present:
            self.conditions[name] = condition
            events += self._take(condition, Event.BREACH, at)
        return events

    def _condition(self, name: str, kind: AlarmKind = AlarmKind.PHYSIOLOGICAL) -> Condition:
        """Return the condition ``name``, made if it is quiet."""
        if name in self.conditions:
            return self.conditions[name]
        if kind is AlarmKind.TECHNICAL or base(name) in TECHNICAL:
            priority = TECHNICAL.get(base(name), Priority.LOW)
            latching = base(name) in LATCHED_TECHNICAL
            made = Condition(name, AlarmKind.TECHNICAL, priority, latching)
        elif name in RHYTHMS:
            # A run of beats is over before anyone looks: medium latches too.
            made = Condition(name, kind, RHYTHMS[name], RHYTHMS[name] is not Priority.LOW)
        elif name == DIFFERENCE:
            delay_ns = round(self.limits.difference_delay_s * SECOND_NS)
            made = Condition(name, kind, Priority.MEDIUM, False, delay_ns, "heart_rate")
        else:
            made = self._limit_condition(name)
        self.conditions[name] = made
        return made

    def _limit_condition(self, name: str) -> Condition:
        for metric, limits in self.limits.metrics.items():
            for limit in limits.limits(metric):
                if limit.condition == name:
                    latching = limit.priority is Priority.HIGH and self.limits.latch_high
                    delay_ns = round(limit.delay_s * SECOND_NS)
                    kind = AlarmKind.PHYSIOLOGICAL
                    return Condition(name, kind, limit.priority, latching, delay_ns, metric)
        raise Invalid(
            f"no alarm condition {name!r}: neither a limit set for {self.name!r}, "
            "a rhythm nor a technical condition"
        )

    def _claim(self, condition: Condition, source: str, text: str, at: Instant) -> list[AlarmEvent]:
        condition.claims[source], condition.text = True, text
        return self._take(condition, Event.BREACH, at)

    def _lose(self, condition: Condition, source: str, at: Instant) -> list[AlarmEvent]:
        if not condition.claims.get(source):
            return []
        condition.claims[source] = False
        return [] if condition.is_present else self._take(condition, Event.LOST, at)

    def _end(
        self, condition: Condition | None, sources: Collection[str], event: Event, at: Instant
    ) -> list[AlarmEvent]:
        """End the claims of ``sources``; the condition ends with its last claim."""
        if condition is None or not condition.claims.keys() & set(sources):
            return []
        was_present = condition.is_present
        for source in sources:
            condition.claims.pop(source, None)
        if not condition.claims:
            return self._take(condition, event, at)
        return self._take(condition, Event.LOST, at) if was_present > condition.is_present else []

    def _clear(self, name: str, at: Instant) -> list[AlarmEvent]:
        condition = self.conditions.get(name)
        if condition is None:
            return []
        condition.claims.clear()
        return self._take(condition, Event.CLEAR, at)

    def _take(self, condition: Condition, event: Event, at: Instant) -> list[AlarmEvent]:
        before, was_signalled = condition.state, condition.is_signalled
        changed = condition.take(event, at.clock_ns)
        again = before is State.LATCHED and condition.state is State.ON
        if again or (condition.is_signalled and not was_signalled):
            condition.onset_ns, condition.extreme = at.now_ns, condition.value
        ends_pause = (
            changed
            and condition.state is State.ON
            and condition.priority is Priority.HIGH
            and self.audio_paused_until_ns > at.clock_ns
            and not (self.one_a_cause and is_known(condition, self.conditions.values()))
        )
        if ends_pause:
            self.audio_paused_until_ns = 0  # a pause silences what was heard, not what is new
        if condition.is_idle:
            self.conditions.pop(condition.name, None)
        return [condition.as_event(self.name, at.now_ns, ends_pause)] if changed else []
