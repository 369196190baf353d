"""The alarms of one subject: evidence is judged here, `alarms.AlarmBoard` keeps everyone's.

``clock_ns`` is a clock that never goes back, ``now_ns`` what the events are stamped with.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NamedTuple

from teleward_signal.alarms.condition import Condition
from teleward_signal.alarms.limits import AlarmLimits, Limit, MetricLimits
from teleward_signal.alarms.table import RHYTHMS, TECHNICAL, Event, State
from teleward_signal.errors import Invalid
from teleward_signal.model import AlarmEvent, AlarmKind, Measurement, Priority, Source
from teleward_signal.news2 import displayed
from teleward_signal.vocabulary import METRICS

CONTINUOUS = frozenset({"heart_rate", "pulse_rate", "spo2", "respiratory_rate", "etco2"})
"""Metrics that renew themselves every few seconds: their silence is a technical alarm."""

DIFFERENCE = "pulse_difference"
SECOND_NS = 1_000_000_000

# Two rates are compared only while both are this fresh: oximeters report every one to four seconds.
_COMPARE_NS = 10 * SECOND_NS


class Instant(NamedTuple):
    """The same moment by both clocks."""

    clock_ns: int
    now_ns: int


@dataclass(slots=True)
class Reading:
    """The latest state of one metric: ``value`` is ``None`` while withheld, for ``reason``."""

    value: float | None
    valued_ns: int
    """Clock time of the last value."""
    is_stream: bool
    reason: str | None


@dataclass(slots=True)
class SubjectAlarms:
    """Limits, newest readings and conditions of one subject."""

    name: str
    limits: AlarmLimits = field(default_factory=AlarmLimits)
    readings: dict[str, Reading] = field(default_factory=dict)
    conditions: dict[str, Condition] = field(default_factory=dict)
    audio_paused_until_ns: int = 0

    def update(self, measurement: Measurement, at: Instant) -> list[AlarmEvent]:
        """Judge a measurement; one without a value is no evidence for or against anything."""
        metric, value = measurement.metric, measurement.value
        if value is not None and not isfinite(value):
            value = None
        reading = self.readings.setdefault(metric, Reading(None, at.clock_ns, False, None))
        reading.is_stream = (
            metric in CONTINUOUS
            and measurement.source is not Source.MANUAL
            and measurement.valid_s <= self.limits.no_data_s
        )
        reading.value, reading.reason = value, measurement.reason
        if value is None:
            return []
        reading.value, reading.valued_ns = displayed(metric, value), at.clock_ns
        events = self._clear(f"no_data:{metric}", at)
        events += self._judge_metric(metric, at)
        if metric in ("heart_rate", "pulse_rate"):
            events += self._judge_difference(at)
        return events

    def technical(self, name: str, active: bool, text: str, at: Instant) -> list[AlarmEvent]:
        """Set or clear a technical condition."""
        if not active:
            return self._clear(name, at)
        text = text or name.partition(":")[0].replace("_", " ").capitalize()
        events = self._raise(self._condition(name, AlarmKind.TECHNICAL), text, at)
        if name.startswith("lead_off"):
            events += self._lose(lambda c: c.name in RHYTHMS and c.name != "apnoea", at)
        return events

    def rhythm(self, name: str, metric: str, ended: bool, at: Instant) -> list[AlarmEvent]:
        """Begin or end a rhythm; one that arrives complete (a pause) begins and ends at once."""
        condition = self._condition(name)
        condition.metric = metric
        events = []
        if not (ended and condition.present):
            events += self._raise(condition, name.replace("_", " ").capitalize(), at)
        return events + (self._clear(name, at) if ended else [])

    def tick(self, at: Instant) -> list[AlarmEvent]:
        """Find streams that have gone silent and delays that have elapsed."""
        events = []
        silence_ns = self.limits.no_data_s * SECOND_NS
        for metric, reading in self.readings.items():
            if reading.is_stream and at.clock_ns - reading.valued_ns >= silence_ns:
                events += self._silent(metric, reading, at)
        for condition in list(self.conditions.values()):
            if condition.state is State.PENDING and self._is_supported(condition):
                events += self._take(condition, Event.BREACH, at)
        return events

    def act(self, name: str, event: Event, author: str, at: Instant) -> list[AlarmEvent]:
        """Take a person's act on one condition."""
        condition = self.conditions.get(name)
        if condition is None:
            if event is not Event.INHIBIT:
                return []
            condition = self._condition(name)
        condition.author = author
        events = self._take(condition, event, at)
        if event is Event.ENABLE and condition.present:
            self.conditions[name] = condition
            events += self._take(condition, Event.BREACH, at)
        return events

    def set_limits(self, limits: AlarmLimits, at: Instant) -> list[AlarmEvent]:
        """Judge the newest values by new limits; alarms of limits that are gone end as cleared."""
        before = {limit.condition for m, v in self.limits.metrics.items() for limit in v.limits(m)}
        after = {limit.condition for m, v in limits.metrics.items() for limit in v.limits(m)}
        self.limits = limits
        events = []
        for name in sorted(before - after):
            events += self._clear(name, at)
        for metric in self.readings:
            events += self._judge_metric(metric, at)
        return events

    def release(self, metrics: Iterable[str] | None, at: Instant) -> list[AlarmEvent]:
        """Expect ``metrics`` (all if ``None``) no longer: their sensors were taken off."""
        chosen = set(self.readings) if metrics is None else set(metrics)
        events = self._lose(
            lambda c: c.kind is AlarmKind.PHYSIOLOGICAL and (metrics is None or c.metric in chosen),
            at,
        )
        for metric in sorted(chosen):
            self.readings.pop(metric, None)
            events += self._clear(f"no_data:{metric}", at)
        return events

    def _condition(self, name: str, kind: AlarmKind = AlarmKind.PHYSIOLOGICAL) -> Condition:
        """Return the condition ``name``, made new if it is quiet."""
        if name in self.conditions:
            return self.conditions[name]
        base = name.partition(":")[0]
        if kind is AlarmKind.TECHNICAL or base in TECHNICAL:
            priority = TECHNICAL.get(base, Priority.LOW)
            made = Condition(name, AlarmKind.TECHNICAL, priority, latching=False)
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
        raise Invalid(f"no alarm condition {name!r}: neither a limit set for {self.name!r}, "
                         "a rhythm nor a technical condition")  # fmt: skip

    def _judge_metric(self, metric: str, at: Instant) -> list[AlarmEvent]:
        value = self.readings[metric].value
        events: list[AlarmEvent] = []
        if value is not None:
            for limit in self.limits.metrics.get(metric, MetricLimits()).limits(metric):
                events += self._judge(limit, value, at)
        return events

    def _judge(self, limit: Limit, value: float, at: Instant) -> list[AlarmEvent]:
        if limit.is_breached(value):
            condition = self._condition(limit.condition)
            condition.value, condition.limit = value, limit.value
            return self._raise(condition, _limit_text(limit, value), at)
        known = self.conditions.get(limit.condition)
        if known is None:
            return []
        known.value = value
        # Hysteresis holds an alarm that sounds; it does not help a brief breach to become one.
        if known.state is State.PENDING or limit.is_clear(value):
            return self._clear(limit.condition, at)
        return []

    def _judge_difference(self, at: Instant) -> list[AlarmEvent]:
        rates = [self.readings.get(metric) for metric in ("heart_rate", "pulse_rate")]
        values = [
            r.value
            for r in rates
            if r is not None and r.value is not None and at.clock_ns - r.valued_ns <= _COMPARE_NS
        ]
        if len(values) < 2:
            return []
        percent = 100 * abs(values[0] - values[1]) / max(*values, 1.0)
        if percent <= self.limits.difference_percent:
            return self._clear(DIFFERENCE, at)
        condition = self._condition(DIFFERENCE)
        condition.value, condition.limit = round(percent), self.limits.difference_percent
        text = f"HR {values[0]:.0f} and pulse {values[1]:.0f} differ"
        return self._raise(condition, text, at)

    def _silent(self, metric: str, reading: Reading, at: Instant) -> list[AlarmEvent]:
        label = METRICS[metric].label
        why = f"withheld: {reading.reason}" if reading.reason else "no data"
        condition = self._condition(f"no_data:{metric}", AlarmKind.TECHNICAL)
        events = self._raise(condition, f"{label} {why}", at)
        rates = {"heart_rate", "pulse_rate"}
        return events + self._lose(
            lambda c: (
                c.kind is AlarmKind.PHYSIOLOGICAL
                and c.name not in RHYTHMS
                and (c.metric == metric or (c.name == DIFFERENCE and metric in rates))
            ),
            at,
        )

    def _is_supported(self, condition: Condition) -> bool:
        """Return whether the newest word still shows the breach: withheld values do not."""
        metrics = ("heart_rate", "pulse_rate") if condition.name == DIFFERENCE else ()
        for metric in metrics or (condition.metric,):
            reading = self.readings.get(metric or "")
            if reading is None or reading.value is None:
                return False
        return condition.present

    def _raise(self, condition: Condition, text: str, at: Instant) -> list[AlarmEvent]:
        condition.present, condition.text = True, text
        return self._take(condition, Event.BREACH, at)

    def _clear(self, name: str, at: Instant) -> list[AlarmEvent]:
        condition = self.conditions.get(name)
        if condition is None:
            return []
        condition.present = False
        return self._take(condition, Event.CLEAR, at)

    def _lose(self, chosen: Callable[[Condition], bool], at: Instant) -> list[AlarmEvent]:
        events = []
        for condition in [c for c in self.conditions.values() if chosen(c)]:
            condition.present = False
            events += self._take(condition, Event.LOST, at)
        return events

    def _take(self, condition: Condition, event: Event, at: Instant) -> list[AlarmEvent]:
        was_signalled = condition.is_signalled
        changed = condition.take(event, at.clock_ns)
        if condition.is_signalled and not was_signalled:
            condition.onset_ns = at.now_ns
        if changed and condition.state is State.ON and condition.priority is Priority.HIGH:
            self.audio_paused_until_ns = 0  # a pause silences what was heard, not what is new
        if condition.state is State.QUIET:
            self.conditions.pop(condition.name, None)
        return [condition.as_event(self.name, at.now_ns)] if changed else []

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        readings = {
            m: [r.value, r.valued_ns, r.is_stream, r.reason] for m, r in self.readings.items()
        }
        return {
            "limits": self.limits.to_dict(),
            "audio_paused_until_ns": self.audio_paused_until_ns,
            "conditions": [c.to_dict() for c in self.conditions.values()],
            "readings": readings,
        }

    @classmethod
    def from_dict(cls, name: str, kept: dict[str, Any]) -> "SubjectAlarms":
        """Read what `to_dict` wrote."""
        return cls(
            name,
            AlarmLimits.from_dict(kept["limits"]),
            {m: Reading(*r) for m, r in kept["readings"].items()},
            {c["name"]: Condition.from_dict(c) for c in kept["conditions"]},
            kept["audio_paused_until_ns"],
        )


def _limit_text(limit: Limit, value: float) -> str:
    metric = METRICS[limit.metric]
    side = limit.condition.removeprefix(f"{limit.metric}_").replace("_", " ")
    sign = ">" if limit.above else "<"
    unit = metric.unit if metric.unit == "%" else ""
    return f"{metric.label} {side}: {value:.{metric.decimals}f} {sign} {limit.value:g}{unit}"
